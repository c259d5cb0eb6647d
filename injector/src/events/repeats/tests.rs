use super::*;

fn notice(uid: usize) -> Notice {
    let owner =
        serde_json::json!({"apiVersion": "v1", "kind": "A", "name": "a", "uid": uid.to_string()});
    Notice {
        owner: serde_json::from_value(owner).unwrap(),
        namespace: "ci".to_owned(),
        message: "no".to_owned(),
    }
}

#[test]
fn the_same_notice_is_reported_again_only_after_the_quiet_time() {
    let (mut repeats, start) = (Repeats::default(), Instant::now());
    assert!(repeats.is_new(&notice(1), start));
    assert!(!repeats.is_new(&notice(1), start + QUIET / 2));
    assert!(repeats.is_new(&notice(2), start + QUIET / 2));
    assert!(repeats.is_new(&notice(1), start + QUIET));
    assert!(!repeats.is_new(&notice(2), start + QUIET));
}

#[test]
fn the_number_of_remembered_notices_is_limited() {
    let (mut repeats, now) = (Repeats::default(), Instant::now());
    for uid in 0..REMEMBERED + 1 {
        assert!(repeats.is_new(&notice(uid), now));
    }
    assert!(!repeats.is_new(&notice(REMEMBERED), now));
    assert!(
        repeats.is_new(&notice(0), now),
        "the oldest notice must be forgotten, so it counts as new"
    );
    assert!(repeats.told.len() <= REMEMBERED);
}

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
fn the_same_is_told_again_only_after_a_while() {
    let (mut repeats, start) = (Repeats::default(), Instant::now());
    assert!(repeats.is_new(&notice(1), start));
    assert!(!repeats.is_new(&notice(1), start + QUIET / 2));
    assert!(repeats.is_new(&notice(2), start + QUIET / 2));
    assert!(repeats.is_new(&notice(1), start + QUIET));
    assert!(!repeats.is_new(&notice(2), start + QUIET));
}

#[test]
fn many_notices_are_remembered_but_not_any_number() {
    let (mut repeats, now) = (Repeats::default(), Instant::now());
    for uid in 0..REMEMBERED + 1 {
        assert!(repeats.is_new(&notice(uid), now));
    }
    assert!(!repeats.is_new(&notice(REMEMBERED), now));
    assert!(repeats.is_new(&notice(0), now), "the oldest one fell out");
    assert!(repeats.told.len() <= REMEMBERED);
}

//! Tests of the rotation with a simulated clock and simulated API servers.

mod world;

use std::time::Duration;

use jiff::Timestamp;

use super::super::content::{Content, ContentError};
use super::*;

const HOUR: Duration = Duration::from_secs(3600);
/// The current time in most tests, in seconds since 1970.
const START: i64 = 1_790_000_000;

fn policy() -> Policy {
    Policy {
        names: Policy::names("injector", "gleaner", vec!["127.0.0.1".to_owned()]),
        leaf: 30 * HOUR,
        authority: 300 * HOUR,
        settle: Duration::from_secs(15),
    }
}

fn at(after: Duration) -> Timestamp {
    Timestamp::from_second(START).unwrap() + after
}

fn begun() -> Content {
    take(Step::Begin, None, &[], at(Duration::ZERO), &policy()).unwrap()
}

/// A time after which every API server has seen a change.
const SETTLED: Option<Duration> = Some(Duration::from_secs(3600));

#[test]
fn an_empty_secret_gets_a_ca_and_a_certificate_and_then_no_step_is_due() {
    assert_eq!(
        next(None, at(Duration::ZERO), None, &policy()),
        Some(Step::Begin)
    );
    let content = begun();
    for settled in [None, SETTLED] {
        assert_eq!(next(Some(&content), at(HOUR), settled, &policy()), None);
    }
    assert_eq!(content.authorities.len(), 1);
    assert!(
        content
            .leaf
            .is_of(content.newest(), &policy().names, at(HOUR))
    );
    assert!(content.serving().is_ok());
}

#[test]
fn a_certificate_is_renewed_when_a_third_of_its_validity_remains_even_if_its_ca_has_not_settled() {
    let content = begun();
    assert_eq!(next(Some(&content), at(19 * HOUR), None, &policy()), None);
    assert_eq!(
        next(Some(&content), at(20 * HOUR), None, &policy()),
        Some(Step::Leaf)
    );
    let renewed = take(Step::Leaf, Some(&content), &[], at(20 * HOUR), &policy()).unwrap();
    assert_eq!(renewed.authorities, content.authorities);
    assert_ne!(renewed.leaf, content.leaf);
    assert_eq!(next(Some(&renewed), at(20 * HOUR), None, &policy()), None);
}

#[test]
fn a_certificate_never_outlives_its_ca() {
    let content = begun();
    let late = take(Step::Leaf, Some(&content), &[], at(290 * HOUR), &policy()).unwrap();
    assert_eq!(late.leaf.validity.until, content.newest().validity.until);
    assert!(
        late.leaf
            .is_of(late.newest(), &policy().names, at(299 * HOUR))
    );
    assert!(
        !late
            .leaf
            .is_of(late.newest(), &policy().names, at(301 * HOUR))
    );
}

#[test]
fn a_new_ca_signs_only_after_it_has_settled_and_the_old_one_is_removed_after_its_last_certificate()
{
    let policy = policy();
    let mut content = begun();
    let mut now = at(195 * HOUR);
    content = take(Step::Leaf, Some(&content), &[], now, &policy).unwrap();
    now += 5 * HOUR;
    assert_eq!(
        next(Some(&content), now, SETTLED, &policy),
        Some(Step::Authority)
    );
    let joined = take(Step::Authority, Some(&content), &[], now, &policy).unwrap();
    assert_eq!(joined.authorities[1..], content.authorities);
    assert_eq!(
        joined.leaf, content.leaf,
        "the new CA must not sign certificates yet"
    );
    for settled in [None, Some(Duration::ZERO), Some(Duration::from_secs(14))] {
        assert_eq!(
            next(Some(&joined), now, settled, &policy),
            None,
            "{settled:?}"
        );
    }
    let settled = Some(Duration::from_secs(15));
    assert_eq!(next(Some(&joined), now, settled, &policy), Some(Step::Leaf));
    let signed = take(Step::Leaf, Some(&joined), &[], now, &policy).unwrap();
    assert!(signed.leaf.is_of(signed.newest(), &policy.names, now));
    assert_eq!(signed.authorities, joined.authorities);
    // The old CA's last certificate may be in use until it expires, so the old CA is not removed before that time.
    let last = content.leaf.validity.until;
    assert!(last < now + policy.leaf);
    let renewed = take(Step::Leaf, Some(&signed), &[], now + 20 * HOUR, &policy).unwrap();
    assert_eq!(
        next(Some(&renewed), now + 30 * HOUR, SETTLED, &policy),
        None
    );
    let after = now + 30 * HOUR + Duration::from_secs(1);
    assert_eq!(
        next(Some(&renewed), after, SETTLED, &policy),
        Some(Step::Forget)
    );
    let alone = take(Step::Forget, Some(&renewed), &[], after, &policy).unwrap();
    assert_eq!(alone.authorities, joined.authorities[..1]);
    assert_eq!(next(Some(&alone), after, SETTLED, &policy), None);
}

#[test]
fn an_expired_certificate_is_replaced_immediately_even_if_the_new_ca_has_not_settled() {
    let content = begun();
    let joined = take(Step::Authority, Some(&content), &[], at(HOUR), &policy()).unwrap();
    assert_eq!(next(Some(&joined), at(HOUR), None, &policy()), None);
    assert_eq!(
        next(Some(&joined), at(31 * HOUR), None, &policy()),
        Some(Step::Leaf)
    );
}

#[test]
fn a_certificate_is_replaced_immediately_when_a_name_is_added() {
    let content = begun();
    let mut renamed = policy();
    renamed.names.push("webhook.example".to_owned());
    assert_eq!(
        next(Some(&content), at(HOUR), None, &renamed),
        Some(Step::Leaf)
    );
    let content = take(Step::Leaf, Some(&content), &[], at(HOUR), &renamed).unwrap();
    assert_eq!(next(Some(&content), at(HOUR), None, &renamed), None);
    // If only names are removed, the existing certificate still covers the remaining names, so no step is due.
    assert_eq!(next(Some(&content), at(HOUR), None, &policy()), None);
}

#[test]
fn an_expired_ca_is_replaced() {
    let content = begun();
    assert_eq!(
        next(Some(&content), at(301 * HOUR), SETTLED, &policy()),
        Some(Step::Begin)
    );
    let anew = take(Step::Begin, Some(&content), &[], at(301 * HOUR), &policy()).unwrap();
    assert_eq!(
        anew.authorities.len(),
        1,
        "an expired CA must not be in the bundle"
    );
}

#[test]
fn a_deleted_secret_is_created_again_with_the_known_cas() {
    let old = begun();
    let anew = take(Step::Begin, None, &old.authorities, at(HOUR), &policy()).unwrap();
    assert_eq!(anew.authorities.len(), 2);
    assert_eq!(anew.authorities[1..], old.authorities);
    assert!(anew.leaf.is_of(anew.newest(), &policy().names, at(HOUR)));
    assert_eq!(next(Some(&anew), at(HOUR), None, &policy()), None);
}

#[test]
fn written_content_can_be_read_again() {
    let content = begun();
    let joined = take(Step::Authority, Some(&content), &[], at(HOUR), &policy()).unwrap();
    for content in [content, joined] {
        assert!(Content::read(&content.data()).unwrap() == content);
    }
}

#[test]
fn keys_that_do_not_match_their_certificate_are_rejected() {
    let (one, other) = (begun(), begun());
    let mixed = |key: &str| {
        let mut data = one.data();
        data[key] = other.data()[key].clone();
        Content::read(&data).unwrap_err()
    };
    assert_eq!(mixed("ca.key"), ContentError::Mismatch("ca.key", "ca.crt"));
    assert_eq!(
        mixed("tls.crt"),
        ContentError::Mismatch("tls.key", "tls.crt")
    );
    let mut data = one.data();
    data["ca.crt"] = "bm8=".into();
    assert_eq!(
        Content::read(&data).unwrap_err(),
        ContentError::Damaged("ca.crt")
    );
    data["ca.crt"] = "".into();
    assert_eq!(
        Content::read(&data).unwrap_err(),
        ContentError::Missing("ca.crt")
    );
    // A certificate that a foreign CA signed is replaced, even though its key matches.
    let mut foreign = one.clone();
    (foreign.leaf, foreign.leaf_key) = (other.leaf.clone(), other.leaf_key.clone());
    assert_eq!(
        next(Some(&foreign), at(HOUR), None, &policy()),
        Some(Step::Leaf)
    );
}

#[test]
fn a_bundle_stays_small_when_the_secret_is_deleted_repeatedly() {
    let mut content = begun();
    for _ in 0..20 {
        content = take(Step::Begin, None, &content.authorities, at(HOUR), &policy()).unwrap();
    }
    assert_eq!(content.authorities.len(), 8);
    assert!(Content::read(&content.data()).is_ok());
}

#[test]
fn the_debug_output_contains_no_key() {
    let content = begun();
    let text = format!("{content:?}");
    assert!(
        !text.contains("KEY") && !text.contains(&content.leaf_key),
        "{text}"
    );
}

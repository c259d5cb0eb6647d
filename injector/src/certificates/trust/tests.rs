use super::*;
use crate::certificates::{Policy, issue};

const NOW: i64 = 1_790_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds).unwrap()
}

fn hours(hours: i64) -> Timestamp {
    at(hours * 3600)
}

/// Returns a CA that is valid for ten days.
fn ca() -> Certificate {
    let policy = Policy {
        names: vec!["a".to_owned()],
        leaf: Duration::from_secs(3600),
        authority: Duration::from_secs(240 * 3600),
        settle: Duration::ZERO,
    };
    issue::authority(&policy, at(0)).unwrap().0
}

fn pem(all: &[&Certificate]) -> String {
    STANDARD.encode(all.iter().map(|ca| ca.pem()).collect::<String>())
}

fn configuration(bundles: &[Value]) -> Value {
    let webhooks = bundles.iter().map(|bundle| match bundle {
        Value::Null => json!({"name": "a", "clientConfig": {"service": {"name": "s"}}}),
        bundle => {
            json!({"name": "a", "clientConfig": {"service": {"name": "s"}, "caBundle": bundle}})
        }
    });
    json!({"metadata": {"resourceVersion": "7"}, "webhooks": webhooks.collect::<Vec<_>>()})
}

/// Repairs the configuration, and returns the trust before the repair.
#[track_caller]
fn repaired(configuration: &mut Value, own: &[Certificate], now: Timestamp) -> Before {
    let Repair { patch, before } = repair(configuration, own, now).expect("a repair");
    let patch: json_patch::Patch = serde_json::from_value(patch).unwrap();
    json_patch::patch(configuration, &patch).unwrap();
    assert_eq!(
        repair(configuration, own, now),
        None,
        "a second repair must not change anything"
    );
    before
}

#[test]
fn every_webhook_that_does_not_trust_exactly_the_own_cas_is_repaired() {
    let (own, other) = (ca(), ca());
    let right = pem(&[&own]);
    let mut configuration = configuration(&[
        json!(right),
        Value::Null,
        json!(pem(&[&own, &other])),
        json!(pem(&[&own, &own])),
        json!(pem(&[&other])),
        json!("?"),
        json!(""),
    ]);
    let patch = repair(&configuration, std::slice::from_ref(&own), at(0))
        .unwrap()
        .patch;
    let bundles = patch.as_array().unwrap().iter().filter(|change| {
        let path = change["path"].as_str().unwrap();
        path.ends_with("/clientConfig/caBundle")
    });
    assert_eq!(
        bundles.count(),
        6,
        "the patch must not change the webhook that is already correct"
    );
    repaired(&mut configuration, std::slice::from_ref(&own), at(0));
    for webhook in configuration["webhooks"].as_array().unwrap() {
        assert_eq!(
            webhook["clientConfig"],
            json!({"service": {"name": "s"}, "caBundle": right})
        );
    }
}

#[test]
fn replicas_with_different_cas_do_not_undo_each_others_changes() {
    let (one, two) = (ca(), ca());
    let mut configuration = configuration(&[Value::Null, Value::Null]);
    configuration["metadata"]["annotations"] = json!({"other": "kept"});
    let (ones, twos) = (std::slice::from_ref(&one), std::slice::from_ref(&two));
    assert_eq!(repaired(&mut configuration, ones, at(0)), Before::Nothing);
    assert_eq!(repaired(&mut configuration, twos, at(5)), Before::Others);
    assert_eq!(configuration["metadata"]["annotations"]["other"], "kept");
    for _ in 0..3 {
        assert_eq!(repair(&configuration, ones, at(10)), None);
        assert_eq!(repair(&configuration, twos, at(10)), None);
    }
    assert_eq!(authorities(&configuration), [two, one]);
}

#[test]
fn a_ca_stays_for_as_long_as_a_replica_announces_it() {
    let (old, new) = (ca(), ca());
    let (olds, news) = (std::slice::from_ref(&old), std::slice::from_ref(&new));
    let mut configuration = configuration(&[Value::Null]);
    repaired(&mut configuration, olds, hours(0));
    repaired(&mut configuration, news, hours(0));
    // Both replicas renew their announcements, so both CAs remain in the bundle for two days.
    for hour in [13, 26, 39] {
        assert_eq!(
            repaired(&mut configuration, olds, hours(hour)),
            Before::Trusted
        );
        repaired(&mut configuration, news, hours(hour));
        assert_eq!(authorities(&configuration).len(), 2, "{hour}");
    }
    // From this hour on, only one replica renews its announcement.
    repaired(&mut configuration, news, hours(52));
    assert_eq!(authorities(&configuration).len(), 2);
    assert_eq!(
        repaired(&mut configuration, news, hours(64)),
        Before::Trusted
    );
    assert_eq!(authorities(&configuration), [new]);
}

#[test]
fn an_expired_ca_is_removed_immediately() {
    let (old, new) = (ca(), ca());
    let mut configuration = configuration(&[Value::Null]);
    repaired(&mut configuration, &[old], hours(239));
    repaired(&mut configuration, std::slice::from_ref(&new), hours(239));
    assert_eq!(authorities(&configuration).len(), 2);
    repaired(&mut configuration, &[new], hours(241));
    assert_eq!(authorities(&configuration).len(), 1);
}

#[test]
fn invalid_announcements_are_ignored() {
    let (own, other) = (ca(), ca());
    for text in ["", "?", "[]", "{\"a\": 1}", "{\"a\": \"tomorrow\"}"] {
        let mut configuration = configuration(&[json!(pem(&[&own, &other]))]);
        configuration["metadata"]["annotations"] = json!({ANNOUNCEMENTS: text});
        repaired(&mut configuration, std::slice::from_ref(&own), at(0));
        assert_eq!(
            authorities(&configuration),
            std::slice::from_ref(&own),
            "{text}"
        );
    }
}

/// The CA in the file was created with `openssl x509 -req -signkey`, without extensions, so its version is 1.
#[test]
fn a_ca_may_use_x509_version_1() {
    let own = Certificate::all(include_bytes!("ca-of-version-1.pem")).expect("a CA");
    let mut configuration = configuration(&[Value::Null]);
    repaired(&mut configuration, &own, at(0));
    assert_eq!(authorities(&configuration), own);
}

#[test]
fn a_repair_fails_if_the_resource_version_has_changed() {
    let mut configuration = configuration(&[Value::Null]);
    let repair = repair(&configuration, &[ca()], at(0)).unwrap();
    let patch: json_patch::Patch = serde_json::from_value(repair.patch).unwrap();
    configuration["metadata"]["resourceVersion"] = json!("8");
    assert!(json_patch::patch(&mut configuration, &patch).is_err());
}

#[test]
fn a_configuration_without_webhooks_needs_no_repair() {
    assert_eq!(repair(&json!({"metadata": {}}), &[ca()], at(0)), None);
}

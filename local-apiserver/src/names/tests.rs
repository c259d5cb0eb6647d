use super::*;
use serde_json::json;

#[test]
fn names_follow_the_rule_of_their_kind() {
    let good = |rule: NameRule, name: &str| assert_eq!(rule.broken_by(name), None, "{name}");
    let bad = |rule: NameRule, name: &str| assert!(rule.broken_by(name).is_some(), "{name}");
    good(NameRule::Subdomain, "a.b-c.1");
    bad(NameRule::Subdomain, "a..b");
    bad(NameRule::Subdomain, "a_b");
    bad(NameRule::Subdomain, "a-");
    bad(NameRule::Subdomain, &"x".repeat(254));
    bad(NameRule::Label, "a.b");
    good(NameRule::Label, "1a");
    good(NameRule::PathSegment, "system:Any Thing");
    bad(NameRule::PathSegment, "a/b");
}

#[test]
fn labels_and_keys_are_checked() {
    let good = json!({"example.com/a": "", "b": "Yes_1.0"});
    assert_eq!(label_faults("l", &good), []);
    for bad in [
        json!({"a b": "x"}),
        json!({"/a": "x"}),
        json!({"a": "x y"}),
        json!({"a": "x".repeat(64)}),
    ] {
        assert_eq!(label_faults("l", &bad).len(), 1, "{bad}");
    }
}

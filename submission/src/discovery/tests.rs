use super::*;

#[test]
fn the_remedy_mentions_a_crd_only_for_groups_outside_kubernetes() {
    for (api_version, expected) in [
        (
            "autoscaling/v3",
            "because the group is built into Kubernetes",
        ),
        ("apps/v1", "because the group is built into Kubernetes"),
        ("v1", "check apiVersion and kind"),
        ("gateway.networking.k8s.io/v1", "install its CRD"),
        ("example.com/v1", "install its CRD"),
    ] {
        let name = KindName {
            api_version: api_version.to_owned(),
            kind: "Any".to_owned(),
        };
        let Reason::KindNotServed { remedy, .. } = not_served(&name, None) else {
            panic!("{api_version}");
        };
        assert!(remedy.contains(expected), "{api_version}: {remedy}");
    }
}

use super::{Reverse, version_rank};

#[test]
fn versions_rank_as_in_kubernetes() {
    let mut versions = ["v1alpha1", "v2", "v1beta2", "v1", "v1beta10"];
    versions.sort_by_key(|version| Reverse(version_rank(version)));
    assert_eq!(versions, ["v2", "v1", "v1beta10", "v1beta2", "v1alpha1"]);
}

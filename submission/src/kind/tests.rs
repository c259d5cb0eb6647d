use super::*;

fn place(api_version: &str, namespace: Option<&str>, name: &str) -> Place {
    let name_of_kind = KindName::new(api_version, "Image");
    Place {
        kind: Arc::new(Kind {
            name: name_of_kind,
            plural: "images".into(),
            namespaced: namespace.is_some(),
        }),
        namespace: namespace.map(str::to_owned),
        name: name.into(),
        disclosure: Disclosure::Full,
    }
}

#[test]
fn the_core_group_has_its_own_root_path() {
    assert_eq!(
        place("v1", Some("ci"), "a").path(),
        "/api/v1/namespaces/ci/images/a"
    );
    assert_eq!(place("g.io/v2", None, "a").path(), "/apis/g.io/v2/images/a");
    assert_eq!(place("v1", None, "a").kind.resource(), "images");
    assert_eq!(place("g.io/v2", None, "a").kind.resource(), "images.g.io");
}

#[test]
fn a_name_cannot_leave_its_path_segment() {
    assert_eq!(
        place("v1", Some("ci"), "../x?y#z %").path(),
        "/api/v1/namespaces/ci/images/..%2Fx%3Fy%23z%20%25"
    );
}

//! What a URL's path asks for.

/// A path, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `/version`
    Version,
    /// `/healthz`, `/livez`, `/readyz`
    Health,
    /// `/api`
    CoreVersions,
    /// `/apis`
    Groups,
    /// `/apis/GROUP`
    Group(String),
    /// `/api/v1`, `/apis/GROUP/VERSION`
    Resources { group: String, version: String },
    /// Objects of one resource.
    Objects(Objects),
    /// Anything else.
    Nothing,
}

/// `[/namespaces/NS]/RESOURCE[/NAME[/SUBRESOURCE]]` below a group and version.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Objects {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) namespace: Option<String>,
    pub(crate) resource: String,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

/// Takes a path apart. Percent signs are left alone: no name of a Kubernetes object needs one.
pub(crate) fn parse(path: &str) -> Target {
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    match segments.as_slice() {
        ["version"] => Target::Version,
        ["healthz" | "livez" | "readyz"] => Target::Health,
        ["api"] => Target::CoreVersions,
        ["apis"] => Target::Groups,
        ["api", version] => Target::Resources {
            group: String::new(),
            version: (*version).to_owned(),
        },
        ["apis", group] => Target::Group((*group).to_owned()),
        ["apis", group, version] => Target::Resources {
            group: (*group).to_owned(),
            version: (*version).to_owned(),
        },
        ["api", version, rest @ ..] => objects("", version, rest),
        ["apis", group, version, rest @ ..] => objects(group, version, rest),
        _ => Target::Nothing,
    }
}

fn objects(group: &str, version: &str, rest: &[&str]) -> Target {
    let (namespace, rest) = match rest {
        // `/namespaces/NS` itself, and its subresources, are about the namespace object.
        ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => (None, rest),
        ["namespaces", namespace, rest @ ..] => (Some((*namespace).to_owned()), rest),
        _ => (None, rest),
    };
    let (resource, name, subresource) = match rest {
        [resource] => (resource, None, None),
        [resource, name] => (resource, Some(name), None),
        [resource, name, subresource] => (resource, Some(name), Some(subresource)),
        _ => return Target::Nothing,
    };
    Target::Objects(Objects {
        group: group.to_owned(),
        version: version.to_owned(),
        namespace,
        resource: (*resource).to_owned(),
        name: name.map(|&s| s.to_owned()),
        subresource: subresource.map(|&s| s.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects_of(path: &str) -> (Option<String>, String, Option<String>, Option<String>) {
        match parse(path) {
            Target::Objects(o) => (o.namespace, o.resource, o.name, o.subresource),
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn a_namespace_is_an_object_and_a_place() {
        let some = |s: &str| Some(s.to_owned());
        assert_eq!(
            objects_of("/api/v1/namespaces"),
            (None, "namespaces".into(), None, None)
        );
        assert_eq!(
            objects_of("/api/v1/namespaces/a"),
            (None, "namespaces".into(), some("a"), None)
        );
        assert_eq!(
            objects_of("/api/v1/namespaces/a/status"),
            (None, "namespaces".into(), some("a"), some("status"))
        );
        assert_eq!(
            objects_of("/api/v1/namespaces/a/configmaps"),
            (some("a"), "configmaps".into(), None, None)
        );
        assert_eq!(
            objects_of("/apis/tekton.dev/v1/namespaces/a/taskruns/x/status"),
            (some("a"), "taskruns".into(), some("x"), some("status"))
        );
        assert_eq!(
            objects_of("/apis/tekton.dev/v1/taskruns"),
            (None, "taskruns".into(), None, None)
        );
    }

    #[test]
    fn what_is_nowhere_is_nothing() {
        assert_eq!(parse("/"), Target::Nothing);
        assert_eq!(parse("/metrics"), Target::Nothing);
        assert_eq!(parse("/apis/a/v1/namespaces/x/y/z/a/b"), Target::Nothing);
    }
}

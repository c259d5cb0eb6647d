//! URL paths of objects. Every segment is percent-encoded, because a name may contain any text but must not lead to a different
//! path. (Encoding does not protect against an empty segment, `.` or `..`.)

/// Returns the path at which the API server lists the kinds in a group version. `api_version` is `v1` or
/// `GROUP/VERSION`.
pub fn group_version(api_version: &str) -> String {
    match api_version.split_once('/') {
        Some((group, version)) => format!("/apis/{}/{}", segment(group), segment(version)),
        None => format!("/api/{}", segment(api_version)),
    }
}

/// Returns the path at which objects of a kind are created. `plural` is the path segment of the kind, such as `configmaps`.
pub fn collection(api_version: &str, plural: &str, namespace: Option<&str>) -> String {
    let (base, plural) = (group_version(api_version), segment(plural));
    match namespace {
        Some(namespace) => format!("{base}/namespaces/{}/{plural}", segment(namespace)),
        None => format!("{base}/{plural}"),
    }
}

/// Returns the path of an object.
pub fn object(api_version: &str, plural: &str, namespace: Option<&str>, name: &str) -> String {
    let collection = collection(api_version, plural, namespace);
    format!("{collection}/{}", segment(name))
}

/// Percent-encodes a path segment or a query value.
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

//! The kind of sidecar that the cluster's version allows.

use gleaner_core::inject::settings::Sidecars;
use gleaner_runtime::api_server::{ApiServer, RequestError};
use serde_json::Value;

/// The first version of Kubernetes 1 in which native sidecars are on by default (KEP-753).
const NATIVE_SIDECARS: u32 = 29;

#[derive(Debug, thiserror::Error)]
pub(crate) enum VersionError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("the API server's response to GET /version has no version")]
    Unknown,
}

/// Requests the API server's version and returns the kind of sidecar that the cluster supports.
///
/// # Errors
/// A [`VersionError`] if it does not report its version.
pub(crate) async fn supported_sidecars(server: &ApiServer) -> Result<Sidecars, VersionError> {
    let version = server.get("/version").await?.unwrap_or_default();
    sidecars(&version).ok_or(VersionError::Unknown)
}

/// Returns the kind of sidecar for a version such as `{"major": "1", "minor": "29+"}`: some distributions add a plus sign.
fn sidecars(version: &Value) -> Option<Sidecars> {
    let number = |field: &str| {
        let text = version[field].as_str()?;
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        text[..end].parse::<u32>().ok()
    };
    let version = (number("major")?, number("minor")?);
    Some(if version >= (1, NATIVE_SIDECARS) {
        Sidecars::Native
    } else {
        Sidecars::Tekton
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn native_sidecars_are_used_from_1_29_on() {
        let of = |major: &str, minor: &str| sidecars(&json!({"major": major, "minor": minor}));
        assert_eq!(of("1", "28"), Some(Sidecars::Tekton));
        assert_eq!(of("1", "29+"), Some(Sidecars::Native));
        assert_eq!(of("1", "36"), Some(Sidecars::Native));
        assert_eq!(of("2", "0"), Some(Sidecars::Native));
        assert_eq!(of("", ""), None);
        assert_eq!(sidecars(&json!({})), None);
    }
}

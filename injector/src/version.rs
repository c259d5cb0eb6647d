//! The kind of sidecar that the cluster's version allows.

use gleaner_core::inject::settings::Sidecars;
use gleaner_runtime::api_server::{ApiServer, RequestError};

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
    let version = server.version().await?.ok_or(VersionError::Unknown)?;
    Ok(Sidecars::supported_by(version.number))
}

//! The type of sidecar that the cluster's version supports.

use gleaner_core::inject::settings::Sidecars;
use gleaner_runtime::api_server::{ApiServer, RequestError};

#[derive(Debug, thiserror::Error)]
pub(crate) enum VersionError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("the API server's response to GET /version contains no version")]
    Unknown,
}

/// Requests the API server's version, and returns the type of sidecar that the cluster supports.
///
/// # Errors
/// Returns a [`VersionError`] if the API server does not report its version.
pub(crate) async fn supported_sidecars(server: &ApiServer) -> Result<Sidecars, VersionError> {
    let version = server.version().await?.ok_or(VersionError::Unknown)?;
    Ok(Sidecars::supported_by(version.number))
}

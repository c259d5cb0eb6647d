//! Clients and kubeconfigs for a server.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::{Client, Config};
use serde_json::json;

/// Returns a client that does not retry requests.
///
/// # Errors
///
/// Fails if the URL, the token or the CA is invalid.
pub fn client(url: &str, token: Option<&str>, authority: Option<&str>) -> Result<Client, String> {
    // Ignore the error, which means that another case has already installed the provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = Config::new(url.parse().map_err(|error| format!("{url}: {error}"))?);
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(5));
    config.read_timeout = Some(Duration::from_secs(30));
    config.auth_info.token = token.map(|token| token.to_owned().into());
    if let Some(pem) = authority {
        use rustls::pki_types::CertificateDer;
        use rustls::pki_types::pem::PemObject;
        let certificates: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        let certificates = certificates.map_err(|error| error.to_string())?;
        config.root_cert = Some(certificates.iter().map(|der| der.to_vec()).collect());
    }
    Client::try_from(config).map_err(|error| error.to_string())
}

/// Writes a kubeconfig for a server that requires no credentials.
pub(crate) fn plain_kubeconfig(url: &str, namespace: &str, folder: &Path) -> io::Result<PathBuf> {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": {"server": url}}],
        "users": [{"name": "anybody", "user": {}}],
        "contexts": [{
            "name": "local",
            "context": {"cluster": "local", "user": "anybody", "namespace": namespace},
        }],
        "current-context": "local",
    });
    let path = folder.join("kubeconfig.json");
    std::fs::write(&path, config.to_string())?;
    Ok(path)
}

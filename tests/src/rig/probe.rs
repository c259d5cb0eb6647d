//! Checks if kube-apiserver is ready.

use std::path::PathBuf;
use std::time::Duration;

use http::{Request, StatusCode};
use kube::client::Body;

use super::access::User;
use crate::server;

/// The time limit for one check.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) struct Probe {
    pub(crate) url: String,
    /// The file with the server's certificate, followed by the CA certificate that the server has generated.
    pub(crate) certificate: PathBuf,
    pub(crate) admin: User,
}

impl Probe {
    /// If the server is ready and has created the namespace `default`, returns the server's CA as PEM. Otherwise, returns `None`.
    pub(crate) fn ready(&self) -> Option<String> {
        let authority = std::fs::read_to_string(&self.certificate).ok()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .ok()?;
        let ready = runtime.block_on(async {
            let client =
                server::client(&self.url, Some(&self.admin.token), Some(&authority)).ok()?;
            for path in ["/readyz", "/api/v1/namespaces/default"] {
                let request = Request::get(path).body(Body::empty()).ok()?;
                let answer = tokio::time::timeout(PATIENCE, client.send(request))
                    .await
                    .ok()?
                    .ok()?;
                if answer.status() != StatusCode::OK {
                    return None;
                }
            }
            Some(())
        });
        ready.map(|()| authority)
    }
}

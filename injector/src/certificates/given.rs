//! A certificate and its CA in files, which cert-manager or the user provides.
//!
//! The injector writes the CA into the webhook configuration, and serves a certificate only after API servers have had time to
//! see its CA. Therefore, API servers trust every replica even while the files are replaced or the certificate source is changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gleaner_runtime::Shutdown;
use gleaner_runtime::api_server::ApiServer;
use jiff::Timestamp;
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};
use serde_json::Value;

use super::Checks;
use super::configuration::{Configuration, TrustError};
use super::content::{self, Certificate};
use crate::metrics::Metrics;
use crate::server::Readiness;
use crate::tls::files::{Files, FilesError};
use crate::tls::{Identity, Serving};

/// The paths of the certificate files, and the name of the webhook configuration that must contain their CA.
#[derive(Debug, Clone)]
pub struct Given {
    pub files: Files,
    /// The path of the CA file, in PEM format.
    pub authorities: PathBuf,
    pub configuration: String,
    pub settle: Duration,
}

/// A reason why the certificate in the files cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GivenError {
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error(
        "{path} cannot be read; --tls-ca must be a readable file with the CA of the certificate"
    )]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "{0} does not contain a CA certificate in PEM format; write the certificate of the CA that signed --tls-cert to it"
    )]
    Authorities(PathBuf),
    #[error(
        "API servers that trust the CA in {authorities} would reject the certificate in {certificate}: {reason}; use a valid certificate and the CA that signed it"
    )]
    Untrusted {
        authorities: PathBuf,
        certificate: PathBuf,
        reason: String,
    },
    #[error(
        "the certificate in {certificate} is not valid for {name}, to which API servers connect; issue a certificate with this DNS name"
    )]
    Name { certificate: PathBuf, name: String },
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// The parsed content of the files.
struct Presented {
    serving: Serving,
    authorities: Vec<Certificate>,
}

/// A task that serves the certificate in the files after API servers trust it.
#[must_use = "no certificate is served before `run` is called"]
pub struct Follower {
    given: Given,
    configuration: Configuration,
    identity: Identity,
    readiness: Arc<Readiness>,
    metrics: Metrics,
    /// The CAs of the certificate that is served, or that will be served after API servers trust it.
    authorities: Vec<Certificate>,
}

impl Given {
    /// Reads and checks the files once, but does not serve the certificate.
    ///
    /// # Errors
    /// Fails if the certificate cannot be served, or if an API server that trusts the CA would reject the certificate.
    pub fn check(&self) -> Result<(), GivenError> {
        self.present().map(drop)
    }

    fn present(&self) -> Result<Presented, GivenError> {
        let serving = self.files.present()?;
        let pem = fs::read(&self.authorities).map_err(|source| GivenError::Read {
            path: self.authorities.clone(),
            source,
        })?;
        let authorities = Certificate::all(&pem).filter(|all| !all.is_empty());
        let authorities =
            authorities.ok_or_else(|| GivenError::Authorities(self.authorities.clone()))?;
        distrust(serving.chain(), &authorities, Timestamp::now()).map_or(Ok(()), |reason| {
            Err(GivenError::Untrusted {
                authorities: self.authorities.clone(),
                certificate: self.files.certificate.clone(),
                reason,
            })
        })?;
        Ok(Presented {
            serving,
            authorities,
        })
    }
}

impl Follower {
    /// Returns the task, which must be started with [`run`](Self::run).
    pub fn new(
        server: ApiServer,
        given: Given,
        identity: Identity,
        readiness: Arc<Readiness>,
        metrics: Metrics,
    ) -> Self {
        let name = given.configuration.clone();
        Self {
            configuration: Configuration::new(server, name, given.settle, metrics.clone()),
            given,
            identity,
            readiness,
            metrics,
            authorities: Vec::new(),
        }
    }

    /// Polls the files until shutdown is requested. If the files become invalid, the previous certificate is still served.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut checks = Checks::new(self.given.files.poll, self.metrics.clone(), shutdown);
        while checks.run(self.check()).await {}
    }

    /// Reads the files once, adds the CA to the webhook configuration, and serves the certificate if API servers trust it.
    async fn check(&mut self) -> Result<(), GivenError> {
        let configuration = self.configuration.read().await.map_err(TrustError::from)?;
        let presented = self.given.present().and_then(|presented| {
            let certificate = &self.given.files.certificate;
            check_names(&presented.serving, configuration.as_ref(), certificate)?;
            Ok(presented)
        });
        if let Ok(presented) = &presented {
            self.authorities.clone_from(&presented.authorities);
        }
        // If the files are invalid, continue to announce the CA of the certificate that is still served.
        if !self.authorities.is_empty() {
            let trust = self
                .configuration
                .trust(&self.authorities, configuration.as_ref());
            trust.await?;
        }
        self.serve(presented?);
        if self.configuration.may_be_called() {
            self.readiness.trusted();
        }
        Ok(())
    }

    /// Serves the certificate if all API servers trust it, or if no other certificate is being served.
    fn serve(&mut self, presented: Presented) {
        let Presented {
            serving,
            authorities,
        } = presented;
        if let Some(served) = self.identity.get()
            && (served.chain() == serving.chain() || !self.configuration.is_settled(&authorities))
        {
            return;
        }
        self.metrics.certificate(serving.validity);
        let file = self.given.files.certificate.display();
        tracing::info!(%file, until = %serving.validity.until, "certificate-reloaded");
        self.identity.set(serving);
    }
}

/// Returns the reason why an API server that trusts `authorities` would reject the chain. Returns `None` if the API server
/// would accept the chain, or if rustls cannot determine this.
fn distrust(
    chain: &[CertificateDer<'_>],
    authorities: &[Certificate],
    now: Timestamp,
) -> Option<String> {
    let (leaf, intermediates) = chain.split_first()?;
    if !authorities
        .iter()
        .any(|authority| authority.validity.holds(now))
    {
        return Some("the CA has expired or is not valid yet".to_owned());
    }
    // Go accepts a certificate that is itself in the trust store, regardless of its signature.
    if authorities.iter().any(|authority| authority.der == *leaf) {
        return None;
    }
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.der.clone()).ok()?;
    }
    let parsed = ParsedCertificate::try_from(leaf).ok()?;
    match content::verify(&parsed, intermediates, &roots, now) {
        Err(rustls::Error::InvalidCertificate(
            error @ (CertificateError::UnknownIssuer
            | CertificateError::BadSignature
            | CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }),
        )) => Some(error.to_string()),
        // Let API servers decide. For example, Go may support an algorithm that ring does not support.
        _ => None,
    }
}

/// Returns an error if the certificate is not valid for the DNS name of a Service in the webhook configuration.
fn check_names(
    serving: &Serving,
    configuration: Option<&Value>,
    certificate: &Path,
) -> Result<(), GivenError> {
    let leaf = serving.chain().first().map(ParsedCertificate::try_from);
    let Some(Ok(leaf)) = leaf else {
        return Ok(());
    };
    let webhooks = configuration.and_then(|configuration| configuration["webhooks"].as_array());
    for webhook in webhooks.into_iter().flatten() {
        let service = &webhook["clientConfig"]["service"];
        let (Some(name), Some(namespace)) =
            (service["name"].as_str(), service["namespace"].as_str())
        else {
            continue;
        };
        let name = format!("{name}.{namespace}.svc");
        let server_name = ServerName::try_from(name.as_str());
        if server_name.is_ok_and(|server_name| verify_server_name(&leaf, &server_name).is_err()) {
            return Err(GivenError::Name {
                certificate: certificate.to_owned(),
                name,
            });
        }
    }
    Ok(())
}

//! The served certificate. It can change at any time; existing connections keep using the certificate with which they started.

pub mod files;
pub(crate) mod handshake;
pub mod validity;

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use validity::Validity;

/// A certificate and its key, ready to be served.
#[derive(Debug)]
pub struct Serving {
    key: Arc<CertifiedKey>,
    pub validity: Validity,
}

/// An error in a certificate or its key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    #[error("the {0} is not in PEM format")]
    Pem(&'static str, #[source] rustls::pki_types::pem::Error),
    #[error(
        "the certificate file contains no certificate; add PEM blocks of type CERTIFICATE, beginning with the server's certificate"
    )]
    Empty,
    #[error("the certificate is not a valid X.509 certificate")]
    Certificate(#[source] validity::ValidityError),
    /// The key does not match the certificate, or its type is not supported.
    #[error(
        "the private key does not match the certificate, or its type is not supported; use an RSA, ECDSA or Ed25519 key"
    )]
    Key(#[source] rustls::Error),
    #[error("cannot configure TLS")]
    Config(#[source] rustls::Error),
}

/// The current certificate. Clones share the same certificate.
#[derive(Debug, Clone)]
pub struct Identity(Arc<watch::Sender<Option<Arc<Serving>>>>);

// === impl Serving ===

impl Serving {
    /// Parses a certificate chain, which begins with the server's certificate, and a private key, both in PEM format.
    pub fn new(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|source| TlsError::Pem("certificate", source))?;
        let first = chain.first().ok_or(TlsError::Empty)?;
        let validity = Validity::of(first).map_err(TlsError::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|source| TlsError::Pem("private key", source))?;
        let key =
            CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(TlsError::Key)?;
        Ok(Self {
            key: Arc::new(key),
            validity,
        })
    }

    /// Returns the certificate and its chain in DER format.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.key.cert
    }
}

// === impl Identity ===

impl Default for Identity {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Identity {
    /// Replaces the served certificate.
    pub fn set(&self, serving: Serving) {
        self.0.send_replace(Some(Arc::new(serving)));
    }

    /// Returns the current certificate, or `None` if none has been set.
    pub fn get(&self) -> Option<Arc<Serving>> {
        self.0.borrow().clone()
    }

    /// Waits until a certificate is set.
    pub async fn ready(&self) {
        // Waiting cannot fail, because `self` holds the sender, so the channel stays open.
        let _ = self.0.subscribe().wait_for(Option::is_some).await;
    }

    /// Returns an acceptor for TLS 1.2 and 1.3 with HTTP/1.1. Session resumption is disabled, because API servers do not use it.
    ///
    /// # Errors
    /// Fails if rustls rejects the configuration.
    pub fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Config)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.get().map(|serving| Arc::clone(&serving.key))
    }
}

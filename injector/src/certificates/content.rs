//! The content of the Secret that holds the CA and the certificate.
//!
//! | key | content |
//! | --- | --- |
//! | `ca.crt` | the trusted CAs, newest first; the caBundle holds them and the CAs that other injectors announce |
//! | `ca.key` | the private key of the newest CA; it is discarded when a newer CA is created |
//! | `tls.crt` | the certificate |
//! | `tls.key` | its private key |

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::RootCertStore;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use serde_json::{Map, Value};

use jiff::Timestamp;

use crate::tls::validity::Validity;
use crate::tls::{Serving, TlsError};

/// The maximum number of CAs in a bundle. The limit is reached only if the Secret is deleted repeatedly.
const AUTHORITIES: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub der: CertificateDer<'static>,
    pub validity: Validity,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// The trusted CAs, newest first; never empty.
    pub authorities: Vec<Certificate>,
    /// The key of the newest CA, PEM.
    pub authority_key: String,
    pub leaf: Certificate,
    pub leaf_key: String,
}

/// An error in a Secret's content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0} is invalid")]
    Damaged(&'static str),
    #[error("{0} does not belong to {1}")]
    Mismatch(&'static str, &'static str),
}

// === impl Certificate ===

impl Certificate {
    /// Parses DER; returns `None` if it is not a certificate. A CA may use X.509 version 1, which Go accepts.
    pub fn new(der: CertificateDer<'static>) -> Option<Self> {
        let validity = Validity::of(&der).ok()?;
        RootCertStore::empty().add(der.clone()).ok()?;
        Some(Self { der, validity })
    }

    /// Parses a PEM text; returns `None` if anything in it is not a certificate.
    pub fn all(pem: &[u8]) -> Option<Vec<Self>> {
        CertificateDer::pem_slice_iter(pem)
            .map(|der| Self::new(der.ok()?))
            .collect()
    }

    /// Returns true if this certificate is valid at `now` for all these names, and signed by the CA `authority`.
    pub fn is_of(&self, authority: &Self, names: &[String], now: Timestamp) -> bool {
        let mut roots = RootCertStore::empty();
        let Ok(parsed) = ParsedCertificate::try_from(&self.der) else {
            return false;
        };
        // webpki ignores the validity of a trust anchor, but Go checks it.
        authority.validity.holds(now)
            && roots.add(authority.der.clone()).is_ok()
            && verify(&parsed, &[], &roots, now).is_ok()
            && names.iter().all(|name| {
                ServerName::try_from(name.as_str())
                    .is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
            })
    }

    pub fn pem(&self) -> String {
        let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
        let encoded = STANDARD.encode(&self.der);
        for line in encoded.as_bytes().chunks(64) {
            text.extend(line.iter().map(|&byte| char::from(byte)));
            text.push('\n');
        }
        text.push_str("-----END CERTIFICATE-----\n");
        text
    }
}

// === impl Content ===

impl Content {
    /// Reads a Secret's `data`.
    ///
    /// # Errors
    /// Fails if the content is not valid; new certificates must be issued then.
    pub fn read(data: &Value) -> Result<Self, ContentError> {
        let text = |key: &'static str| {
            let encoded = data[key].as_str().filter(|text| !text.is_empty());
            let encoded = encoded.ok_or(ContentError::Missing(key))?;
            let bytes = STANDARD.decode(encoded).ok();
            let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            text.ok_or(ContentError::Damaged(key))
        };
        let certificates = |key: &'static str| {
            let read = Certificate::all(text(key)?.as_bytes());
            let read = read.filter(|read| (1..=AUTHORITIES).contains(&read.len()));
            read.ok_or(ContentError::Damaged(key))
        };
        let content = Self {
            authorities: certificates("ca.crt")?,
            authority_key: text("ca.key")?,
            leaf: certificates("tls.crt")?.swap_remove(0),
            leaf_key: text("tls.key")?,
        };
        belongs(&content.authority_key, content.newest(), "ca.key", "ca.crt")?;
        belongs(&content.leaf_key, &content.leaf, "tls.key", "tls.crt")?;
        Ok(content)
    }

    /// Returns the Secret's `data`.
    pub fn data(&self) -> Value {
        let entries = [
            ("ca.crt", self.bundle()),
            ("ca.key", self.authority_key.clone()),
            ("tls.crt", self.leaf.pem()),
            ("tls.key", self.leaf_key.clone()),
        ];
        let entries =
            entries.map(|(key, text)| (key.to_owned(), Value::from(STANDARD.encode(text))));
        Value::Object(Map::from_iter(entries))
    }

    pub fn newest(&self) -> &Certificate {
        self.authorities.first().expect("invariant: never empty")
    }

    /// Returns all CAs, PEM.
    pub fn bundle(&self) -> String {
        self.authorities.iter().map(Certificate::pem).collect()
    }

    /// Returns the content with `authority` as the newest CA; the oldest CAs are dropped if there are too many.
    #[must_use]
    pub fn with_authority(mut self, authority: Certificate, key: String) -> Self {
        self.authorities.insert(0, authority);
        self.authorities.truncate(AUTHORITIES);
        self.authority_key = key;
        self
    }

    /// Adds CAs that API servers already trust, up to the maximum number of CAs.
    #[must_use]
    pub fn trusting(mut self, others: impl IntoIterator<Item = Certificate>) -> Self {
        for other in others {
            if !self.authorities.contains(&other) && self.authorities.len() < AUTHORITIES {
                self.authorities.push(other);
            }
        }
        self
    }

    /// Returns the certificate to serve.
    ///
    /// # Errors
    /// Fails if it cannot be served.
    pub fn serving(&self) -> Result<Serving, TlsError> {
        Serving::new(self.leaf.pem().as_bytes(), self.leaf_key.as_bytes())
    }
}

/// Omits the private keys.
impl std::fmt::Debug for Content {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let authorities = self.authorities.iter().map(|authority| authority.validity);
        out.debug_struct("Content")
            .field("authorities", &authorities.collect::<Vec<_>>())
            .field("leaf", &self.leaf.validity)
            .finish_non_exhaustive()
    }
}

/// Verifies that `leaf` is valid at `now`, and signed by one of `roots` through these intermediate CAs.
pub(super) fn verify(
    leaf: &ParsedCertificate<'_>,
    intermediates: &[CertificateDer<'_>],
    roots: &RootCertStore,
    now: Timestamp,
) -> Result<(), rustls::Error> {
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let algorithms = ring::default_provider().signature_verification_algorithms;
    verify_server_cert_signed_by_trust_anchor(leaf, roots, intermediates, now, algorithms.all)
}

fn belongs(
    key: &str,
    certificate: &Certificate,
    key_name: &'static str,
    certificate_name: &'static str,
) -> Result<(), ContentError> {
    let read = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| ContentError::Damaged(key_name))?;
    CertifiedKey::from_der(
        vec![certificate.der.clone()],
        read,
        &ring::default_provider(),
    )
    .map(drop)
    .map_err(|_| ContentError::Mismatch(key_name, certificate_name))
}

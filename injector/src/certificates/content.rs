//! The content of the Secret that stores the CA and the certificate.
//!
//! | key | content |
//! | --- | --- |
//! | `ca.crt` | the trusted CAs, newest first; the caBundle also contains the CAs that other replicas announce |
//! | `ca.key` | the private key of the newest CA; it is discarded when a newer CA is created |
//! | `tls.crt` | the certificate |
//! | `tls.key` | the certificate's private key |

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

/// The maximum number of CAs in a bundle. It is reached only if the Secret is deleted repeatedly.
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
    /// The private key of the newest CA, in PEM format.
    pub authority_key: String,
    pub leaf: Certificate,
    pub leaf_key: String,
}

/// An error in the content of a Secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0} is invalid")]
    Damaged(&'static str),
    #[error("{0} does not match {1}")]
    Mismatch(&'static str, &'static str),
}

// === impl Certificate ===

impl Certificate {
    /// Parses a certificate in DER format. Returns `None` if the certificate is not valid. A CA certificate may use X.509 version
    /// 1, which Go accepts.
    pub fn new(der: CertificateDer<'static>) -> Option<Self> {
        let validity = Validity::of(&der).ok()?;
        RootCertStore::empty().add(der.clone()).ok()?;
        Some(Self { der, validity })
    }

    /// Parses all certificates in PEM text. Returns `None` if one of them is not valid.
    pub fn all(pem: &[u8]) -> Option<Vec<Self>> {
        CertificateDer::pem_slice_iter(pem)
            .map(|der| Self::new(der.ok()?))
            .collect()
    }

    /// Returns true if the CA `authority` signed this certificate, both are valid at `now`, and the certificate is valid for all
    /// `names`.
    pub fn is_of(&self, authority: &Self, names: &[String], now: Timestamp) -> bool {
        let mut roots = RootCertStore::empty();
        let Ok(parsed) = ParsedCertificate::try_from(&self.der) else {
            return false;
        };
        // Check the validity period of the CA, because Go does, but webpki ignores it for trust anchors.
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
    /// Parses the `data` of a Secret.
    ///
    /// # Errors
    /// Fails if an entry is missing or not valid, or if a private key does not match its certificate. In that case, the caller
    /// must issue new certificates.
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

    /// Returns the `data` of a Secret with this content.
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

    /// Returns all trusted CAs in PEM format.
    pub fn bundle(&self) -> String {
        self.authorities.iter().map(Certificate::pem).collect()
    }

    /// Returns the content with `authority` as the newest CA. If there are too many CAs, the oldest are dropped.
    #[must_use]
    pub fn with_authority(mut self, authority: Certificate, key: String) -> Self {
        self.authorities.insert(0, authority);
        self.authorities.truncate(AUTHORITIES);
        self.authority_key = key;
        self
    }

    /// Adds the CAs `others`, which API servers already trust, until the bundle is full. Returns the resulting content.
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
    /// Fails if the certificate or its key cannot be used.
    pub fn serving(&self) -> Result<Serving, TlsError> {
        Serving::new(self.leaf.pem().as_bytes(), self.leaf_key.as_bytes())
    }
}

/// The debug output omits the private keys.
impl std::fmt::Debug for Content {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let authorities = self.authorities.iter().map(|authority| authority.validity);
        out.debug_struct("Content")
            .field("authorities", &authorities.collect::<Vec<_>>())
            .field("leaf", &self.leaf.validity)
            .finish_non_exhaustive()
    }
}

/// Verifies that `leaf` is valid at `now`, and that one of `roots` signed it, directly or through `intermediates`.
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

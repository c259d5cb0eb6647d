//! The validity period of an X.509 certificate.
//!
//! It is used for metrics, for renewal, and to check CAs, because webpki ignores the validity period of trust anchors.

use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

/// The validity period of a certificate, with a precision of one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    pub from: Timestamp,
    pub until: Timestamp,
}

/// The error for bytes that are not a valid certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the validity period of the certificate cannot be parsed")]
pub struct ValidityError;

impl Validity {
    /// Parses the validity period of a certificate in DER format.
    ///
    /// # Errors
    /// Returns a [`ValidityError`] if the bytes are not a certificate.
    pub fn of(der: &[u8]) -> Result<Self, ValidityError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| ValidityError)?;
        let validity = certificate.validity();
        let time =
            |time: ASN1Time| Timestamp::from_second(time.timestamp()).map_err(|_| ValidityError);
        Ok(Self {
            from: time(validity.not_before)?,
            until: time(validity.not_after)?,
        })
    }

    pub fn holds(&self, now: Timestamp) -> bool {
        (self.from..=self.until).contains(&now)
    }
}

#[cfg(test)]
mod tests;

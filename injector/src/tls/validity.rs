//! The validity of an X.509 certificate.
//!
//! The validity is used for metrics and renewal only; rustls decides about trust.

use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

/// The period in which a certificate is valid, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    pub from: Timestamp,
    pub until: Timestamp,
}

/// Bytes that are not a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its validity cannot be read")]
pub struct ValidityError;

impl Validity {
    /// Reads the validity from a certificate in DER.
    ///
    /// # Errors
    /// A [`ValidityError`] if this is not a certificate.
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

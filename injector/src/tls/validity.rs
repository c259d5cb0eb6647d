//! From when until when an X.509 certificate is valid.
//!
//! Nothing else is read of a certificate, for metrics and renewal; whether it may be trusted is for rustls to say.

use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

/// From when until when a certificate is valid, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// `notBefore`
    pub from: Timestamp,
    /// `notAfter`
    pub until: Timestamp,
}

/// Bytes that are not a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no validity can be read in it")]
pub struct ValidityError;

impl Validity {
    /// Reads it from DER.
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

    /// Returns true if `now` is within.
    pub fn holds(&self, now: Timestamp) -> bool {
        (self.from..=self.until).contains(&now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(from: u64, until: u64) -> Vec<u8> {
        let mut params = CertificateParams::new(["name.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(1970, 1, 1) + Duration::from_secs(from);
        params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(until);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Until the year 9999, and so through both ways of writing a time.
        #[test]
        fn what_was_written_is_read(from in 0_u64..4_000_000_000, span in 0_u64..200_000_000_000) {
            let validity = Validity::of(&certificate(from, from + span)).unwrap();
            prop_assert_eq!(validity.from.as_second(), from as i64);
            prop_assert_eq!(validity.until.as_second(), (from + span) as i64);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Validity::of(&bytes);
        }

        #[test]
        fn no_damage_makes_it_panic(at in 0_usize..200, byte: u8, length in 0_usize..400) {
            let mut der = certificate(0, 1);
            der[at] = byte;
            der.truncate(length);
            let _ = Validity::of(&der);
        }
    }
}

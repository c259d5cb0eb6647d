//! From when until when an X.509 certificate is valid.
//!
//! Of a certificate only this is read, for metrics and renewal; whether it may be trusted is rustls' business.
//! RFC 5280, 4.1: `Certificate ::= SEQUENCE { tbsCertificate SEQUENCE { [0] version OPTIONAL, serialNumber, signature,
//! issuer, validity SEQUENCE { notBefore, notAfter }, ... } ... }`.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// From when until when a certificate is valid, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// `notBefore`
    pub from: Timestamp,
    /// `notAfter`
    pub until: Timestamp,
}

/// The bytes are no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no validity can be read in it")]
pub struct ValidityError;

impl Validity {
    /// Reads it from DER.
    ///
    /// # Errors
    /// When this is no certificate.
    pub fn of(der: &[u8]) -> Result<Self, ValidityError> {
        let (certificate, _) = expect(der, SEQUENCE)?;
        let (mut fields, _) = expect(certificate, SEQUENCE)?;
        if fields.first() == Some(&VERSION) {
            (_, fields) = expect(fields, VERSION)?;
        }
        for tag in [INTEGER, SEQUENCE, SEQUENCE] {
            (_, fields) = expect(fields, tag)?;
        }
        let (validity, _) = expect(fields, SEQUENCE)?;
        let (from, rest) = time(validity)?;
        let (until, _) = time(rest)?;
        Ok(Self { from, until })
    }

    /// Whether `now` is within.
    pub fn holds(&self, now: Timestamp) -> bool {
        (self.from..=self.until).contains(&now)
    }
}

/// The content of the element at the start, which must have this tag, and what follows it.
fn expect(der: &[u8], tag: u8) -> Result<(&[u8], &[u8]), ValidityError> {
    let (found, content, rest) = element(der).ok_or(ValidityError)?;
    if found == tag {
        Ok((content, rest))
    } else {
        Err(ValidityError)
    }
}

/// Tag, content and rest of DER with a tag of one byte and a length of up to four.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, der) = der.split_first()?;
    let (&first, der) = der.split_first()?;
    let (length, der) = match first {
        0..=0x7f => (usize::from(first), der),
        0x81..=0x84 => {
            let (length, der) = der.split_at_checked(usize::from(first & 0x7f))?;
            let length = length
                .iter()
                .fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
            (usize::try_from(length).ok()?, der)
        }
        _ => return None,
    };
    let (content, rest) = der.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ` until 2049, `YYYYMMDDHHMMSSZ` from 2050 on (RFC 5280, 4.1.2.5).
fn time(der: &[u8]) -> Result<(Timestamp, &[u8]), ValidityError> {
    let (tag, content, rest) = element(der).ok_or(ValidityError)?;
    let text = std::str::from_utf8(content).map_err(|_| ValidityError)?;
    let digits = text.strip_suffix('Z').ok_or(ValidityError)?;
    let whole = match tag {
        UTC_TIME if digits.len() == 12 => {
            let century = if digits < "50" { "20" } else { "19" };
            format!("{century}{digits}")
        }
        GENERALIZED_TIME if digits.len() == 14 => digits.to_owned(),
        _ => return Err(ValidityError),
    };
    let moment = DateTime::strptime("%Y%m%d%H%M%S", whole)
        .and_then(|moment| TimeZone::UTC.to_timestamp(moment))
        .map_err(|_| ValidityError)?;
    Ok((moment, rest))
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

//! The validity of certificates.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use x509_parser::pem::Pem;
use x509_parser::time::ASN1Time;

use super::report::Check;

/// The remaining validity below which a certificate is reported as not renewed. If a quarter of the certificate's total validity
/// is shorter, the quarter is used instead. The injector and cert-manager renew a certificate before it reaches this limit.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The period in which a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    from: Timestamp,
    until: Timestamp,
}

/// Returns the validity of each certificate in base64-encoded PEM. If the value contains no certificates, or if it also
/// contains anything else, returns `None`.
pub(super) fn validities(encoded: &Value) -> Option<Vec<Validity>> {
    let pem = STANDARD.decode(encoded.as_str()?).ok()?;
    let certificates: Option<Vec<Validity>> = Pem::iter_from_buffer(&pem)
        .map(|pem| validity(&pem.ok()?))
        .collect();
    certificates.filter(|all| !all.is_empty())
}

fn validity(pem: &Pem) -> Option<Validity> {
    let certificate = pem.parse_x509().ok()?;
    let validity = certificate.validity();
    let time = |time: ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    Some(Validity {
        from: time(validity.not_before)?,
        until: time(validity.not_after)?,
    })
}

/// Of the certificates that are already valid, checks the one that expires last. `what` describes the certificate in the
/// message.
pub(super) fn check(
    id: &'static str,
    what: &str,
    validities: &[Validity],
    now: Timestamp,
    remedy: &str,
) -> Check {
    let begun = validities.iter().filter(|one| one.from <= now);
    let Some(longest) = begun.max_by_key(|one| one.until) else {
        return Check::failed(id, format!("{what} is not valid yet"), remedy);
    };
    let until = longest.until.strftime("%Y-%m-%d %H:%M UTC");
    if longest.until < now {
        return Check::failed(id, format!("{what} expired at {until}"), remedy);
    }
    let quarter = longest.until.duration_since(longest.from) / 4;
    if longest.until.duration_since(now) < SOON.min(quarter) {
        return Check::warning(
            id,
            format!("{what} expires at {until} and has not been renewed"),
            remedy,
        );
    }
    Check::ok(id, format!("{what} is valid until {until}"))
}

/// Returns the latest expiry time among the certificates.
pub(super) fn until(validities: &[Validity]) -> Option<Timestamp> {
    validities.iter().map(|one| one.until).max()
}

//! Issues CAs and certificates. The keys are ECDSA P-256, with random numbers from the operating system.

use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};

use super::content::{Certificate, Content};
use super::{BACKDATE, Policy};
use crate::tls::validity::Validity;

/// A failure to issue a certificate.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot issue a certificate for {names}; use valid DNS names or IP addresses for --service and --certificate-name"
)]
pub struct IssueError {
    names: String,
    #[source]
    source: rcgen::Error,
}

/// Issues a new CA and a new certificate.
///
/// # Errors
/// Fails if a name is not valid.
pub fn begin(policy: &Policy, now: Timestamp) -> Result<Content, IssueError> {
    let (authority, authority_key) = authority(policy, now)?;
    let (leaf, leaf_key) = leaf(&authority, &authority_key, policy, now)?;
    Ok(Content {
        authorities: vec![authority],
        authority_key,
        leaf,
        leaf_key,
    })
}

/// Returns a new CA and its private key in PEM format. The CA may sign server certificates, but not other CAs.
///
/// # Errors
/// Fails if rcgen or the operating system reports an error.
pub fn authority(policy: &Policy, now: Timestamp) -> Result<(Certificate, String), IssueError> {
    let validity = validity(now, policy.authority);
    let make = || {
        let key = KeyPair::generate()?;
        let certificate = authority_params(validity).self_signed(&key)?;
        Ok((certificate.der().clone(), key.serialize_pem()))
    };
    let (der, key) = make().map_err(|source| error(policy, source))?;
    Ok((Certificate { der, validity }, key))
}

/// Returns a new certificate signed by `authority`, and its private key in PEM format. The certificate expires no later than the
/// CA.
///
/// # Errors
/// Fails if a name is not valid, or if the CA's key cannot be parsed.
pub fn leaf(
    authority: &Certificate,
    authority_key: &str,
    policy: &Policy,
    now: Timestamp,
) -> Result<(Certificate, String), IssueError> {
    let mut validity = validity(now, policy.leaf);
    validity.until = validity.until.min(authority.validity.until);
    let make = || {
        let mut params = CertificateParams::new(policy.names.clone())?;
        let name = policy
            .names
            .first()
            .map_or("gleaner-injector", String::as_str);
        // A common name is at most 64 characters long (RFC 5280, appendix A.1). The name can be truncated, because clients ignore
        // it.
        params.distinguished_name = common_name(name.get(..64).unwrap_or(name));
        params.not_before = date_time_ymd(1970, 1, 1) + since_1970(validity.from);
        params.not_after = date_time_ymd(1970, 1, 1) + since_1970(validity.until);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let issuer = Issuer::new(
            authority_params(authority.validity),
            KeyPair::from_pem(authority_key)?,
        );
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?;
        Ok((certificate.der().clone(), key.serialize_pem()))
    };
    let (der, key) = make().map_err(|source| error(policy, source))?;
    Ok((Certificate { der, validity }, key))
}

/// Returns the parameters of a CA. The parameters depend only on the validity period, so that they can be reconstructed when
/// the CA signs a certificate.
fn authority_params(validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    // Each CA has a different subject, so that Go finds the issuer among several CAs without trying each of them.
    params.distinguished_name =
        common_name(&format!("gleaner-injector {}", validity.from.as_second()));
    params.not_before = date_time_ymd(1970, 1, 1) + since_1970(validity.from);
    params.not_after = date_time_ymd(1970, 1, 1) + since_1970(validity.until);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params
}

fn common_name(name: &str) -> DistinguishedName {
    let mut full = DistinguishedName::new();
    full.push(DnType::CommonName, name);
    full
}

/// Returns a validity period in whole seconds, which is the precision of X.509.
fn validity(now: Timestamp, span: Duration) -> Validity {
    let second = |moment: Timestamp| Timestamp::from_second(moment.as_second()).unwrap_or(moment);
    Validity {
        from: second(now - BACKDATE),
        until: second(now + span),
    }
}

/// Returns the time since 1970. Callers add it to the start of 1970, because rcgen uses the time type of the crate `time`.
fn since_1970(moment: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(moment.as_second()).unwrap_or_default())
}

fn error(policy: &Policy, source: rcgen::Error) -> IssueError {
    IssueError {
        names: policy.names.join(", "),
        source,
    }
}

//! The source of the serving certificate, and the CAs that API servers trust.
//!
//! The injector either issues its certificate itself, or reads a certificate and its CA from files. A CA and a
//! certificate that the injector issues are stored in one Secret, which all replicas share. Any replica may write the Secret.
//! Each write contains the resource version that the replica read, so only one of two concurrent writes succeeds. API servers
//! trust the CAs in the `caBundle` of the webhook configuration.
//!
//! | module | purpose |
//! | --- | --- |
//! | [`content`] | the content of the Secret |
//! | [`rotation`] | determines the next step of a rotation, without side effects |
//! | [`issue`] | new CAs and certificates |
//! | [`reconciler`] | the task that performs the rotation steps that are due, and updates the webhook configuration |
//! | [`given`] | the task that reads a certificate and its CA from files, and serves the certificate after API servers trust it |
//! | [`configuration`] | the webhook configuration, and how long it has contained this replica's CAs |
//! | [`trust`] | finds and repairs incorrect `caBundle` fields, without side effects |
//!
//! At any time, every API server must trust the certificate of every replica. Therefore, a rotation first adds the new CA to the
//! bundle, and writes the bundle to the webhook configuration. The new CA signs certificates only after all API servers have had
//! time to see the change. The old CA is removed after every certificate that it signed has expired.

pub mod configuration;
pub mod content;
pub mod given;
pub mod issue;
pub mod reconciler;
pub mod rotation;
pub mod trust;

use std::error::Error;
use std::str::FromStr;
use std::time::Duration;

use gleaner_runtime::{Shutdown, error_chain};

use crate::metrics::Metrics;

/// The field manager for all of the injector's writes.
const FIELD_MANAGER: &str = "gleaner-injector";

/// The time by which certificates are backdated to allow for clock skew.
pub const BACKDATE: Duration = Duration::from_secs(300);

#[derive(Debug, Clone)]
pub struct Managed {
    pub secret: ObjectName,
    pub configuration: String,
    /// The interval between checks of the Secret and the webhook configuration. Each interval varies randomly by up to
    /// a fifth, so that replicas do not check at the same time.
    pub poll: Duration,
    pub policy: Policy,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The DNS names and IP addresses for which a certificate is valid.
    pub names: Vec<String>,
    /// The validity period of a certificate. The certificate is renewed when a third of the period remains.
    pub leaf: Duration,
    /// The validity period of a CA. The CA is replaced when a third of the period remains.
    pub authority: Duration,
    /// The time for which a CA must be in the caBundle before a certificate that it signed is served.
    pub settle: Duration,
}

/// The namespace and name of an object, written `NAMESPACE/NAME` on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName {
    pub namespace: String,
    pub name: String,
}

/// The periodic checks of one certificate source. Every failure is counted, but an error is logged only if it differs from
/// the previous check's error.
struct Checks {
    interval: Duration,
    metrics: Metrics,
    shutdown: Shutdown,
    /// The previous check's error, or an empty string if that check succeeded.
    complaint: String,
}

impl Checks {
    fn new(interval: Duration, metrics: Metrics, shutdown: Shutdown) -> Self {
        Self {
            interval,
            metrics,
            shutdown,
            complaint: String::new(),
        }
    }

    /// Runs one check, then waits for the interval, varied by up to a fifth. Returns false if shutdown is requested during the
    /// check or the wait.
    async fn run<E: Error + 'static>(
        &mut self,
        check: impl Future<Output = Result<(), E>>,
    ) -> bool {
        let checked = tokio::select! {
            checked = check => checked,
            () = self.shutdown.requested() => return false,
        };
        match checked {
            Ok(()) => self.complaint.clear(),
            Err(error) => {
                self.metrics.certificate_check_failed();
                let error = error_chain(&error);
                if error != self.complaint {
                    tracing::warn!(error, "certificate-check-failed");
                    self.complaint = error;
                }
            }
        }
        let chance = getrandom::u32().map_or(0.5, |chance| f64::from(chance) / f64::from(u32::MAX));
        tokio::select! {
            () = tokio::time::sleep(self.interval.mul_f64(0.8 + 0.4 * chance)) => true,
            () = self.shutdown.requested() => false,
        }
    }
}

impl Policy {
    /// Returns the in-cluster DNS names of a Service, followed by `others`. API servers connect to the name
    /// `SERVICE.NAMESPACE.svc`.
    pub fn names(service: &str, namespace: &str, others: Vec<String>) -> Vec<String> {
        let own = ["svc", "svc.cluster.local"];
        let own = own.map(|domain| format!("{service}.{namespace}.{domain}"));
        own.into_iter().chain(others).collect()
    }
}

impl FromStr for ObjectName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let part = |name: &str, max: usize| {
            let allowed =
                |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
            !name.is_empty() && name.len() <= max && name.bytes().all(allowed)
        };
        let parts = text.split_once('/');
        let (namespace, name) = parts
            .filter(|(namespace, name)| part(namespace, 63) && part(name, 253))
            .ok_or_else(|| format!("invalid Secret '{text}': use NAMESPACE/NAME"))?;
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_named_with_its_namespace() {
        let name: ObjectName = "gleaner/gleaner-tls".parse().unwrap();
        assert_eq!(
            (name.namespace.as_str(), name.name.as_str()),
            ("gleaner", "gleaner-tls")
        );
        for text in ["gleaner", "/a", "a/", "a/b/c", "A/b", "a/b?x", "a/../b"] {
            assert!(text.parse::<ObjectName>().is_err(), "{text}");
        }
    }
}

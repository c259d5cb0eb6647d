//! The source of the serving certificate, and how API servers come to trust it.
//!
//! The injector either issues its certificate itself, or reads a certificate and its CA from files. A self-issued CA and
//! certificate are kept in one Secret, which all replicas share. Each replica may write the Secret; a write names the
//! resource version that it is based on, so only one of two concurrent writes succeeds. API servers trust the CAs in the
//! `caBundle` of the webhook configuration.
//!
//! | module | holds |
//! | --- | --- |
//! | [`content`] | the content of the Secret |
//! | [`rotation`] | pure: the next step of a rotation, in which the old and the new CA overlap |
//! | [`issue`] | new CAs and certificates |
//! | [`reconciler`] | the task that reads, decides and writes |
//! | [`given`] | a certificate and its CA from files: the task that reads them, and serves the certificate once it is trusted |
//! | [`configuration`] | the webhook configuration, and how long it has trusted the CAs of this replica |
//! | [`trust`] | pure: finds and repairs wrong `caBundle`s |
//!
//! Every API server must trust every certificate that any replica serves, at any time. This determines the order of a
//! rotation: a new CA is added to the bundle, and the bundle is written to the webhook configuration. The CA signs
//! certificates only after all API servers have had time to see the change. The old CA is removed when every certificate
//! that it signed has expired.

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

/// The field manager of the injector's writes.
const FIELD_MANAGER: &str = "gleaner-injector";

/// Certificates are valid from this long before the time of issue, because clocks differ.
pub const BACKDATE: Duration = Duration::from_secs(300);

#[derive(Debug, Clone)]
pub struct Managed {
    pub secret: ObjectName,
    pub configuration: String,
    /// The interval between checks of the Secret and the webhook configuration; it varies by up to a fifth, so that
    /// replicas do not act at the same moment.
    pub poll: Duration,
    pub policy: Policy,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The DNS names and IP addresses of a certificate.
    pub names: Vec<String>,
    /// The validity of a certificate; it is renewed when a third of this is left.
    pub leaf: Duration,
    /// The validity of a CA; it is replaced when a third of this is left.
    pub authority: Duration,
    /// The time that a CA is in the caBundle before it signs certificates.
    pub settle: Duration,
}

/// The namespace and name of an object, written as NAMESPACE/NAME.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName {
    pub namespace: String,
    pub name: String,
}

/// The periodic checks of one certificate source. Every failure is counted; an error is logged only if it differs from
/// the error of the previous check.
struct Checks {
    interval: Duration,
    metrics: Metrics,
    shutdown: Shutdown,
    /// The error that was logged last.
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

    /// Runs one check, then waits for the interval, varied by up to a fifth. Returns false if shutdown is requested
    /// during the wait.
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
    /// Returns the DNS names of a Service inside its cluster, followed by `others`. The API server calls
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

//! The source of the certificate, and the trust of API servers in it.
//!
//! The injector creates its certificate itself, or gets one and its CA from files. Its own is in one Secret, which all
//! replicas share and each may write (a write names the version that it read, so that only one of two succeeds): a CA
//! and a certificate of it. The CA is in the `caBundle` of the webhook configuration: that is what API servers trust.
//!
//! | module | holds |
//! | --- | --- |
//! | [`content`] | the content of the Secret |
//! | [`rotation`] | pure: the next step of a rotation, in which the old and the new CA overlap |
//! | [`issue`] | new CAs and certificates |
//! | [`reconciler`] | the task that reads, decides and writes |
//! | [`given`] | a certificate and its CA from files: the task that reads them, and serves them when they are trusted |
//! | [`configuration`] | the webhook configuration, and the time since when it trusts the CAs of this replica |
//! | [`trust`] | pure: the faults of the caBundle |
//!
//! An API server must trust every certificate that any replica serves, at any time. This determines the order of a
//! rotation: a new CA joins the bundle, the bundle is written to the webhook configuration, some time passes in which
//! all API servers see it, only then the CA signs, and the old one is removed when no certificate of it can be valid
//! any more.

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

/// The field manager of the changes.
const FIELD_MANAGER: &str = "gleaner-injector";

/// Validities begin this long before the time of issue: clocks differ.
pub const BACKDATE: Duration = Duration::from_secs(300);

#[derive(Debug, Clone)]
pub struct Managed {
    pub secret: ObjectName,
    pub configuration: String,
    /// The interval between two checks of both; it varies by up to a fifth, so that replicas do not act at the same
    /// moment.
    pub poll: Duration,
    pub policy: Policy,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Names and IP addresses that a certificate is for.
    pub names: Vec<String>,
    /// The validity of a certificate; renewed when a third is left.
    pub leaf: Duration,
    /// The validity of a CA; replaced when a third is left.
    pub authority: Duration,
    /// The time that a CA is in the caBundle before it signs.
    pub settle: Duration,
}

/// Namespace and name of an object, written with a slash between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName {
    pub namespace: String,
    pub name: String,
}

/// The checks of one source, and reports about them: failures are counted, and an error is logged once, until another
/// one occurs or a check succeeds.
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

    /// Runs one check and waits for the interval, a fifth more or less. Returns false if shutdown is requested during
    /// it.
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
    /// Returns the names of a Service inside its cluster, and others. The API server calls `SERVICE.NAMESPACE.svc`.
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

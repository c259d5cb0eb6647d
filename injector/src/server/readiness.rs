//! The readiness of this replica.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::tls::Identity;

/// The conditions that must be met before the Service sends requests to this replica.
#[derive(Debug)]
pub struct Readiness {
    identity: Identity,
    trusted: AtomicBool,
    settings: AtomicBool,
    ending: AtomicBool,
}

impl Readiness {
    /// Returns the initial state. If `trusted` is true, the condition for the caBundle counts as met, because this replica
    /// does not write the caBundle. No other condition is met.
    pub fn new(identity: Identity, trusted: bool) -> Self {
        Self {
            identity,
            trusted: AtomicBool::new(trusted),
            settings: AtomicBool::new(false),
            ending: AtomicBool::new(false),
        }
    }

    /// Records that the caBundle contains the CA. The condition remains met even if the caBundle is removed later, because an
    /// unready replica would not repair the webhook any faster.
    pub fn trusted(&self) {
        self.trusted.store(true, Ordering::Relaxed);
    }

    pub fn settings(&self) {
        self.settings.store(true, Ordering::Relaxed);
    }

    pub fn ending(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// Returns a message about the first condition that is not met, or `None` if this replica is ready.
    pub fn missing(&self) -> Option<&'static str> {
        let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        if is(&self.ending) {
            Some("this replica is shutting down")
        } else if self.identity.get().is_none() {
            Some("no certificate is available yet")
        } else if !is(&self.trusted) {
            Some("the caBundle of the webhook configuration does not contain the CA yet")
        } else if !is(&self.settings) {
            Some(
                "the API server has not reported its version yet; to start without the version, use --sidecars native or tekton",
            )
        } else {
            None
        }
    }
}

//! Whether this replica may be called.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::tls::Identity;

/// The conditions for which the Service sends requests here.
#[derive(Debug)]
pub struct Readiness {
    identity: Identity,
    trusted: AtomicBool,
    settings: AtomicBool,
    ending: AtomicBool,
}

impl Readiness {
    /// No condition is true yet, except `trusted` where this replica does not write the caBundle.
    pub fn new(identity: Identity, trusted: bool) -> Self {
        Self {
            identity,
            trusted: AtomicBool::new(trusted),
            settings: AtomicBool::new(false),
            ending: AtomicBool::new(false),
        }
    }

    /// The caBundle has been seen to hold the authority. It stays so: without endpoints a webhook whose caBundle was wiped
    /// would be no nearer to being repaired.
    pub fn trusted(&self) {
        self.trusted.store(true, Ordering::Relaxed);
    }

    pub fn settings(&self) {
        self.settings.store(true, Ordering::Relaxed);
    }

    pub fn ending(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// Returns the missing condition; none if this replica is ready.
    pub fn missing(&self) -> Option<&'static str> {
        let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        if is(&self.ending) {
            Some("this replica is shutting down")
        } else if self.identity.get().is_none() {
            Some("there is no certificate to serve yet")
        } else if !is(&self.trusted) {
            Some("the caBundle of the webhook configuration does not hold the authority yet")
        } else if !is(&self.settings) {
            Some(
                "the API server has not said its version yet; --sidecars native or tekton does without",
            )
        } else {
            None
        }
    }
}

//! The time limits of a submission, and its field manager.

use std::time::Duration;

/// The time limits of a submission.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The field manager of all writes. Never change it: with a different field manager, applying an object that exists already
    /// causes a conflict.
    pub field_manager: String,
    /// The time for everything up to the last create, including retries, but not `waitFor`. Default 60 s.
    pub deadline: Duration,
    /// The time for the rollback. Default 30 s.
    pub rollback_deadline: Duration,
    /// The time for which a submission may continue after SIGTERM. Default 10 s.
    pub patience: Duration,
    /// The time for the rollback of an interrupted submission. Together with `patience` it must be below the 25 s in which a
    /// sidecar shuts down. Default 10 s.
    pub last_rollback: Duration,
    /// The time for the preflight, including retries. Default 10 s.
    pub preflight_deadline: Duration,
    /// The time to wait until an object that is being deleted is gone. Default 15 s.
    pub vanish_timeout: Duration,
    /// The time to wait for a declared result of an object without `waitFor`. Default 30 s.
    pub results_timeout: Duration,
    /// The time to wait until the API server sees a new object that another object needs. Default 15 s.
    pub visible_timeout: Duration,
    /// The pause before the one retry after a 401. Default 1 s.
    pub unauthorised_pause: Duration,
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            field_manager: gleaner_proto::kubernetes::label::MANAGER.to_owned(),
            deadline: Duration::from_secs(60),
            rollback_deadline: Duration::from_secs(30),
            patience: Duration::from_secs(10),
            last_rollback: Duration::from_secs(10),
            preflight_deadline: Duration::from_secs(10),
            vanish_timeout: Duration::from_secs(15),
            results_timeout: Duration::from_secs(30),
            visible_timeout: Duration::from_secs(15),
            unauthorised_pause: Duration::from_secs(1),
        }
    }
}

//! The time limits of a submission, and its field manager.

use std::time::Duration;

/// The settings of a submission.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The field manager for all writes. Never change it: an apply with a different field manager would conflict on every object
    /// that already exists.
    pub field_manager: String,
    /// The time limit for everything up to the last create, including retries but not `waitFor`. Default 60 s.
    pub deadline: Duration,
    /// The time limit for the rollback. Default 30 s.
    pub rollback_deadline: Duration,
    /// The time for which a submission may continue after SIGTERM. Default 10 s.
    pub patience: Duration,
    /// The time limit for the rollback of an interrupted submission. The sum of this limit and `patience` must be less than the
    /// 25 s within which a sidecar shuts down. Default 10 s.
    pub last_rollback: Duration,
    /// The time limit for the preflight, including retries. Default 10 s.
    pub preflight_deadline: Duration,
    /// The maximum time to wait for the deletion of an object that is already being deleted. Default 15 s.
    pub vanish_timeout: Duration,
    /// The maximum time to wait for a declared result of an object whose template has no `waitFor`. Default 30 s.
    pub results_timeout: Duration,
    /// The maximum time to wait until the API server sees a new object that another object needs. Default 15 s.
    pub visible_timeout: Duration,
    /// The pause before the only retry after a 401. Default 1 s.
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

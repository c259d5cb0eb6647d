//! The time limits of a submission, and its field manager.

use std::time::Duration;

/// How patient a submission is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The field manager of everything that is written. Never change it: an object applied under one name cannot
    /// be applied under another without a conflict.
    pub field_manager: String,
    /// Everything up to the last create, retries included; not `waitFor`. Default 60 s.
    pub deadline: Duration,
    /// The roll-back, after that. Default 30 s.
    pub rollback_deadline: Duration,
    /// How much longer a submission may go on once the process is to end. Default 10 s.
    pub patience: Duration,
    /// The roll-back of a submission that was cut off; with the patience less than the 25 s that a sidecar takes to end.
    /// Default 10 s.
    pub last_rollback: Duration,
    /// The preflight, retries included. Default 10 s.
    pub preflight_deadline: Duration,
    /// How long an object in the way that is being deleted may take to go. Default 15 s.
    pub vanish_timeout: Duration,
    /// How long a declared result may take to appear on an object without `waitFor`. Default 30 s.
    pub results_timeout: Duration,
    /// How long the API server may take to see what was created a moment ago where another object needs it. Default 15 s.
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

//! The redirector's reports: data for programs instead of text for users.
//!
//! With `--report-file`, each report is appended to that file as one line of JSON, and nothing is printed.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::message::{Created, Phase};

/// A report from the redirector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all_fields = "camelCase")]
pub enum Report {
    /// The step fails because Gleaner itself failed, not the command.
    Failed {
        /// A one-word reason in CamelCase, which Tekton shows.
        reason: String,
        /// One of the codes in [`crate::exit_code`].
        exit_code: u8,
        /// The cause and the remedy, for users.
        message: String,
        /// The causes that the sidecar reported.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        failures: Vec<Failure>,
    },
    /// A message that does not affect the result of the step.
    Remark {
        /// The message, for users.
        message: String,
    },
    /// An object exists. Each object and each note is a separate report, because an outcome may list thousands.
    Created {
        /// The object.
        created: Created,
    },
    /// A message from the sidecar about the run.
    Note {
        /// The message, for users.
        message: String,
    },
    /// The step finished the run. The objects were already reported.
    Finished {
        /// The progress of the run.
        phase: Phase,
        /// The number of objects that exist.
        resources: usize,
    },
}

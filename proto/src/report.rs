//! The reports of the redirector: data for a program, instead of text for users.
//!
//! With `--report-file`, each is one line of JSON at the end of that file, and none is printed.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::message::{Created, Phase};

/// One report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all_fields = "camelCase")]
pub enum Report {
    /// A failure of Gleaner, not of the command, fails the step.
    Failed {
        /// One word in CamelCase, as Tekton shows it.
        reason: String,
        /// One of [`crate::exit_code`].
        exit_code: u8,
        /// The cause and the remedy, for users.
        message: String,
        /// The causes from the sidecar.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        failures: Vec<Failure>,
    },
    /// A message that does not affect how the step ends.
    Remark {
        /// The message, for users.
        message: String,
    },
    /// An object exists. Each is one report, and so is each note: an outcome may list thousands.
    Created {
        /// The object.
        created: Created,
    },
    /// A message of the sidecar about the run.
    Note {
        /// The message, for users.
        message: String,
    },
    /// The step finished the run; its objects were reported before.
    Finished {
        /// The progress of the run.
        phase: Phase,
        /// The objects that exist.
        resources: usize,
    },
}

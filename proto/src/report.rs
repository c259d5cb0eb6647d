//! The reports of the redirector: what it tells a program as data, instead of a person as text.
//!
//! With `--report-file`, each is one line of JSON at the end of that file, and nothing of it is printed.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::message::{Created, Phase};

/// One report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all_fields = "camelCase")]
pub enum Report {
    /// Gleaner, and not the command, fails the step.
    Failed {
        /// One word in CamelCase, as Tekton shows it.
        reason: String,
        /// One of [`crate::exit_code`].
        exit_code: u8,
        /// The cause and the remedy, for people.
        message: String,
        /// The causes that the sidecar gave.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        failures: Vec<Failure>,
    },
    /// A message that does not change how the step ends.
    Remark {
        /// The message, for people.
        message: String,
    },
    /// An object exists. Each is one report, and so is each note: an outcome may list thousands.
    Created {
        /// The object.
        created: Created,
    },
    /// A message of the sidecar about the run.
    Note {
        /// The message, for people.
        message: String,
    },
    /// The step finished the run; what exists was reported before.
    Finished {
        /// The progress of the run.
        phase: Phase,
        /// The objects that exist.
        resources: usize,
    },
}

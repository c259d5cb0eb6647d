//! The redirector's command line: its flags, their environment variables, and the form of a script whose interpreter is the
//! redirector. `core` writes the command line into Tasks and pods; the redirector parses it.

use std::fmt::Display;

/// A flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// The name, without dashes.
    pub name: &'static str,
    /// The environment variable that sets the value if the flag is missing. This variable is ignored if the flag [`INJECTED`] is
    /// given.
    pub variable: &'static str,
}

/// The step's name in the declaration.
pub const STEP: Flag = Flag::new("step", "GLEANER_STEP");
/// The sidecar's address: `unix:PATH` or `http://127.0.0.1:PORT`.
pub const SIDECAR: Flag = Flag::new("sidecar", "GLEANER_SIDECAR");
/// A file with the bearer token for the sidecar.
pub const TOKEN_FILE: Flag = Flag::new("token-file", "GLEANER_TOKEN_FILE");
/// An [`OutputSpec`](crate::OutputSpec); the flag may be repeated.
pub const OUTPUT: Flag = Flag::new("output", "GLEANER_OUTPUT");
/// The directory for outputs that have no declared path.
pub const OUTPUTS_DIR: Flag = Flag::new("outputs-dir", crate::path::OUTPUTS_VARIABLE);
/// The maximum size of one output file.
pub const MAX_OUTPUT_SIZE: Flag = Flag::new("max-output-size", "GLEANER_MAX_OUTPUT_SIZE");
/// The maximum total size of a step's output files.
pub const MAX_OUTPUTS_SIZE: Flag = Flag::new("max-outputs-size", "GLEANER_MAX_OUTPUTS_SIZE");
/// The maximum time for which the sidecar may be unreachable.
pub const DEADLINE: Flag = Flag::new("deadline", "GLEANER_DEADLINE");
/// The time limit for the sidecar's whole response.
pub const ANSWER_TIMEOUT: Flag = Flag::new("answer-timeout", "GLEANER_ANSWER_TIMEOUT");
/// The directory that contains the Task's results.
pub const RESULTS_DIR: Flag = Flag::new("results-dir", "GLEANER_RESULTS_DIR");
/// The file to which the redirector writes the reason for a failure.
pub const TERMINATION_MESSAGE: Flag =
    Flag::new("termination-message", "GLEANER_TERMINATION_MESSAGE");
/// The key of the redirector's entry in a step's termination message. Tekton keeps it in `status.steps[].terminated.message`, a JSON
/// array of objects with `key` and `value`.
pub const MESSAGE_KEY: &str = "Gleaner";
/// A file for [`Report`](crate::report::Report)s.
pub const REPORT_FILE: Flag = Flag::new("report-file", "GLEANER_REPORT_FILE");
/// The number of the pod's own containers and the number of containers that Gleaner adds, as `OWN+ADDED`, such as `3+1`. All
/// these containers share the space for the pod's termination messages. `,compressed` follows if Tekton compresses the messages.
pub const TERMINATION_SHARE: Flag = Flag::new("termination-share", "GLEANER_TERMINATION_SHARE");
/// The names of the Task results that Tekton writes to the termination message, separated by commas, as in the `-results` flag of
/// Tekton's entrypoint.
pub const RESULTS: Flag = Flag::new("results", "GLEANER_RESULTS");
/// The names of the step results, separated by commas, as in the `-step_results` flag of Tekton's entrypoint.
pub const STEP_RESULTS: Flag = Flag::new("step-results", "GLEANER_STEP_RESULTS");
/// The directory that contains the step results, as in the `-step_metadata_dir` flag of Tekton's entrypoint.
pub const STEP_METADATA_DIR: Flag = Flag::new("step-metadata-dir", "GLEANER_STEP_METADATA_DIR");
/// A switch that requests the preflight before the command runs.
pub const PREFLIGHT: Flag = Flag::new("preflight", "GLEANER_PREFLIGHT");
/// A switch that finishes the run after the command succeeded.
pub const FINISH: Flag = Flag::new("finish", "GLEANER_FINISH");

/// The flags that take a value.
pub const VALUED: [Flag; 16] = [
    STEP,
    SIDECAR,
    TOKEN_FILE,
    OUTPUT,
    OUTPUTS_DIR,
    MAX_OUTPUT_SIZE,
    MAX_OUTPUTS_SIZE,
    DEADLINE,
    ANSWER_TIMEOUT,
    RESULTS_DIR,
    TERMINATION_MESSAGE,
    REPORT_FILE,
    TERMINATION_SHARE,
    RESULTS,
    STEP_RESULTS,
    STEP_METADATA_DIR,
];
/// The flags without a value.
pub const SWITCHES: [Flag; 2] = [PREFLIGHT, FINISH];

/// The flag that injection adds to the redirector's command line in a Task or pod. With this flag, the redirector ignores its
/// environment variables. Otherwise a user who creates a TaskRun could set them in every step (Tekton's `podTemplate.env`), and
/// thus control a Task that another user wrote. The variables are meant for a redirector that is part of an image.
pub const INJECTED: &str = "--injected";

/// The subcommand that finishes the run in a separate step.
pub const FINISH_COMMAND: &str = "finish";

/// The first argument of the redirector if it is the interpreter of a script. The second argument is the script's path: the
/// kernel passes the interpreter only one argument from the first line, and then the path (execve(2)).
pub const SCRIPT: &str = "--script";
/// The first line of a script whose interpreter is the redirector.
pub const SCRIPT_INTERPRETER: &str = "#!/gleaner/bin/redirector --script";
/// The beginning of the script's second line; the flags follow as a JSON array. The original script begins on the third line.
pub const SCRIPT_FLAGS: &str = "#gleaner: ";
/// The lines that Tekton prepends to a script without an interpreter line (`pkg/pod/script.go`).
pub const SCRIPT_PREAMBLE: &str = "#!/bin/sh\nset -e\n";

impl Flag {
    const fn new(name: &'static str, variable: &'static str) -> Self {
        Self { name, variable }
    }

    /// Returns the flag with its value, as one argument.
    pub fn with(self, value: impl Display) -> String {
        format!("--{}={value}", self.name)
    }

    /// Returns the flag as an argument, without a value.
    pub fn bare(self) -> String {
        format!("--{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_interpreter_is_the_redirectors_path_in_a_step() {
        let line = format!("#!{} {SCRIPT}", crate::path::REDIRECTOR);
        assert_eq!(line, SCRIPT_INTERPRETER);
    }
}

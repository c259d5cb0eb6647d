//! The finish of a run: await the outcome, hand on the results, tell a person.

use std::fmt::Write as _;
use std::io::Write as _;

use gleaner_proto::message::{Action, Outcome, Phase};

use crate::Exit;
use crate::failure::{Failure, one_line, remark};
use crate::options::Common;
use crate::results;
use crate::sidecar::Sidecar;

/// The finish as a step of its own: its summary is this step's output.
pub(crate) fn as_a_step(options: &Common) -> Exit {
    match finish(options) {
        Ok(summary) => {
            let _ = std::io::stdout().write_all(summary.as_bytes());
            Exit::Code(0)
        }
        Err(failure) => failure.end(options),
    }
}

/// The finish after a wrapped command, whose stdout is its own.
pub(crate) fn after_a_command(options: &Common) -> Result<(), Failure> {
    let summary = finish(options)?;
    let _ = std::io::stderr().write_all(summary.as_bytes());
    Ok(())
}

fn finish(options: &Common) -> Result<String, Failure> {
    let outcome = Sidecar::new(options).finish()?;
    if let Some(warning) = results::write(&options.results_dir, &outcome.results)? {
        remark(options.step.as_str(), &warning);
    }
    Ok(summary(&outcome))
}

fn summary(outcome: &Outcome) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for created in &outcome.resources {
        let action = match created.action {
            Action::Created => "created",
            Action::Adopted => "already created by an earlier attempt",
            Action::Replaced => "replaced what an earlier attempt had created",
            Action::Applied => "applied",
        };
        let namespace = created
            .namespace
            .as_deref()
            .map(|namespace| format!("{namespace}/"));
        let name = format!("{}{}", namespace.unwrap_or_default(), created.name);
        let line = format!("{} {name} ({}): {action}", created.kind, created.resource);
        let _ = writeln!(text, "gleaner: {}", one_line(&line));
    }
    if outcome.resources.is_empty() {
        let why = match outcome.phase {
            Phase::Committed => "there was nothing to create",
            _ => "nothing was created",
        };
        let _ = writeln!(text, "gleaner: {why}");
    }
    for note in &outcome.notes {
        let _ = writeln!(text, "gleaner: note: {}", one_line(note));
    }
    text
}

//! The finish of a run: await the outcome, write the results, report.

use std::fmt::Write as _;
use std::io::{self, Write};

use gleaner_proto::message::{Outcome, Phase};
use gleaner_proto::report::Report;

use crate::Exit;
use crate::failure::{Failure, Reason, one_line};
use crate::options::Common;
use crate::own_results::{self, Fit};
use crate::report::{self, remark};
use crate::results;
use crate::sidecar::Sidecar;

/// The finish as a step of its own: its summary is this step's output.
pub(crate) fn as_a_step(options: &Common) -> Exit {
    match finish(options, &mut io::stdout()) {
        Ok(()) => Exit::Code(0),
        Err(failure) => report::failed(options, &failure),
    }
}

/// The finish after a wrapped command, whose stdout is its own.
pub(crate) fn after_a_command(options: &Common) -> Result<(), Failure> {
    finish(options, &mut io::stderr())
}

fn finish(options: &Common, out: &mut impl Write) -> Result<(), Failure> {
    let outcome = Sidecar::new(options).finish(options.measure().own_results())?;
    let is_written = results::write(&options.results_dir, &outcome.results)?;
    if is_written {
        check_room(options, &outcome)?;
    }
    let summary = summary(&outcome);
    if !report::append(options, &Report::Finished { outcome }) {
        report::print_lines(out, &summary);
    }
    Ok(())
}

/// Checks that Tekton gets the results that were written. The sidecar has measured them, but what Tekton reads counts.
fn check_room(options: &Common, outcome: &Outcome) -> Result<(), Failure> {
    if outcome.results.is_empty() {
        return Ok(());
    }
    if options.reported.share.is_none() {
        if let Some(message) = own_results::unknown_room(&outcome.results) {
            remark(options, &message);
        }
        return Ok(());
    }
    match options.measure().fit() {
        Fit::Fits => Ok(()),
        Fit::NeverFits(message) | Fit::CrowdedOut(Failure { message, .. }) => {
            let message = format!("the resources exist, but {message}");
            Err(Failure::new(Reason::ResultsTooLarge, message))
        }
    }
}

fn summary(outcome: &Outcome) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for created in &outcome.resources {
        let _ = writeln!(text, "gleaner: {}", one_line(&created.to_string()));
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

//! Finishes a run: waits for the outcome, writes the results, and reports the created objects.

use std::io::{self, Write};
use std::path::Path;

use gleaner_proto::message::Phase;
use gleaner_proto::report::Report;

use crate::Exit;
use crate::failure::{Failure, Reason, cut, one_line};
use crate::options::Common;
use crate::outcome::{self, Part};
use crate::own_results::{self, Fit};
use crate::report::{self, remark};
use crate::results::Staged;
use crate::sidecar::Sidecar;

/// The maximum length of a failed run's notes in a message, in bytes.
const WHY_MAX: usize = 4 << 10;

/// Finishes the run as a separate step, and prints a summary to stdout.
pub(crate) fn as_a_step(options: &Common) -> Exit {
    match finish(options, &mut io::stdout()) {
        Ok(()) => Exit::Code(0),
        Err(failure) => report::failed(options, &failure),
    }
}

/// Finishes the run after a command. Prints nothing to stdout, because stdout belongs to the command.
pub(crate) fn after_a_command(options: &Common) -> Result<(), Failure> {
    finish(options, &mut io::stderr())
}

fn finish(options: &Common, out: &mut impl Write) -> Result<(), Failure> {
    let own_results = options.measure().own_results();
    let mut told = Told {
        options,
        out,
        items: 0,
    };
    let outcome = Sidecar::new(options).finish(own_results, |body| {
        let mut outcome = Outcome::new(&options.results_dir);
        outcome::read(body, &mut |part| outcome.take(part, &mut told))?;
        Ok(outcome)
    })?;
    let Outcome {
        phase, resources, ..
    } = outcome;
    if phase == Phase::Failed {
        let message = format!("the resources were not created: {}", outcome.why);
        return Err(Failure::new(Reason::NotCreated, message));
    }
    if let Some(bytes) = outcome.results.publish()? {
        check_room(options, bytes)?;
    }
    told.report(Report::Finished { phase, resources });
    Ok(())
}

/// Checks that the written results, which take up `bytes` bytes, fit into the step's termination message. The sidecar has already
/// checked this, but Tekton reads the files, so their actual sizes must fit.
fn check_room(options: &Common, bytes: usize) -> Result<(), Failure> {
    if options.reported.share.is_none() {
        if let Some(message) = own_results::unknown_room(bytes) {
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

/// The part of the outcome that the current attempt has received.
struct Outcome<'a> {
    phase: Phase,
    /// The number of objects that exist.
    resources: usize,
    /// The number of objects and notes received so far.
    items: usize,
    /// The notes of a failed run, in one string.
    why: String,
    results: Staged<'a>,
}

/// The part of the outcome that was printed. If the connection fails, another attempt receives the same outcome from the
/// beginning, and skips the items that were already printed.
struct Told<'a, Out> {
    options: &'a Common,
    out: &'a mut Out,
    /// The number of objects and notes printed so far.
    items: usize,
}

// === impl Outcome ===

impl<'a> Outcome<'a> {
    const fn new(results_dir: &'a Path) -> Self {
        Self {
            phase: Phase::Collecting,
            resources: 0,
            items: 0,
            why: String::new(),
            results: Staged::new(results_dir),
        }
    }

    fn take(&mut self, part: Part<'_>, told: &mut Told<'_, impl Write>) -> Result<(), Failure> {
        match part {
            Part::Phase(phase) => self.phase = phase,
            Part::Note(note) if self.phase == Phase::Failed => {
                let separator = if self.why.is_empty() { "" } else { "; " };
                let why = format!("{}{separator}{note}", self.why);
                cut(&why, WHY_MAX).clone_into(&mut self.why);
            }
            _ if self.phase == Phase::Failed => {}
            Part::Created(created) => {
                self.resources += 1;
                self.tell(Report::Created { created }, told);
            }
            Part::Note(message) => self.tell(Report::Note { message }, told),
            Part::Result(name) => self.results.begin(name)?,
            Part::ResultText(text) => self.results.add(text)?,
        }
        Ok(())
    }

    fn tell(&mut self, report: Report, told: &mut Told<'_, impl Write>) {
        self.items += 1;
        if self.items > told.items {
            told.items = self.items;
            told.report(report);
        }
    }
}

// === impl Told ===

impl<Out: Write> Told<'_, Out> {
    fn report(&mut self, report: Report) {
        if report::append(self.options, &report) {
            return;
        }
        let line = match report {
            Report::Created { created } => created.to_string(),
            Report::Note { message } => format!("note: {message}"),
            Report::Finished {
                phase: Phase::Committed,
                resources: 0,
            } => "there was nothing to create".to_owned(),
            Report::Finished { resources: 0, .. } => "nothing was created".to_owned(),
            _ => return,
        };
        report::print_lines(self.out, &format!("gleaner: {}\n", one_line(&line)));
    }
}

//! Progress output on standard error while the task runs.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gleaner_core::variable::Reference;
use gleaner_proto::message::{Created, Outcome, Phase, Status, VariableState};
use gleaner_proto::report::Report;

use super::live;
use crate::terminal::{BAD, CAUTION, FAINT, GOOD, STRONG, paint};
use crate::values::as_text;

/// The number of characters after which a shown value is truncated.
const SHOWN: usize = 100;

/// True while progress is hidden, which is the case with `--quiet` until the first failure.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Prints a line of progress, unless progress is hidden.
fn show(line: impl Display) {
    if !QUIET.load(Ordering::Relaxed) {
        live::print(line);
    }
}

/// Prints a line about a failure, and shows all later progress, even with `--quiet`.
fn show_failure(line: impl Display) {
    QUIET.store(false, Ordering::Relaxed);
    show(line);
}

/// The progress of a run. Tracks what was already shown, so that each line appears only once.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    variables: HashSet<String>,
    notes: HashSet<String>,
    /// The UIDs of the objects already shown.
    objects: HashSet<String>,
    waiting: bool,
}

impl Progress {
    /// Hides the progress until the first failure.
    pub(crate) fn quiet() {
        QUIET.store(true, Ordering::Relaxed);
    }

    /// Prints information that the user requested with a flag, even with `--quiet`.
    pub(crate) fn requested(text: &str) {
        live::print(format_args!("  {text}"));
    }

    pub(crate) fn begins(task: &str, run: &str, place: &str) {
        show(format_args!("{} as {run}, {place}", paint(STRONG, task)));
    }

    pub(crate) fn task_begins(task: &str) {
        show(format_args!(
            "{} task {}",
            paint(FAINT, "●"),
            paint(STRONG, task)
        ));
    }

    pub(crate) fn task_skipped(task: &str, why: &str) {
        let message = format_args!("task {task} was skipped: {why}");
        show(format_args!(
            "{} {}",
            paint(FAINT, "-"),
            paint(FAINT, message)
        ));
    }

    pub(crate) fn note(text: &str) {
        show(paint(FAINT, format_args!("  {text}")));
    }

    pub(crate) fn step_begins(step: &str) {
        show(format_args!(
            "{} {}",
            paint(FAINT, "▶"),
            paint(STRONG, step)
        ));
    }

    pub(crate) fn line(step: &str, line: &str) {
        live::print(format_args!(
            "{} {line}",
            paint(FAINT, format_args!("{step} |"))
        ));
    }

    pub(crate) fn report(&mut self, step: &str, report: &Report) {
        match report {
            Report::Failed { message, .. } => Self::failed(&format!("step '{step}': {message}")),
            Report::Remark { message } => {
                live::print(format_args!(
                    "{} step '{step}': {message}",
                    paint(CAUTION, "!")
                ));
            }
            Report::Created { created } => self.created(created),
            // The note may already have been shown, because the sidecar's status contains it, too.
            Report::Note { message } => self.note_once(message),
            Report::Finished {
                phase: Phase::Committed,
                resources: 0,
            } => show("  there was nothing to create"),
            Report::Finished { .. } => {}
        }
    }

    pub(crate) fn has_shown_objects(&self) -> bool {
        !self.objects.is_empty()
    }

    pub(crate) fn all_created(&mut self, outcome: &Outcome) {
        for created in &outcome.resources {
            self.created(created);
        }
    }

    fn created(&mut self, created: &Created) {
        if self.objects.insert(created.uid.clone()) {
            show(format_args!("  {} {created}", paint(GOOD, "+")));
        }
    }

    pub(crate) fn step_succeeded(step: &str, took: Duration) {
        show(format_args!(
            "{} {} {}",
            paint(GOOD, "✔"),
            paint(STRONG, step),
            time(took)
        ));
    }

    pub(crate) fn step_failed(step: &str, took: Duration, how: &str, continued: bool) {
        let (style, sign, rest) = match continued {
            true => (CAUTION, "!", ", and the task continues (onError: continue)"),
            false => (BAD, "✘", ""),
        };
        let line = format!(
            "{} {} {how}{rest} {}",
            paint(style, sign),
            paint(STRONG, step),
            time(took)
        );
        match continued {
            true => show(line),
            false => show_failure(line),
        }
    }

    pub(crate) fn step_skipped(step: &str, why: &str) {
        show(format_args!(
            "{} {}",
            paint(FAINT, "-"),
            paint(FAINT, format_args!("{step} was skipped: {why}"))
        ));
    }

    /// Prints what changed since the last status.
    pub(crate) fn status(&mut self, status: &Status) {
        for variable in &status.variables {
            // Show only outputs, because parameters are known from the start.
            let output = Reference::parse(&variable.name);
            let news = matches!(output, Ok(Reference::Output { .. }))
                && variable.state != VariableState::Pending;
            if news && self.variables.insert(variable.name.clone()) {
                let value = variable.value.as_ref();
                let value = value.map_or_else(|| "(secret)".to_owned(), as_text);
                let name = paint(STRONG, &variable.name);
                let by_default = match variable.state {
                    VariableState::Defaulted => " (default)",
                    _ => "",
                };
                show(format_args!("  {name} = {}{by_default}", shortened(&value)));
            }
        }
        for note in &status.notes {
            self.note_once(note);
        }
        if status.phase == Phase::Submitting && !self.waiting {
            self.waiting = true;
            Self::note("submitting the objects to the API server");
        }
    }

    fn note_once(&mut self, note: &str) {
        if self.notes.insert(note.to_owned()) {
            Self::note(note);
        }
    }

    /// Shows `text` as the last line on the terminal until the next call, or removes this line if `text` is empty. Returns false
    /// if standard error is not a terminal that can show the line.
    pub(crate) fn waits(text: &str) -> bool {
        let is_possible = live::is_possible();
        if is_possible && !QUIET.load(Ordering::Relaxed) {
            live::show(text);
        }
        is_possible
    }

    pub(crate) fn failed(why: &str) {
        show_failure(format_args!("{} {why}", paint(BAD, "✘")));
    }
}

fn time(took: Duration) -> String {
    paint(FAINT, format_args!("{:.1}s", took.as_secs_f64()))
}

fn shortened(value: &str) -> String {
    let ellipsis = (value.chars().count() > SHOWN).then_some('…');
    let shown = value.chars().take(SHOWN).chain(ellipsis);
    shown
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

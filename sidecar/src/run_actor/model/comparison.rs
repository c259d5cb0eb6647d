//! Compares observed states with the states of the reference model.

use std::path::PathBuf;
use std::sync::LazyLock;

use gleaner_core::collect::Collector;
use gleaner_core::declaration::{Declaration, Scope};
use gleaner_core::render::Values;
use gleaner_core::run::Run;
use gleaner_proto::StepName;
use gleaner_proto::message::{Outcome, Phase, Problem, StepState, problem_type};

use super::disk::Medium;
use super::reference::{DECLARATION, End, Reference, STEPS, SUBMITS, Submit};
use super::submitter::{outcome_of, problem_of};
use crate::journal::{Journal, JournalError, Record};
use crate::recovery::replay;

/// The result of a submission that panicked.
pub(super) const PANICKED: End = End::Failed(254);
/// The result of a submission that did not start, because the journal had no space for its outcome.
pub(super) const NO_ROOM: End = End::Failed(255);

pub(super) fn declaration(submit: Submit) -> Declaration {
    static DECLARATIONS: LazyLock<[Declaration; 3]> = LazyLock::new(|| {
        SUBMITS.map(|submit| {
            let text = format!("{DECLARATION}submit: {submit:?}\n");
            Declaration::parse(&text, &Scope::default()).unwrap()
        })
    });
    DECLARATIONS[submit as usize].clone()
}

/// Returns the state and the number of plans that a restarted sidecar restores from `records`.
pub(super) fn recovered(submit: Submit, records: Vec<Record>) -> (Collector, usize) {
    let steps = STEPS.map(|step| StepName::new(step).unwrap());
    let (declaration, run) = (declaration(submit), Run::default());
    let mut collector = Collector::new(declaration, run, Values::default(), steps);
    let planned = replay(&mut collector, records).unwrap();
    (collector, planned.len())
}

pub(super) fn open(medium: &Medium) -> Result<(Journal, Vec<Record>), JournalError> {
    Journal::on(medium.open(), PathBuf::from("journal"), b"run")
}

/// Compares the collector's state with the reference.
pub(super) fn compare(collector: &Collector, reference: &Reference) -> Result<(), String> {
    let status = collector.status();
    let steps = STEPS.map(|step| {
        let found = status.steps.iter().find(|known| known.name == step);
        found.map(|known| (known.state, known.exit_code)).unwrap()
    });
    let idle = |note: &&String| note.starts_with("nothing was created");
    let notes = collector.notes().iter().filter(idle).count();
    let repeated = |note: &&String| note.ends_with("ran again; its latest outputs are used");
    let repeated = collector.notes().iter().filter(repeated).count();
    type Seen<'a> = (
        Phase,
        Vec<String>,
        bool,
        [(StepState, Option<i32>); 3],
        [usize; 2],
    );
    let is: Seen<'_> = (
        collector.phase(),
        collector.pending_names(),
        collector.is_finished(),
        steps,
        [notes, repeated],
    );
    let pending = reference.pending().into_iter().map(str::to_owned);
    let should: Seen<'_> = (
        reference.phase(),
        pending.collect(),
        reference.is_finished(),
        STEPS.map(|step| reference.step(step)),
        [usize::from(reference.has_idle_note()), reference.repeated()],
    );
    if is != should {
        return Err(format!("the state is {is:?}, but should be {should:?}"));
    }
    if let Some(end) = reference.end() {
        compare_end(&collector.outcome(), end)?;
    }
    Ok(())
}

pub(super) fn compare_end(outcome: &Result<Outcome, Problem>, end: End) -> Result<(), String> {
    let is_right = match (end, outcome) {
        (End::Committed(number), Ok(outcome)) => *outcome == outcome_of(number),
        (End::Pending, Err(problem)) => problem.kind == problem_type::PENDING,
        (NO_ROOM, Err(problem)) => problem.detail.contains("for the outcome of the run"),
        (PANICKED, Err(problem)) => problem.detail.contains("the submission panicked"),
        (End::Failed(number), Err(problem)) => *problem == problem_of(number),
        _ => false,
    };
    match is_right {
        true => Ok(()),
        false => Err(format!("the outcome is {outcome:?}, but should be {end:?}")),
    }
}

//! Calculates how much space the record of a run's outcome needs, and truncates larger records.

use std::io;

use gleaner_core::collect::problem;
use gleaner_core::declaration::{Declaration, GIVEN_RESULTS};
use gleaner_core::results;
use gleaner_proto::exit_code;
use gleaner_proto::failure::FailureCode;
use gleaner_proto::message::{Problem, problem_type};
use gleaner_runtime::text::cut;
use serde::Serialize;

use crate::run_actor::submitting::Ending;

/// The space for the part of a record that does not depend on the number of objects, in bytes: a problem's texts, or a
/// commit's notes.
const BASE: u64 = 16 << 10;
/// The space for each object, in bytes: its names and UID, or its failure and its entry in the list of remaining objects.
const OBJECT: u64 = 2 << 10;
/// The space for each result field that a template declares, in bytes. Before JSON escaping, a field is at most 1 KiB long.
const FIELD: u64 = 2 << 10;
/// The space for the part of a plan that does not depend on the number of objects, in bytes.
const BASE_OF_PLAN: u64 = 256;
/// The space for each planned object, in bytes. A name is at most 253 bytes long, and a namespace at most 63.
const PLANNED: u64 = 1 << 10;
/// The lengths, in bytes, to which a problem's texts are truncated. They are tried in order, until the record fits.
const TEXTS: [usize; 4] = [4 << 10, 1 << 10, 256, 128];

/// Returns the number of bytes to reserve for the outcome of a run with this declaration.
pub(in crate::run_actor) fn room(declaration: &Declaration) -> u64 {
    let fields = |template| {
        results::keys(template)
            .len()
            .saturating_sub(GIVEN_RESULTS.len())
    };
    let objects = declaration.templates.iter();
    let objects = objects.map(|template| OBJECT + FIELD * fields(template) as u64);
    BASE + objects.sum::<u64>()
}

/// Returns the number of bytes to reserve for the plan of a submission with this declaration. If names that are already taken
/// are replaced, the plan can be larger than the reserved space, and is then written to additional space.
pub(super) fn room_of_plan(declaration: &Declaration) -> u64 {
    BASE_OF_PLAN + PLANNED * declaration.templates.len() as u64
}

/// Returns `ending`, shortened until its record fits into `room` bytes. In a problem, first texts and then lists are shortened;
/// in a commit, the notes are dropped.
pub(super) fn shortened(ending: Ending, room: u64) -> Ending {
    match ending {
        Ok(mut commit) => {
            let dropped = commit.outcome.notes.len();
            if !fits(&commit, room) && dropped > 0 {
                let note = format!(
                    "{dropped} notes were omitted, because the journal has no space for them"
                );
                commit.outcome.notes = vec![note];
            }
            Ok(commit)
        }
        Err(problem) => Err(shortened_problem(problem, room)),
    }
}

/// Returns the problem to report when a submission cannot start because no space for its outcome can be reserved.
pub(super) fn no_room(room: u64, error: &io::Error) -> Problem {
    let message =
        format!("cannot reserve {room} bytes of the journal for the outcome of the run: {error}");
    let remedy = "free up space on the journal's volume (--state-dir)";
    let failure = gleaner_proto::failure::Failure {
        resource: None,
        code: FailureCode::RequestFailed,
        message: message.clone(),
        remedy: Some(remedy.to_owned()),
    };
    Problem {
        failures: vec![failure],
        ..problem::new(
            problem_type::NOT_CREATED,
            424,
            "the resources could not be created",
            format!("nothing was created: {message}; {remedy}"),
            exit_code::NOT_CREATED,
        )
    }
}

/// Returns the problem for a request that arrives after the outcome is known, but before the outcome is recorded.
pub(super) fn unrecorded(error: &io::Error) -> Problem {
    problem::new(
        problem_type::BUSY,
        503,
        "the outcome of the run is not yet recorded",
        format!(
            "the journal could not be written: {error}; free up space on the journal's volume (--state-dir), and retry"
        ),
        exit_code::UNREACHABLE,
    )
}

fn shortened_problem(mut problem: Problem, room: u64) -> Problem {
    for max in TEXTS {
        if fits(&problem, room) {
            return problem;
        }
        shorten_texts(&mut problem, max);
    }
    // Lists of remaining objects are shortened last, because they are more important than the causes.
    while !fits(&problem, room) {
        match (
            problem.failures.len() + problem.removed.len(),
            problem.kept.len(),
            problem.left.len(),
        ) {
            (1.., ..) => {
                problem.removed.truncate(problem.removed.len() / 2);
                problem.failures.truncate(problem.failures.len() / 2);
            }
            (_, kept @ 1.., _) => problem.kept.truncate(kept / 2),
            (_, _, left @ 1..) => problem.left.truncate(left / 2),
            _ => break,
        }
    }
    problem
}

fn shorten_texts(problem: &mut Problem, max: usize) {
    let Problem {
        detail,
        failures,
        left,
        ..
    } = problem;
    let failures = failures
        .iter_mut()
        .flat_map(|failure| std::iter::once(&mut failure.message).chain(&mut failure.remedy));
    let texts = failures.chain(left.iter_mut().map(|left| &mut left.why));
    for text in texts.chain([detail]) {
        if text.len() > max {
            *text = format!("{} ...", cut(text, max));
        }
    }
}

fn fits(record: &impl Serialize, room: u64) -> bool {
    // The record kind needs one more byte.
    serde_json::to_vec(record).is_ok_and(|json| (json.len() as u64) < room)
}

#[cfg(test)]
mod tests;

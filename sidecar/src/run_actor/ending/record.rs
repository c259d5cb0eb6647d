//! The record of a run's outcome, which is limited in size.

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

/// The space for a record without objects, in bytes: the texts of a problem, or notes.
const BASE: u64 = 16 << 10;
/// The space for each object: its names and UID, or its failure and remaining objects.
const OBJECT: u64 = 2 << 10;
/// The space for each result field that the template adds. A field has at most 1 KiB before JSON escapes it.
const FIELD: u64 = 2 << 10;
/// The space for a plan without objects, in bytes.
const BASE_OF_PLAN: u64 = 256;
/// The space for each planned object: a name has at most 253 bytes, a namespace 63.
const PLANNED: u64 = 1 << 10;
/// The limits, in bytes, to which the texts of a problem are shortened; the first that makes the record fit is used.
const TEXTS: [usize; 4] = [4 << 10, 1 << 10, 256, 128];

/// Returns the maximum size of the outcome of a run with this declaration, in bytes.
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

/// Returns the space for the plan of a submission with this declaration, in bytes. A larger plan, which contains second names of
/// objects, is written in additional space.
pub(super) fn room_of_plan(declaration: &Declaration) -> u64 {
    BASE_OF_PLAN + PLANNED * declaration.templates.len() as u64
}

/// Returns `ending`, shortened so that its record fits into `room`: shortens first the texts and then the lists of a problem, or
/// the notes of a commit.
pub(super) fn shortened(ending: Ending, room: u64) -> Ending {
    match ending {
        Ok(mut commit) => {
            let dropped = commit.outcome.notes.len();
            if !fits(&commit, room) && dropped > 0 {
                let note = format!(
                    "{dropped} notes are omitted, because the journal has no room for them"
                );
                commit.outcome.notes = vec![note];
            }
            Ok(commit)
        }
        Err(problem) => Err(shortened_problem(problem, room)),
    }
}

/// Returns the problem of a submission that does not start because its outcome could not be recorded.
pub(super) fn no_room(room: u64, error: &io::Error) -> Problem {
    let message =
        format!("the journal has no room for the outcome of the run ({room} bytes): {error}");
    let remedy = "make room on its volume (--state-dir)";
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

/// Returns the problem for a request that arrives while the outcome is known but not recorded.
pub(super) fn unrecorded(error: &io::Error) -> Problem {
    problem::new(
        problem_type::BUSY,
        503,
        "the outcome of the run is not yet recorded",
        format!(
            "the journal could not be written: {error}; make room on its volume (--state-dir), and retry"
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
    // The remaining objects are more important than the causes.
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
    // One byte is needed for the kind of record.
    serde_json::to_vec(record).is_ok_and(|json| (json.len() as u64) < room)
}

#[cfg(test)]
mod tests;

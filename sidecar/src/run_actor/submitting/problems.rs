//! The problems that can make a submission fail.

use gleaner_core::collect::problem;
use gleaner_core::render::TooLarge;
use gleaner_core::results::DoesNotFit;
use gleaner_core::variable::SubstitutionError;
use gleaner_proto::exit_code;
use gleaner_proto::failure::{Failure, FailureCode};
use gleaner_proto::message::{Problem, problem_type};
use gleaner_submission::SubmissionError;

/// Returns the problem for a value that the templates need but the outputs do not contain.
pub(super) fn not_rendered(error: &SubstitutionError) -> Problem {
    let title = "the outputs lack values that the templates need";
    let detail = format!("nothing was created: {error}");
    let failure = Failure {
        resource: None,
        code: FailureCode::InvalidOutput,
        message: error.to_string(),
        remedy: None,
    };
    Problem {
        failures: vec![failure],
        ..problem::new(problem_type::OUTPUT, 422, title, detail, exit_code::OUTPUT)
    }
}

/// Returns the problem for results that do not fit into the step's termination message.
pub(in crate::run_actor) fn results_do_not_fit(error: &DoesNotFit, are_created: bool) -> Problem {
    let title = "the results do not fit into the step's termination message";
    let state = match are_created {
        true => "the resources exist, but",
        false => "nothing was created, because",
    };
    let remedy = DoesNotFit::REMEDY;
    let failure = Failure {
        resource: None,
        code: FailureCode::ResultsTooLarge,
        message: error.to_string(),
        remedy: Some(remedy.to_owned()),
    };
    let detail = format!("{state} {error}; {remedy}");
    Problem {
        failures: vec![failure],
        ..problem::new(
            problem_type::RESULTS,
            507,
            title,
            detail,
            exit_code::NOT_CREATED,
        )
    }
}

/// Returns the problem for objects that exceed the API server's size limit or the sidecar's memory limit.
pub(super) fn too_large(error: &TooLarge) -> Problem {
    let remedy = error.remedy();
    let detail = format!("nothing was created: {error}; {remedy}");
    let failure = Failure {
        resource: error.resource.as_ref().map(ToString::to_string),
        code: FailureCode::TooLarge,
        message: error.to_string(),
        remedy: Some(remedy.to_owned()),
    };
    let (kind, title) = (problem_type::TOO_LARGE, "the objects are too large");
    Problem {
        failures: vec![failure],
        ..problem::new(kind, 413, title, detail, exit_code::OUTPUT)
    }
}

/// Returns the problem for objects that could not be created.
pub(super) fn not_created(error: &SubmissionError) -> Problem {
    let title = "the resources could not be created";
    let failures = error.failures.iter().map(|failure| failure.to_message());
    Problem {
        failures: failures.collect(),
        removed: error.aftermath.removed.clone(),
        left: error.aftermath.left.clone(),
        kept: error.aftermath.kept.clone(),
        ..problem::new(
            problem_type::NOT_CREATED,
            424,
            title,
            error.sentence(),
            exit_code::NOT_CREATED,
        )
    }
}

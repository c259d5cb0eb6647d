//! The routes for steps: preflight, start, failure, outputs, submit, finish.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, Request, State};
use gleaner_proto::StepName;
use gleaner_proto::message::{Outcome, OwnResults, StepFailure, problem_type};

use super::answer::{ApiProblem, Json};
use super::caller::Speaker;
use super::clients::Class;
use super::{Api, Caller, body};
use crate::preflight::Report;
use crate::run_actor::StepReport;
use gleaner_core::collect::problem;

pub(super) async fn outputs(
    State(api): State<Api>,
    Extension(Speaker(own)): Extension<Speaker>,
    step: Result<Path<String>, PathRejection>,
    query: StepQuery,
    request: Request,
) -> Result<Json<Outcome>, ApiProblem> {
    let Path(step) = step?;
    require_own(&api, &own, &step)?;
    let own_results = own_results(query)?;
    let share = &api.clients.of(&Caller::Step(own)).bodies;
    let (message, body) = body::outputs(&api, &step, share, request).await?;
    let outcome = api.handle.outputs(step, message, body, own_results).await;
    Ok(Json(outcome?))
}

/// Records the start of a step.
pub(super) async fn start(
    State(api): State<Api>,
    Extension(Speaker(own)): Extension<Speaker>,
    step: Result<Path<String>, PathRejection>,
) -> Result<Json<Outcome>, ApiProblem> {
    report(&api, own, step, StepReport::Started).await
}

/// Records that a step failed without posting its outputs.
pub(super) async fn failure(
    State(api): State<Api>,
    Extension(Speaker(own)): Extension<Speaker>,
    step: Result<Path<String>, PathRejection>,
    query: Result<Query<StepFailure>, QueryRejection>,
) -> Result<Json<Outcome>, ApiProblem> {
    let Query(failure) = query.map_err(|error| malformed(&error, "?exitCode=N"))?;
    report(&api, own, step, StepReport::Failed(failure)).await
}

/// Passes a step's report to the actor. Responds with the state of the run, in which the report may still be missing.
async fn report(
    api: &Api,
    own: StepName,
    step: Result<Path<String>, PathRejection>,
    report: StepReport,
) -> Result<Json<Outcome>, ApiProblem> {
    let Path(step) = step?;
    require_own(api, &own, &step)?;
    if own.as_str() != step {
        let detail = "see GET /v1/status for the names of the steps";
        return Err(ApiProblem::new(
            problem_type::NOT_FOUND,
            404,
            "no such step",
            detail,
        ));
    }
    api.handle.report(own, report).await;
    Ok(Json(api.handle.snapshots().borrow().state.receipt()))
}

/// If the request's path names a known step other than `own`, returns a problem. `own` is the step that sent the request.
fn require_own(api: &Api, own: &StepName, step: &str) -> Result<(), ApiProblem> {
    let known = api.tokens.iter().any(|(known, _)| known.as_str() == step);
    if known && own.as_str() != step {
        let detail = format!("step '{own}' cannot send this request for step '{step}'");
        let title = "request for another step";
        return Err(ApiProblem::new(problem_type::FORBIDDEN, 403, title, detail));
    }
    Ok(())
}

pub(super) async fn submit(State(api): State<Api>) -> Result<Json<Outcome>, ApiProblem> {
    Ok(Json(api.handle.submit().await?))
}

pub(super) async fn finish(
    State(api): State<Api>,
    query: StepQuery,
) -> Result<Json<Outcome>, ApiProblem> {
    Ok(Json(api.handle.finish(own_results(query)?).await?))
}

type StepQuery = Result<Query<OwnResults>, QueryRejection>;

fn own_results(query: StepQuery) -> Result<OwnResults, ApiProblem> {
    let own_results =
        query.map_err(|error| malformed(&error, "?resultBytes=N or &compressedResultBytes=N"))?;
    Ok(own_results.0)
}

/// Returns the problem for a query that cannot be parsed. `remedy` is a valid query.
fn malformed(error: &QueryRejection, remedy: &str) -> ApiProblem {
    let detail = format!("{}; use {remedy}", error.body_text());
    ApiProblem::new(problem_type::MALFORMED, 400, "invalid request", detail)
}

/// The maximum time that a step waits for an API server that does not respond, for example because a proxy in the pod is not
/// ready yet.
const PREFLIGHT_PATIENCE: Duration = Duration::from_secs(120);

/// Waits until the API server has responded, for at most [`PREFLIGHT_PATIENCE`]. If the preflight found a blocking failure,
/// returns a problem.
pub(super) async fn preflight(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Outcome>, ApiProblem> {
    let _permit = api.clients.of(&caller).begin(Class::Wait)?;
    let mut preflight = api.preflight.clone();
    let is_complete =
        |report: &Option<Arc<Report>>| report.as_ref().is_some_and(|one| one.is_complete());
    let complete = async {
        // The wait also ends at shutdown, when the sender is dropped.
        let _ = preflight.wait_for(is_complete).await;
    };
    let report = tokio::select! {
        () = complete => api.preflight.borrow().clone(),
        () = tokio::time::sleep(PREFLIGHT_PATIENCE) => api.preflight.borrow().clone(),
        () = api.shutdown.requested() => return Err(problem::ending().into()),
    };
    if let Some(problem) = report.and_then(|report| report.problem()) {
        return Err(problem.into());
    }
    let snapshots = api.handle.snapshots();
    let snapshot = snapshots.borrow();
    Ok(Json(Outcome {
        phase: snapshot.phase,
        pending: Vec::new(),
        resources: Vec::new(),
        results: std::collections::BTreeMap::new(),
        notes: snapshot.state.notes().to_vec(),
    }))
}

//! The routes in version 1 of the sidecar's HTTP API. The OpenAPI document describes these routes.

/// `GET`: the page that shows the run to users.
pub const PAGE: &str = "/";
/// `POST`: the outputs of a step. See [`outputs`].
pub const OUTPUTS: &str = "/v1/steps/{step}/outputs";
/// `POST`: the command of a step is about to start. See [`start`].
pub const START: &str = "/v1/steps/{step}/start";
/// `POST`: the step failed without posting its outputs. See [`failure`].
pub const FAILURE: &str = "/v1/steps/{step}/failure";
/// `POST`: starts the submission.
pub const SUBMIT: &str = "/v1/submit";
/// `POST`: finishes the run.
pub const FINISH: &str = "/v1/finish";
/// `GET`: the findings of the preflight.
pub const PREFLIGHT: &str = "/v1/preflight";
/// `GET`: the rendered resources.
pub const RESOURCES: &str = "/v1/resources";
/// `GET`: one rendered resource.
pub const RESOURCE: &str = "/v1/resources/{name}";
/// `GET`: the rendered resources as YAML in which values with variables are marked.
pub const PREVIEW: &str = "/v1/preview";
/// `GET`: the state of the run.
pub const STATUS: &str = "/v1/status";
/// `GET`: the state of the run as server-sent events.
pub const EVENTS: &str = "/v1/events";
/// `GET`: the liveness probe, which always returns 200.
pub const LIVE: &str = "/livez";
/// `GET`: the readiness probe, which returns 200 once steps can post outputs.
pub const READY: &str = "/readyz";
/// `GET`: the metrics in the OpenMetrics text format.
pub const METRICS: &str = "/metrics";
/// `GET`: the OpenAPI document.
pub const OPENAPI: &str = "/openapi.json";

/// Returns the path to which the outputs of `step` are posted. The step's name is a DNS label, so it needs no percent-encoding.
pub fn outputs(step: &crate::StepName) -> String {
    OUTPUTS.replace("{step}", step.as_str())
}

/// Returns the path and query to which the failure of `step` is reported.
pub fn failure(step: &crate::StepName, exit_code: u8) -> String {
    let path = FAILURE.replace("{step}", step.as_str());
    format!("{path}?exitCode={exit_code}")
}

/// Returns the path to which the start of `step` is reported.
pub fn start(step: &crate::StepName) -> String {
    START.replace("{step}", step.as_str())
}

//! A sidecar process for tests, and the declaration that most tests use.

mod process;

use std::time::Duration;

use gleaner_testkit::api_server::ApiServer;
pub(crate) use gleaner_testkit::client::{Connection, request};
use gleaner_testkit::wait;

pub(crate) use process::{Setup, Sidecar};

/// The maximum time for which a test waits for a condition. Only a failing test waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A declaration with two steps and two objects. The objects are submitted on request.
pub(crate) const MANUAL: &str = "\
steps:
  build:
    - {name: digest}
    - {name: report, type: object, when: Always, default: {}}
  scan:
    - {name: verdict, default: unknown}
resources:
  - name: img
    spec:
      type: image
      params:
        - {name: url, value: $(params.imageUrl)}
        - {name: digest, value: $(steps.build.digest)}
objects:
  - name: note
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: note}
      data: {verdict: $(steps.scan.verdict), report: $(string(steps.build.report))}
submit: Manual
";

/// Returns the declaration [`MANUAL`] with `submit: Resolved`, so that the objects are submitted as soon as all variables are
/// resolved.
pub(crate) fn resolved() -> String {
    MANUAL.replace("submit: Manual", "submit: Resolved")
}

/// The message that step `build` posts in most tests.
pub(crate) const DIGEST: &str = r#"{"outputs": {"digest": "sha256:abc"}, "exitCode": 0}"#;

/// The message that step `scan` posts in most tests.
pub(crate) const VERDICT: &str = r#"{"outputs": {"verdict": "clean"}}"#;

/// Returns a local API server, which stores its objects in memory.
pub(crate) fn api_server() -> ApiServer {
    ApiServer::start()
}

/// Waits until `condition` returns true.
#[track_caller]
pub(crate) fn until(what: &str, condition: impl FnMut() -> bool) {
    wait::until_true(what, PATIENCE, condition);
}

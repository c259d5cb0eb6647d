//! Runs the sidecar as a process, with code from the HTTP API tests.

#[allow(dead_code, reason = "shared with the tests of the HTTP API")]
#[path = "../http_api/support/process.rs"]
mod process;

use std::time::Duration;

pub(crate) use process::{Setup, Sidecar};

/// The maximum wait for a process. Only a failing test waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A declaration with `submit: Manual`.
pub(crate) const MANUAL: &str = "\
steps: {build: [{name: digest}], scan: [{name: verdict}]}
objects:
  - name: note
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: note}
      data: {digest: $(steps.build.digest), verdict: $(steps.scan.verdict)}
submit: Manual
";

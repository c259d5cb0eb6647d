//! A sidecar as a process, an API server for it, and a client that sends exactly what it is told to.

mod client;
mod process;

use std::sync::mpsc;
use std::time::{Duration, Instant};

pub(crate) use client::{Connection, Place, request};
pub(crate) use process::{Setup, Sidecar};

use crate::mock::Mock;

/// No wait of a test is longer than this, unless something is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Two steps, one resource, and nobody but a person submits.
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
      data: {verdict: $(steps.scan.verdict), report: $(steps.build.report)}
submit: Manual
";

/// The same, submitted as soon as everything is known.
pub(crate) fn resolved() -> String {
    MANUAL.replace("submit: Manual", "submit: Resolved")
}

/// What the step `build` says in most tests.
pub(crate) const DIGEST: &str = r#"{"outputs": {"digest": "sha256:abc"}, "exitCode": 0}"#;

/// What the step `scan` says in most tests.
pub(crate) const VERDICT: &str = r#"{"outputs": {"verdict": "clean"}}"#;

/// An API server on a thread of its own.
pub(crate) fn api_server() -> Mock {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            sender.send(Mock::start().await).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receiver.recv_timeout(PATIENCE).unwrap()
}

/// Waits until `condition` holds.
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "in vain waited until {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

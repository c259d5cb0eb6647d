//! Sweeps: tests that apply every fault to every API call of a run, to find unforeseen cases.
//!
//! A sweep applies a fault to the first call with a given HTTP method, then in a new run to the second call, and so on, until a
//! run makes fewer calls than that. Up to [`TOGETHER`] of these runs are concurrent.

use std::time::Duration;

use futures::future::join_all;
use gleaner_tests::cases;
use gleaner_tests::fault_proxy::{Fault, FaultProxy};
use gleaner_tests::run::Run;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use http::Method;
use serde_json::{Value, json};

use crate::{PROGRAMS, config_maps, only, resources};

/// A declaration with three objects: a PipelineResource, a ConfigMap to create and a ConfigMap to apply.
const THREE: &str = "
steps: {build: [{name: digest}]}
resources:
  - name: img
    spec: {type: image, params: [{name: digest, value: $(steps.build.digest)}]}
objects:
  - name: note
    results: {digest: .data.digest}
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {generateName: note-}
      data: {digest: $(steps.build.digest), image: $(resources.img.name)}
  - name: settings
    policy: Apply
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: settings-$(context.taskRun.name)}
      data: {digest: $(steps.build.digest)}
";

/// Matches the create requests and their dry runs.
const WRITES: &str = "/(pipelineresources|configmaps)";
/// The number of concurrent runs. It is slightly higher than the number of calls that a run makes with one HTTP method.
const TOGETHER: usize = 5;

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_lost_reply_creates_one_object,
        a_reset_creates_one_object,
        a_hanging_request_is_retried,
        a_late_reply_creates_one_object,
        a_temporary_conflict_is_retried,
        a_request_is_retried_after_too_many_requests,
        a_request_is_retried_after_a_server_error,
        a_request_is_retried_if_the_server_is_unavailable,
        a_failed_lookup_is_retried,
        an_apply_succeeds_despite_a_fault,
        a_lasting_fault_of_an_apply_leaves_no_object,
        a_lasting_server_error_leaves_no_object,
        a_lasting_hang_leaves_no_object,
        repeatedly_lost_responses_leave_no_object,
        an_unexpected_response_creates_one_object,
        a_malformed_response_to_a_lookup_is_ignored,
        a_create_that_is_performed_late_leaves_no_object,
    ]
}

/// The expected outcome of a run with a fault.
#[derive(Clone, Copy)]
enum Outcome {
    Success,
    /// The run fails, because the nth call and all later ones fail.
    Failure,
}

/// Applies the fault to the first call of a run, to the second call of another run, and so on. With [`Outcome::Failure`], the
/// fault also applies to all later calls of the run. Asserts that at least `calls` runs received the fault.
async fn sweep(server: &Server, method: &Method, fault: Fault, outcome: Outcome, calls: usize) {
    let mut hits = 0;
    for first in (1..).step_by(TOGETHER) {
        let positions = first..first + TOGETHER;
        let rounds = positions.map(|nth| round(server, method, &fault, outcome, nth));
        let fired = join_all(rounds).await;
        hits += fired.iter().filter(|fired| **fired).count();
        if fired.contains(&false) {
            break;
        }
    }
    assert!(
        hits >= calls,
        "{fault:?} applied to only {hits} {method} calls"
    );
}

/// Performs a run with the fault at the nth call, asserts its outcome, and returns true if the run made this call.
async fn round(
    server: &Server,
    method: &Method,
    fault: &Fault,
    outcome: Outcome,
    nth: usize,
) -> bool {
    let proxy = FaultProxy::start(server.client()).await;
    let target = if method == Method::POST { WRITES } else { "" };
    let rule = proxy.on(method.clone(), target);
    match outcome {
        Outcome::Success => rule.nth(nth).fail(fault.clone()),
        Outcome::Failure => rule.from(nth).fail(fault.clone()),
    }
    let patience = match outcome {
        Outcome::Success => "--submit-deadline=20s",
        Outcome::Failure => "--submit-deadline=2s",
    };
    let mut run = Run::new(PROGRAMS, server, THREE)
        .through(&proxy)
        .flag("--request-timeout=600ms")
        .flag(patience);
    run.start().await;
    let step = run.step("build").writes("digest", "sha256:1");
    let ended = step.last().run().await;
    let fired = proxy.requests_to(method, target).len() >= nth;
    let (images, notes) = (resources(&run).await, config_maps(&run).await);
    let failed = match outcome {
        Outcome::Success => false,
        Outcome::Failure if fired => true,
        // On a busy machine, the short submission timeout may expire even without a fault. Even then, the run must create all
        // objects or none.
        Outcome::Failure => ended.code == Some(73),
    };
    if failed {
        ended.expect(73);
        let none: [Value; 0] = [];
        assert_eq!((images, notes), (none.to_vec(), none.to_vec()));
    } else {
        ended.expect(0);
        one_of_each(&run, images, &notes);
    }
    fired
}

/// Asserts that the run created exactly the three objects, and that the results refer to them.
fn one_of_each(run: &Run<'_>, images: Vec<Value>, notes: &[Value]) {
    let [note, settings] = notes else {
        panic!("expected two ConfigMaps, got {notes:#?}");
    };
    let uids: Vec<Value> = run
        .results()
        .into_iter()
        .map(|(_, result)| result["uid"].clone())
        .collect();
    let exist = [&only(images), note, settings].map(|object| object["metadata"]["uid"].clone());
    assert_eq!(uids, exist);
}

async fn a_lost_reply_creates_one_object(server: &Server) {
    sweep(server, &Method::POST, Fault::DropReply, Outcome::Success, 4).await;
}

async fn a_reset_creates_one_object(server: &Server) {
    sweep(server, &Method::POST, Fault::Reset, Outcome::Success, 4).await;
}

async fn a_hanging_request_is_retried(server: &Server) {
    sweep(server, &Method::POST, Fault::Hang, Outcome::Success, 4).await;
}

async fn a_late_reply_creates_one_object(server: &Server) {
    // The delay exceeds the request timeout, so the sidecar must look up the object to find out whether it was created.
    let fault = Fault::SlowReply(Duration::from_millis(900));
    sweep(server, &Method::POST, fault, Outcome::Success, 4).await;
}

async fn a_temporary_conflict_is_retried(server: &Server) {
    sweep(
        server,
        &Method::POST,
        Fault::status(409),
        Outcome::Success,
        4,
    )
    .await;
}

async fn a_request_is_retried_after_too_many_requests(server: &Server) {
    let fault = Fault::too_many_requests(1);
    sweep(server, &Method::POST, fault, Outcome::Success, 4).await;
}

async fn a_request_is_retried_after_a_server_error(server: &Server) {
    for status in [500, 502] {
        sweep(
            server,
            &Method::POST,
            Fault::status(status),
            Outcome::Success,
            4,
        )
        .await;
    }
}

async fn a_request_is_retried_if_the_server_is_unavailable(server: &Server) {
    for status in [503, 504] {
        sweep(
            server,
            &Method::POST,
            Fault::status(status),
            Outcome::Success,
            4,
        )
        .await;
    }
}

async fn a_failed_lookup_is_retried(server: &Server) {
    let faults = [
        Fault::DropReply,
        Fault::Reset,
        Fault::Hang,
        Fault::too_many_requests(1),
        Fault::status(503),
    ];
    for fault in faults {
        sweep(server, &Method::GET, fault, Outcome::Success, 2).await;
    }
}

async fn an_apply_succeeds_despite_a_fault(server: &Server) {
    for fault in [
        Fault::DropReply,
        Fault::Reset,
        Fault::status(409),
        Fault::status(503),
    ] {
        sweep(server, &Method::PATCH, fault, Outcome::Success, 2).await;
    }
}

async fn a_lasting_fault_of_an_apply_leaves_no_object(server: &Server) {
    for fault in [Fault::DropReply, Fault::status(503)] {
        sweep(server, &Method::PATCH, fault, Outcome::Failure, 2).await;
    }
}

async fn a_lasting_server_error_leaves_no_object(server: &Server) {
    sweep(
        server,
        &Method::POST,
        Fault::status(503),
        Outcome::Failure,
        4,
    )
    .await;
}

async fn a_lasting_hang_leaves_no_object(server: &Server) {
    sweep(server, &Method::POST, Fault::Hang, Outcome::Failure, 4).await;
}

async fn repeatedly_lost_responses_leave_no_object(server: &Server) {
    sweep(server, &Method::POST, Fault::DropReply, Outcome::Failure, 3).await;
}

async fn an_unexpected_response_creates_one_object(server: &Server) {
    for body in [json!({}), json!({"login": "please"})] {
        for fault in [
            Fault::answer(200, &[], body.clone()),
            Fault::other_reply(200, body),
        ] {
            sweep(server, &Method::POST, fault, Outcome::Success, 4).await;
        }
    }
}

async fn a_malformed_response_to_a_lookup_is_ignored(server: &Server) {
    let fault = Fault::answer(200, &[], json!({}));
    sweep(server, &Method::GET, fault, Outcome::Success, 2).await;
}

async fn a_create_that_is_performed_late_leaves_no_object(server: &Server) {
    // The delay exceeds the request timeout and, for some of the calls, the remaining time until the submission timeout.
    let fault = Fault::Late(Duration::from_millis(800));
    sweep(server, &Method::POST, fault, Outcome::Failure, 3).await;
}

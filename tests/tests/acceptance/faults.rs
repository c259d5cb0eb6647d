//! Sweeps, which apply every fault to every call to find unforeseen cases.
//!
//! A sweep applies one fault to the first call of a kind, then to the second, and so on, until the run makes fewer calls than the
//! position. Each position is a separate run, and the runs are concurrent.

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

/// The declaration of three objects, each created in a different way.
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

/// Matches dry runs and creates.
const WRITES: &str = "/(pipelineresources|configmaps)";
/// The number of concurrent positions, slightly more than the calls of one kind in a run.
const TOGETHER: usize = 5;

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_lost_reply_creates_one_object,
        a_reset_creates_one_object,
        a_hanging_request_is_repeated,
        a_late_reply_creates_one_object,
        a_temporary_conflict_is_retried,
        too_many_requests_are_waited_for,
        a_request_is_repeated_after_a_server_error,
        an_unavailable_server_is_tried_again,
        a_failed_lookup_is_repeated,
        a_fault_of_an_apply_applies_once,
        a_lasting_fault_of_an_apply_leaves_nothing,
        a_lasting_server_error_leaves_nothing,
        a_lasting_hang_leaves_nothing,
        a_lasting_silence_after_commits_leaves_nothing,
        a_strange_response_creates_one_object,
        a_malformed_response_to_a_lookup_is_ignored,
        a_create_that_is_carried_out_late_leaves_nothing,
    ]
}

/// The expected effect of a fault.
#[derive(Clone, Copy)]
enum Outcome {
    Success,
    /// All calls from this position on fail, so the run fails.
    Failure,
}

/// Runs the declaration once for each position of the fault, and asserts that the fault applied to at least `calls` calls.
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

/// Plays one run with the fault at the nth call, and returns true if the fault applied to a call.
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
        // On a busy machine, such a short deadline may expire even without a fault. The run must still create all objects or
        // none.
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

/// Asserts that exactly one object of each kind exists, and that the results refer to these objects.
fn one_of_each(run: &Run<'_>, images: Vec<Value>, notes: &[Value]) {
    let [note, settings] = notes else {
        panic!("expected one of each, got {notes:#?}");
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

async fn a_hanging_request_is_repeated(server: &Server) {
    sweep(server, &Method::POST, Fault::Hang, Outcome::Success, 4).await;
}

async fn a_late_reply_creates_one_object(server: &Server) {
    // The delay exceeds the request timeout, so the create is performed, and the sidecar looks up the object.
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

async fn too_many_requests_are_waited_for(server: &Server) {
    let fault = Fault::too_many_requests(1);
    sweep(server, &Method::POST, fault, Outcome::Success, 4).await;
}

async fn a_request_is_repeated_after_a_server_error(server: &Server) {
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

async fn an_unavailable_server_is_tried_again(server: &Server) {
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

async fn a_failed_lookup_is_repeated(server: &Server) {
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

async fn a_fault_of_an_apply_applies_once(server: &Server) {
    for fault in [
        Fault::DropReply,
        Fault::Reset,
        Fault::status(409),
        Fault::status(503),
    ] {
        sweep(server, &Method::PATCH, fault, Outcome::Success, 2).await;
    }
}

async fn a_lasting_fault_of_an_apply_leaves_nothing(server: &Server) {
    for fault in [Fault::DropReply, Fault::status(503)] {
        sweep(server, &Method::PATCH, fault, Outcome::Failure, 2).await;
    }
}

async fn a_lasting_server_error_leaves_nothing(server: &Server) {
    sweep(
        server,
        &Method::POST,
        Fault::status(503),
        Outcome::Failure,
        4,
    )
    .await;
}

async fn a_lasting_hang_leaves_nothing(server: &Server) {
    sweep(server, &Method::POST, Fault::Hang, Outcome::Failure, 4).await;
}

async fn a_lasting_silence_after_commits_leaves_nothing(server: &Server) {
    sweep(server, &Method::POST, Fault::DropReply, Outcome::Failure, 3).await;
}

async fn a_strange_response_creates_one_object(server: &Server) {
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

async fn a_create_that_is_carried_out_late_leaves_nothing(server: &Server) {
    // The delay exceeds the request timeout; at some positions, it also exceeds the submission timeout.
    let fault = Fault::Late(Duration::from_millis(800));
    sweep(server, &Method::POST, fault, Outcome::Failure, 3).await;
}

//! Every fault at every call: the sweeps that find what nobody has thought of.
//!
//! A sweep puts one fault in the way of the first call of a kind, then of the second, and so on, until a run makes no
//! more calls than that. Each position is a run of its own; they go on at the same time.

use std::time::Duration;

use futures::future::join_all;
use gleaner_tests::cases;
use gleaner_tests::fault_proxy::{Fault, FaultProxy};
use gleaner_tests::run::Run;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use http::Method;
use serde_json::Value;

use crate::{PROGRAMS, config_maps, only, resources};

const TWO: &str = "
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
";

/// Dry runs and creates.
const WRITES: &str = "/(pipelineresources|configmaps)";
/// Positions that are tried at the same time: as many as a run has calls of one kind, and a few more.
const TOGETHER: usize = 6;

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_lost_reply_creates_one_object,
        a_reset_creates_one_object,
        a_call_that_hangs_is_made_again,
        a_late_reply_creates_one_object,
        a_passing_clash_is_tried_again,
        too_many_requests_are_waited_for,
        a_server_error_is_tried_again,
        an_unavailable_server_is_tried_again,
        a_lost_reply_to_a_look_is_asked_again,
        a_lasting_server_error_leaves_nothing,
        a_lasting_hang_leaves_nothing,
        a_lasting_silence_after_commits_leaves_nothing,
    ]
}

/// What is to come of a fault.
#[derive(Clone, Copy)]
enum Outcome {
    Success,
    /// The call fails for good, from this position on.
    Failure,
}

/// Runs with a fault at each position; at least `calls` of them must have been hit.
async fn sweep(server: &Server, method: &Method, fault: Fault, outcome: Outcome, calls: usize) {
    let mut hits = 0;
    for first in (1..).step_by(TOGETHER) {
        let positions = first..first + TOGETHER;
        let rounds = positions.map(|nth| round(server, method, fault, outcome, nth));
        let fired = join_all(rounds).await;
        let before = hits;
        hits += fired.iter().filter(|fired| **fired).count();
        assert_eq!(
            hits - before,
            fired.iter().take_while(|fired| **fired).count()
        );
        if hits - before < TOGETHER {
            break;
        }
    }
    assert!(
        hits >= calls,
        "only {hits} calls of {method} were hit by {fault:?}"
    );
}

/// One run; says whether there was such a call.
async fn round(
    server: &Server,
    method: &Method,
    fault: Fault,
    outcome: Outcome,
    nth: usize,
) -> bool {
    let proxy = FaultProxy::start(server.client()).await;
    let target = if method == Method::POST { WRITES } else { "" };
    let rule = proxy.on(method.clone(), target);
    match outcome {
        Outcome::Success => rule.nth(nth).fail(fault),
        Outcome::Failure => rule.from(nth).fail(fault),
    }
    let patience = match outcome {
        Outcome::Success => "--submit-deadline=20s",
        Outcome::Failure => "--submit-deadline=1s",
    };
    let mut run = Run::new(PROGRAMS, server, TWO)
        .through(&proxy)
        .flag("--request-timeout=400ms")
        .flag(patience);
    run.start().await;
    let step = run.step("build").writes("digest", "sha256:1");
    let ended = step.last().run().await;
    let fired = proxy.requests_to(method, target).len() >= nth;
    let (images, notes) = (resources(&run).await, config_maps(&run).await);
    match outcome {
        Outcome::Failure if fired => {
            ended.expect(73);
            let none: [Value; 0] = [];
            assert_eq!((images, notes), (none.to_vec(), none.to_vec()));
        }
        _ => {
            ended.expect(0);
            assert_eq!(run.results().len(), 2);
            let uid = only(images)["metadata"]["uid"].clone();
            assert_eq!(run.results()[0].1["uid"], uid);
            only(notes);
        }
    }
    fired
}

async fn a_lost_reply_creates_one_object(server: &Server) {
    sweep(server, &Method::POST, Fault::DropReply, Outcome::Success, 4).await;
}

async fn a_reset_creates_one_object(server: &Server) {
    sweep(server, &Method::POST, Fault::Reset, Outcome::Success, 4).await;
}

async fn a_call_that_hangs_is_made_again(server: &Server) {
    sweep(server, &Method::POST, Fault::Hang, Outcome::Success, 4).await;
}

async fn a_late_reply_creates_one_object(server: &Server) {
    // Later than a request may take: the create is done, and asked for again.
    let fault = Fault::SlowReply(Duration::from_millis(700));
    sweep(server, &Method::POST, fault, Outcome::Success, 4).await;
}

async fn a_passing_clash_is_tried_again(server: &Server) {
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

async fn a_server_error_is_tried_again(server: &Server) {
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

async fn a_lost_reply_to_a_look_is_asked_again(server: &Server) {
    for fault in [Fault::DropReply, Fault::status(503)] {
        sweep(server, &Method::GET, fault, Outcome::Success, 2).await;
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

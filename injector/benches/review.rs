//! Benchmarks for a complete review by the webhook: parsing, decision, patch and serialization of the response.
//!
//! The goal is that 99 % of reviews complete within 2 ms, and that one core processes 1,000 reviews per second.

use divan::{Bencher, black_box};
use gleaner_core::inject::settings::{Resources, Settings, Sidecars};
use gleaner_injector::decision::{Functions, Route};
use gleaner_injector::review::Request;

/// Reviews recorded from a real API server.
const JOB: &str = include_str!("../../core/tests/inject/fixtures/pod-from-plain-job.json");
const RUN: &str = include_str!("../../core/tests/inject/fixtures/pod-from-pipelinerun.json");

fn main() {
    divan::main();
}

fn settings() -> Settings {
    let text = str::to_owned;
    Settings {
        image: text("registry.example/gleaner:1"),
        image_pull_policy: None,
        resources: Resources {
            cpu_request: text("10m"),
            cpu_limit: text("500m"),
            memory_request: text("16Mi"),
            memory_limit: text("128Mi"),
        },
        run_as_user: None,
        sidecars: Sidecars::Native,
        log_level: None,
        traces_endpoint: None,
        kinds: Default::default(),
    }
}

fn answer(body: &str, settings: &Settings) -> Vec<u8> {
    let request = Request::read(body.as_bytes()).expect("a review");
    let verdict = Functions::default().decide(Route::Pods, &request, settings);
    verdict.answer().to_review(&request.uid, &[])
}

/// Measures the review of a pod that is injected.
#[divan::bench]
fn injected(bencher: Bencher<'_, '_>) {
    let settings = settings();
    bencher.bench(|| answer(black_box(JOB), &settings));
}

/// Measures the review of a pod that is refused because it has the annotation but belongs to a TaskRun whose Task was not
/// injected.
#[divan::bench]
fn refused(bencher: Bencher<'_, '_>) {
    let settings = settings();
    bencher.bench(|| answer(black_box(RUN), &settings));
}

/// Measures the review of a pod without the annotation.
#[divan::bench]
fn not_asked(bencher: Bencher<'_, '_>) {
    let settings = settings();
    let body = RUN.replace("gleaner", "another");
    bencher.bench(|| answer(black_box(&body), &settings));
}

/// Measures the baseline: parsing a review into a tree and serializing the tree.
#[divan::bench]
fn parsed_and_written(bencher: Bencher<'_, '_>) {
    bencher.bench(|| {
        let tree: serde_json::Value = serde_json::from_str(black_box(JOB)).expect("JSON");
        serde_json::to_vec(&tree)
    });
}

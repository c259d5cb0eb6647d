//! Kills the sidecar at every crash point. The restarted sidecar creates no object twice, and a failed run leaves no objects.
//!
//! A crash point is a named place in the sidecar's source. A case fails if the sidecar never reaches its crash point, so that
//! renamed or removed points are detected.

mod committing;
mod continued;
mod refused;

use std::process::ExitCode;

use gleaner_tests::programs;
use gleaner_tests::run::{Programs, Run};
use gleaner_tests::suite::Suite;
use serde_json::Value;

const PROGRAMS: Programs = programs!();

fn main() -> ExitCode {
    let cases = [committing::cases(), continued::cases(), refused::cases()];
    Suite::new(cases.into_iter().flatten().collect())
        .crds(&[gleaner_local_apiserver::TEKTON_CRDS])
        .run()
}

/// Returns the objects of a run: first its PipelineResources, then its ConfigMaps.
async fn objects(run: &Run<'_>) -> Vec<Value> {
    let mut objects = run
        .objects("tekton.dev/v1alpha1", "pipelineresources")
        .await;
    objects.extend(run.objects("v1", "configmaps").await);
    objects
}

fn uids(objects: &[Value]) -> Vec<Value> {
    objects
        .iter()
        .map(|object| object["metadata"]["uid"].clone())
        .collect()
}

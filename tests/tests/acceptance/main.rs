//! Tests what Gleaner guarantees. The sidecar and the redirectors run as processes, against both a real API server and the local
//! API server of `gleaner run`.

mod all_or_none;
mod dependent;
mod faults;
mod names;
mod objects;
mod permissions;
mod proposal;
mod secrecy;
mod submitting;
mod values;
mod waiting;

use std::process::ExitCode;

use gleaner_core::document::Source;
use gleaner_core::task::Task;
use gleaner_tests::programs;
use gleaner_tests::run::{Programs, Run};
use gleaner_tests::suite::Suite;
use serde_json::Value;

const PROGRAMS: Programs = programs!();

fn main() -> ExitCode {
    let cases = [
        proposal::cases(),
        names::cases(),
        all_or_none::cases(),
        faults::cases(),
        values::cases(),
        objects::cases(),
        dependent::cases(),
        waiting::cases(),
        permissions::cases(),
        secrecy::cases(),
        submitting::cases(),
    ];
    Suite::new(cases.into_iter().flatten().collect())
        .crds(&[gleaner_local_apiserver::TEKTON_CRDS])
        .run()
}

/// Returns the declaration of a Task in an example file, either from its annotation or from the proposal's fields.
fn declaration(file: &str, task: &str) -> String {
    let source = Source::parse("the example".to_owned(), file.to_owned()).expect("YAML");
    let task = Task::select(&[source], Some(task)).expect("a Task with outputs");
    task.document.to_string()
}

/// Returns the PipelineResources of a run.
async fn resources(run: &Run<'_>) -> Vec<Value> {
    run.objects("tekton.dev/v1alpha1", "pipelineresources")
        .await
}

/// Returns the ConfigMaps of a run.
async fn config_maps(run: &Run<'_>) -> Vec<Value> {
    run.objects("v1", "configmaps").await
}

/// Returns the only object; panics if `objects` does not contain exactly one.
#[track_caller]
fn only(objects: Vec<Value>) -> Value {
    let [object] = <[Value; 1]>::try_from(objects).expect("exactly one object");
    object
}

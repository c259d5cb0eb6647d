//! Sends the same requests to a real API server and to the local API server of `gleaner run`, to test the behavior on which
//! Gleaner relies.
//!
//! Both servers must respond with the same status codes, reasons and fields in the causes. The tests compare messages only if a
//! program or a test depends on their text.

mod apply;
mod crds;
mod create;
mod delete;
mod discovery;
mod refusals;
mod validation;

use std::process::ExitCode;

use gleaner_tests::server::Server;
use gleaner_tests::suite::Suite;
use serde_json::{Value, json};

fn main() -> ExitCode {
    let cases = [
        discovery::cases(),
        create::cases(),
        validation::cases(),
        refusals::cases(),
        apply::cases(),
        delete::cases(),
        crds::cases(),
    ];
    Suite::new(cases.into_iter().flatten().collect())
        .crds(&[gleaner_local_apiserver::TEKTON_CRDS])
        .run()
}

/// Returns the path of this case's PipelineResources.
fn resources(server: &Server) -> String {
    server.path("tekton.dev/v1alpha1", "pipelineresources")
}

/// Returns the path of this case's ConfigMaps.
fn config_maps(server: &Server) -> String {
    server.path("v1", "configmaps")
}

/// Returns a PipelineResource of type image.
fn resource(name: &str) -> Value {
    json!({
        "apiVersion": "tekton.dev/v1alpha1",
        "kind": "PipelineResource",
        "metadata": {"name": name},
        "spec": {"type": "image", "params": [{"name": "url", "value": "registry/image"}]},
    })
}

fn config_map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

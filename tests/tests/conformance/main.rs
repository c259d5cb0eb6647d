//! What Gleaner relies on of an API server, asked of a real one and of the embedded one in the same words.
//!
//! Where both must agree on a sentence, the whole sentence stands here: it ends up in front of users.

mod apply;
mod create;
mod delete;
mod discovery;
mod refusals;
mod update;
mod validation;
mod watch;

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
        update::cases(),
        apply::cases(),
        delete::cases(),
        watch::cases(),
    ];
    Suite::new(cases.into_iter().flatten().collect())
        .crds(&[gleaner_local_apiserver::TEKTON_CRDS])
        .run()
}

/// Where this case's PipelineResources are.
fn resources(server: &Server) -> String {
    server.path("tekton.dev/v1alpha1", "pipelineresources")
}

/// Where this case's ConfigMaps are.
fn config_maps(server: &Server) -> String {
    server.path("v1", "configmaps")
}

/// A PipelineResource of type image.
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

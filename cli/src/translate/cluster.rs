//! Fetches PipelineResources from a cluster.

use gleaner_core::document::Node;
use gleaner_proto::kubernetes::PIPELINE_RESOURCE_API_VERSION;
use gleaner_runtime::error_chain;
use gleaner_translate::{Fetched, Missing};

use crate::api_server::{block_on, connect};
use crate::args::ClusterArgs;
use crate::failure::Failure;

/// Fetches the PipelineResources in `wanted` from the selected cluster.
///
/// # Errors
/// Fails if the cluster is unreachable or refuses a request. A missing PipelineResource is not an error.
pub(super) fn fetch(options: &ClusterArgs, wanted: &[Missing]) -> Result<Fetched, Failure> {
    block_on(fetch_all(options, wanted))
}

async fn fetch_all(options: &ClusterArgs, wanted: &[Missing]) -> Result<Fetched, Failure> {
    let api = connect(options.kubeconfig.as_deref(), options.context.as_deref()).await?;
    let own = options.namespace.as_deref().unwrap_or(api.namespace());
    let origin = |namespace: &str| {
        let context = api.context().unwrap_or_default();
        format!("namespace {namespace} of the cluster {context}")
    };
    let mut resources = Vec::new();
    let mut asked = Vec::new();
    for Missing { namespace, name } in wanted {
        let namespace = namespace.as_deref().unwrap_or(own);
        let object = api
            .object(
                PIPELINE_RESOURCE_API_VERSION,
                "pipelineresources",
                namespace,
                name,
            )
            .await;
        let object = object.map_err(|error| {
            Failure::unreachable(format_args!(
                "cannot read the PipelineResource '{name}' from {}: {}",
                origin(namespace),
                error_chain(&error)
            ))
        })?;
        resources.extend(object.map(|object| (namespace.to_owned(), Node::from(&object))));
        if !asked.contains(&namespace) {
            asked.push(namespace);
        }
    }
    Ok(Fetched {
        origin: origin(&asked.join(" or ")),
        resources,
    })
}

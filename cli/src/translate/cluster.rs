//! PipelineResources from a cluster.

use gleaner_core::document::Node;
use gleaner_proto::kubernetes::PIPELINE_RESOURCE_API_VERSION;
use gleaner_runtime::api_server::{ApiServer, Bounds};
use gleaner_runtime::error_chain;
use gleaner_translate::{Fetched, Missing};

use crate::args::ClusterArgs;
use crate::failure::Failure;

/// Fetches those of `wanted` that the cluster of the options has.
///
/// # Errors
/// Fails if it is unreachable or refuses. A missing PipelineResource is not an error.
pub(super) fn fetch(options: &ClusterArgs, wanted: &[Missing]) -> Result<Fetched, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(fetch_all(options, wanted))
}

async fn fetch_all(options: &ClusterArgs, wanted: &[Missing]) -> Result<Fetched, Failure> {
    let (file, context) = (options.kubeconfig.as_deref(), options.context.as_deref());
    let api = ApiServer::of_kubeconfig(file, context, Bounds::default()).await;
    let api = api.map_err(|error| Failure::usage(error_chain(&error)))?;
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
                "the PipelineResource '{name}' cannot be read from {}: {}",
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

//! Access to an API server, for the commands that use a cluster.

use std::future::Future;
use std::path::Path;

use gleaner_runtime::api_server::{ApiServer, Bounds};
use gleaner_runtime::error_chain;

use crate::failure::Failure;

/// Runs `command` on this thread until it completes.
pub(crate) fn block_on<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(command)
}

/// Returns the API server of the given kubeconfig and context; by default, of the usual kubeconfig and its current context.
///
/// # Errors
/// Fails if the kubeconfig cannot be used.
pub(crate) async fn connect(
    kubeconfig: Option<&Path>,
    context: Option<&str>,
) -> Result<ApiServer, Failure> {
    let api = ApiServer::of_kubeconfig(kubeconfig, context, Bounds::default()).await;
    api.map_err(|error| Failure::usage(error_chain(&error)))
}

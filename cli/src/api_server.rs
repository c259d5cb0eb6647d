//! Access to an API server, for the commands that use a cluster.

use std::future::Future;
use std::path::Path;

use gleaner_proto::name::is_dns_label;
use gleaner_runtime::api_server::{AccessError, ApiServer, Bounds};
use gleaner_runtime::error_chain;

use crate::failure::Failure;

/// Runs `command` on this thread until it completes.
pub(crate) fn block_on<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(command)
}

/// Connects to the API server that the kubeconfig and the context specify. If they are omitted, uses the default kubeconfig and
/// its current context.
///
/// # Errors
/// Fails if the kubeconfig cannot be used.
pub(crate) async fn connect(
    kubeconfig: Option<&Path>,
    context: Option<&str>,
) -> Result<ApiServer, Failure> {
    let api = ApiServer::of_kubeconfig(kubeconfig, context, Bounds::default()).await;
    api.map_err(|error| {
        let remedy = match error {
            AccessError::Kubeconfig(_) => "; set KUBECONFIG, or specify --kubeconfig FILE",
            _ => "",
        };
        Failure::usage(format_args!("{}{remedy}", error_chain(&error)))
    })
}

/// Returns `given`, the namespace from the command line, if it is set. Otherwise, returns the namespace in the kubeconfig
/// context.
///
/// # Errors
/// Fails if the name is not a valid namespace name.
pub(crate) fn namespace<'a>(
    api: &'a ApiServer,
    given: Option<&'a str>,
) -> Result<&'a str, Failure> {
    let namespace = given.unwrap_or(api.namespace());
    if !is_dns_label(namespace) {
        return Err(Failure::usage(format_args!(
            "'{namespace}' is not a valid namespace name: use at most 63 lower-case letters, digits and '-'"
        )));
    }
    Ok(namespace)
}

//! Reads the status from the sidecar of a running TaskRun.

use gleaner_proto::arguments::LISTEN;
use gleaner_proto::message::Status;
use gleaner_proto::path::LOOPBACK_PORT;
use gleaner_proto::route;
use gleaner_runtime::api_server::{ApiServer, PortForwardError};
use gleaner_runtime::error_chain;
use hyper::Method;
use serde_json::Value;

use super::task_run::TaskRun;
use crate::http::{self, PATIENCE};

/// Requests the status from the sidecar.
///
/// # Errors
/// Returns the reason why the sidecar did not respond.
pub(super) async fn status(api: &ApiServer, run: &TaskRun) -> Result<Status, String> {
    let port = port(run)?;
    let pod = run.pod().map(|pod| &pod["metadata"]["name"]);
    let pod = pod.and_then(Value::as_str).unwrap_or_default();
    let stream = api.forward(&run.namespace, pod, port).await;
    let stream = stream.map_err(|error| refused(&error))?;
    let response = http::exchange(stream, Method::GET, route::STATUS);
    let (_, body) = http::within(PATIENCE, response).await?;
    serde_json::from_slice(&body).map_err(http::unreadable)
}

/// Returns the sidecar's port on the pod's loopback address. Fails if the sidecar is not running or its port is unknown.
fn port(run: &TaskRun) -> Result<u16, String> {
    if let Err(error) = &run.pod {
        return Err(format!("cannot read the pod: {error}"));
    }
    let (Some(_), Some(container)) = (run.pod(), run.container()) else {
        return Err(match (run.pod(), run.is_finished()) {
            (Some(_), _) => "the pod has no Gleaner sidecar",
            (None, true) => "the pod no longer exists",
            (None, false) => "the pod does not exist yet",
        }
        .to_owned());
    };
    let state = run.container_state().unwrap_or(&Value::Null);
    if state["terminated"].is_object() {
        let code = &state["terminated"]["exitCode"];
        return Err(format!("the sidecar has terminated with exit code {code}"));
    }
    if !state["running"].is_object() {
        let reason = state["waiting"]["reason"].as_str().unwrap_or("not started");
        return Err(format!("the sidecar is not running yet ({reason})"));
    }
    let arguments = container["args"].as_array().into_iter().flatten();
    let mut arguments = arguments.filter_map(Value::as_str);
    let listen = arguments.find_map(|argument| argument.strip_prefix(LISTEN)?.strip_prefix('='));
    match listen.map(|address| address.rsplit(':').next().unwrap_or_default().parse()) {
        None => Ok(LOOPBACK_PORT),
        Some(Ok(0)) | Some(Err(_)) => Err(
            "the pod uses the host network, so the sidecar's port is known only from the `ready` line in the sidecar's log"
                .to_owned(),
        ),
        Some(Ok(port)) => Ok(port),
    }
}

fn refused(error: &PortForwardError) -> String {
    match error {
        PortForwardError::Refused { code: 403, .. } => {
            "you are not allowed to forward ports: ask for the permissions get and create on pods/portforward"
                .to_owned()
        }
        _ => error_chain(error),
    }
}

//! The connections of the proxy, and the way of one request through it.

use std::error::Error;
use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::State;
use super::record::{Outcome, Recorded};
use super::rule::Fault;

/// What goes back: the upstream's body as it streams, or one of the proxy's own.
type Reply = Response<Either<Body, Full<Bytes>>>;

/// The connection is to be cut instead of an answer.
#[derive(Debug)]
struct Cut {
    /// By a reset, not by an orderly end.
    reset: bool,
}

impl std::fmt::Display for Cut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the fault proxy cuts this connection")
    }
}

impl Error for Cut {}

/// Accepts connections until it is aborted; they end with it.
pub(crate) async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&state)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, state: Arc<State>) {
    let service = service_fn(|request| Box::pin(handle(request, Arc::clone(&state))));
    let mut connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // Without hyper's own shutdown, so that the socket is still there to be reset.
    let Err(error) = poll_fn(|context| connection.poll_without_shutdown(context)).await else {
        return;
    };
    let cut = error
        .source()
        .and_then(|source| source.downcast_ref::<Cut>());
    if cut.is_some_and(|cut| cut.reset) {
        // Zero linger makes the close a reset. Failing that, it is an end at least.
        let _ = connection.into_parts().io.inner().set_zero_linger();
    }
}

async fn handle(request: Request<Incoming>, state: Arc<State>) -> Result<Reply, Cut> {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Err(Cut { reset: false });
    };
    let body = body.to_bytes();
    let (index, fault) = state.arrive(Recorded {
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: body.clone(),
        outcome: Outcome::Pending,
    });
    match fault {
        Some(Fault::Refuse {
            status,
            retry_after,
        }) => {
            state.end(index, Outcome::Refused(status));
            return Ok(refusal(status, retry_after));
        }
        Some(Fault::Reset) => {
            state.end(index, Outcome::Reset);
            return Err(Cut { reset: true });
        }
        Some(Fault::Hang) => {
            state.end(index, Outcome::Hung);
            return std::future::pending().await;
        }
        None | Some(Fault::DropReply | Fault::SlowReply(_)) => {}
    }
    let mut passed_on = Request::new(Body::from(body));
    *passed_on.method_mut() = parts.method;
    *passed_on.uri_mut() = parts.uri;
    *passed_on.headers_mut() = end_to_end(parts.headers);
    let Ok(answer) = state.upstream().clone().send(passed_on).await else {
        state.end(index, Outcome::UpstreamFailed);
        return Ok(refusal(StatusCode::BAD_GATEWAY, None));
    };
    let status = answer.status();
    match fault {
        Some(Fault::DropReply) => {
            // Commit means that the upstream has answered in full.
            let _ = answer.into_body().collect().await;
            state.end(index, Outcome::ReplyLost(status));
            return Err(Cut { reset: false });
        }
        Some(Fault::SlowReply(delay)) => tokio::time::sleep(delay).await,
        _ => {}
    }
    state.end(index, Outcome::Answered(status));
    let (mut parts, body) = answer.into_parts();
    parts.headers = end_to_end(parts.headers);
    Ok(Response::from_parts(parts, Either::Left(body)))
}

/// Without the headers that are about one connection, and without credentials: the upstream gets the proxy's own.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::CONTENT_LENGTH,
        header::HOST,
        header::UPGRADE,
        header::AUTHORIZATION,
    ] {
        headers.remove(name);
    }
    headers
}

/// A refusal as an API server words it.
fn refusal(status: StatusCode, retry_after: Option<u32>) -> Reply {
    let reason = match status.as_u16() {
        409 => "Conflict",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "",
    };
    let mut object = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!("the fault proxy says {status}"), "reason": reason, "code": status.as_u16(),
    });
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if let Some(seconds) = retry_after {
        object["details"] = json!({ "retryAfterSeconds": seconds });
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    let mut response = Response::new(Either::Right(Full::new(Bytes::from(object.to_string()))));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

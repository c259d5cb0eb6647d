//! The server's connections, and the processing of a request.

use std::error::Error;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::record::{Outcome, Recorded};
use super::rule::{Fault, refusal};
use super::{Backend, BodyError, Plan, Reply};

/// An error that closes the connection instead of sending a response.
#[derive(Debug)]
struct Cut {
    /// True if the connection is reset, false if it is closed normally.
    reset: bool,
}

impl std::fmt::Display for Cut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an injected fault closes this connection")
    }
}

impl Error for Cut {}

/// Accepts connections until the task is aborted, which also closes the connections.
pub(crate) async fn serve<B: Backend>(listener: TcpListener, backend: Arc<B>, plan: Arc<Plan>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&backend), Arc::clone(&plan)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection<B: Backend>(stream: TcpStream, backend: Arc<B>, plan: Arc<Plan>) {
    let service = service_fn(|request| Box::pin(handle(request, &backend, &plan)));
    let mut connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // Do not let hyper shut down the socket, because a reset requires an open socket.
    let Err(error) = poll_fn(|context| connection.poll_without_shutdown(context)).await else {
        return;
    };
    let cut = error
        .source()
        .and_then(|source| source.downcast_ref::<Cut>());
    if cut.is_some_and(|cut| cut.reset) {
        // With a linger time of zero, closing the socket resets the connection. If the linger time cannot be set, the connection
        // is closed normally.
        let _ = connection.into_parts().io.inner().set_zero_linger();
    }
}

async fn handle<B: Backend>(
    request: Request<Incoming>,
    backend: &Arc<B>,
    plan: &Arc<Plan>,
) -> Result<Reply, Cut> {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Err(Cut { reset: false });
    };
    let body = body.to_bytes();
    let (index, fault) = plan.arrive(Recorded {
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: body.clone(),
        outcome: Outcome::Pending,
    });
    match &fault {
        Some(Fault::Answer {
            status,
            headers,
            body,
        }) => {
            plan.end(index, Outcome::Refused(*status));
            let mut reply = json(*status, body);
            for (name, value) in headers {
                let value = value.parse().expect("a header's value");
                reply.headers_mut().append(*name, value);
            }
            return Ok(reply);
        }
        Some(Fault::Close | Fault::Reset) => {
            plan.end(index, Outcome::Reset);
            let reset = matches!(fault, Some(Fault::Reset));
            return Err(Cut { reset });
        }
        Some(Fault::Hang) => {
            plan.end(index, Outcome::Hung);
            return std::future::pending().await;
        }
        Some(Fault::Late(delay)) => {
            let (backend, plan, delay) = (Arc::clone(backend), Arc::clone(plan), *delay);
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                let reply = backend.perform(Request::from_parts(parts, body)).await;
                let outcome = reply.map_or(Outcome::UpstreamFailed, |reply| {
                    Outcome::ReplyLost(reply.status())
                });
                plan.end(index, outcome);
            });
            return std::future::pending().await;
        }
        Some(Fault::After(act)) => act(),
        None
        | Some(
            Fault::DropReply
            | Fault::GarbleReply
            | Fault::HalfReply
            | Fault::OtherReply(..)
            | Fault::SlowReply(_),
        ) => {}
    }
    let Some(reply) = backend.perform(Request::from_parts(parts, body)).await else {
        plan.end(index, Outcome::UpstreamFailed);
        let body = refusal(502, "", "the backend did not respond");
        return Ok(json(StatusCode::BAD_GATEWAY, &body));
    };
    let status = reply.status();
    match fault {
        Some(Fault::DropReply) => {
            // Read the whole response, because only then has the backend completed the request.
            let _ = reply.into_body().collect().await;
            plan.end(index, Outcome::ReplyLost(status));
            return Err(Cut { reset: false });
        }
        Some(Fault::GarbleReply) => {
            plan.end(index, Outcome::Answered(status));
            return Ok(own(status, "<html>".into()));
        }
        Some(Fault::HalfReply) => {
            let whole = reply.into_body().collect().await;
            let whole = whole.map_or_else(|_| Bytes::new(), |whole| whole.to_bytes());
            plan.end(index, Outcome::ReplyLost(status));
            return Ok(half(status, &whole));
        }
        Some(Fault::OtherReply(status, body)) => {
            plan.end(index, Outcome::Answered(status));
            return Ok(json(status, &body));
        }
        Some(Fault::SlowReply(delay)) => tokio::time::sleep(delay).await,
        _ => {}
    }
    plan.end(index, Outcome::Answered(status));
    Ok(reply)
}

/// Returns a JSON response.
pub(crate) fn json(status: StatusCode, body: &Value) -> Reply {
    let mut reply = own(status, body.to_string().into());
    let media_type = header::HeaderValue::from_static("application/json");
    reply.headers_mut().insert(header::CONTENT_TYPE, media_type);
    reply
}

/// Returns a response whose body is only the first half of `whole`, although its `Content-Length` is the length of `whole`.
fn half(status: StatusCode, whole: &Bytes) -> Reply {
    let first = Frame::data(whole.slice(..whole.len() / 2));
    let cut = async {
        // If the error followed immediately, hyper would not send the first half.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(Box::new(Cut { reset: false }) as BodyError)
    };
    let frames = futures::stream::once(async { Ok(first) });
    let frames = frames.chain(futures::stream::once(cut));
    let mut reply = Response::new(StreamBody::new(frames).boxed_unsync());
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    let media_type = header::HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(header::CONTENT_LENGTH, whole.len().into());
    reply
}

fn own(status: StatusCode, body: Bytes) -> Reply {
    let body = Full::new(body).map_err(|never| match never {});
    let mut reply = Response::new(body.boxed_unsync());
    *reply.status_mut() = status;
    reply
}

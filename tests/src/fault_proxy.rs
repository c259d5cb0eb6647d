//! A [`FaultServer`] that forwards requests to a real API server or to the local API server that `gleaner run` uses.
//!
//! The proxy adds its own credentials to each request, so a client needs only the URL of the proxy.
//!
//! ```ignore
//! let proxy = FaultProxy::start(server.client()).await;
//! // The first create succeeds, but its response is lost.
//! proxy.on(Method::POST, "/pipelineresources$").first(1).fail(Fault::DropReply);
//! ```

use std::ops::Deref;

use bytes::Bytes;
use gleaner_testkit::fault::{Backend, FaultServer, Reply};
pub use gleaner_testkit::fault::{Fault, Outcome, Recorded};
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use tokio::runtime::Handle;

/// A proxy that injects faults. When dropped, it stops and closes its connections.
pub struct FaultProxy(FaultServer);

/// The API server behind the proxy.
struct Upstream {
    client: Client,
    /// The runtime that drives the client's connections. This is the test's runtime, because the test may use the client after
    /// the proxy and the proxy's runtime stop.
    runtime: Handle,
}

impl FaultProxy {
    /// Starts a proxy for the API server to which the client `upstream` connects.
    pub async fn start(upstream: Client) -> Self {
        Self(FaultServer::start(Upstream {
            client: upstream,
            runtime: Handle::current(),
        }))
    }
}

impl Deref for FaultProxy {
    type Target = FaultServer;

    fn deref(&self) -> &FaultServer {
        &self.0
    }
}

impl Backend for Upstream {
    async fn perform(&self, mut request: Request<Bytes>) -> Option<Reply> {
        let headers = std::mem::take(request.headers_mut());
        *request.headers_mut() = end_to_end(headers);
        let client = self.client.clone();
        let sending = async move { client.send(request.map(Body::from)).await };
        let reply = self.runtime.spawn(sending).await.ok()?.ok()?;
        let (mut parts, body) = reply.into_parts();
        parts.headers = end_to_end(parts.headers);
        Some(Reply::from_parts(
            parts,
            body.map_err(Into::into).boxed_unsync(),
        ))
    }
}

/// Removes the hop-by-hop headers and the client's credentials. [`Upstream::client`] adds its own credentials.
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

//! Connections to a port of a pod, through the API server and the kubelet.

use std::io;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::io::{AsyncRead, AsyncWrite};

use super::ApiServer;

/// An error that prevents a connection to a pod.
#[derive(Debug, thiserror::Error)]
pub enum PortForwardError {
    /// The API server refused the connection.
    #[error("the API server refused the connection to the pod: {code} {message}")]
    Refused {
        /// The HTTP status.
        code: u16,
        /// The API server's message.
        message: String,
    },
    /// The connection could not be established.
    #[error("cannot connect to the pod through the API server")]
    Connect(#[source] kube::Error),
    /// The connection was not established in time.
    #[error("cannot connect to the pod within {:.1} s", .0.as_secs_f64())]
    Timeout(std::time::Duration),
}

/// A connection to a port on the loopback address of a pod.
pub trait Forwarded: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Forwarded for T {}

impl ApiServer {
    /// Connects to a port on the loopback address of a pod. If no process listens on the port, this function succeeds, but the
    /// first read fails.
    ///
    /// # Errors
    /// A [`PortForwardError`] if the API server refuses the connection, or the connection fails or is not established in time.
    pub async fn forward(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> Result<impl Forwarded + use<>, PortForwardError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let limit = self.bounds.timeout;
        let connected = tokio::time::timeout(limit, pods.portforward(pod, &[port])).await;
        let connected = connected.map_err(|_| PortForwardError::Timeout(limit))?;
        let mut forwarder = connected.map_err(refused)?;
        let stream = forwarder.take_stream(port);
        stream.ok_or_else(|| {
            let error = io::Error::other("the connection has no stream for the port");
            PortForwardError::Connect(kube::Error::ReadEvents(error))
        })
    }
}

fn refused(error: kube::Error) -> PortForwardError {
    match error {
        kube::Error::Api(status) => PortForwardError::Refused {
            code: status.code,
            message: status.message,
        },
        other => PortForwardError::Connect(other),
    }
}

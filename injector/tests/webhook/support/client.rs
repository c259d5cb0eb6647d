//! A persistent connection to the webhook, like the connections that API servers use.

use std::io;
use std::net::SocketAddr;

use gleaner_testkit::client::{Connection, Place, Response, lasting_request};
use http::Method;
use rustls::pki_types::CertificateDer;
use serde_json::Value;
use tokio::task;

pub(crate) struct Client {
    connection: Connection,
    /// The certificate that the server presented.
    pub(crate) certificate: Option<CertificateDer<'static>>,
}

impl Client {
    /// Connects with TLS. The client trusts the CAs in `trusted` (PEM), and expects a certificate for `name`.
    pub(crate) async fn connect(
        address: SocketAddr,
        trusted: &str,
        name: &str,
    ) -> io::Result<Self> {
        let (trusted, name) = (trusted.to_owned(), name.to_owned());
        let connecting = move || Connection::tls(address, &trusted, &name);
        let connection = task::spawn_blocking(connecting).await.unwrap()?;
        Ok(Self {
            certificate: connection.certificate.clone(),
            connection,
        })
    }

    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: impl AsRef<[u8]>,
    ) -> io::Result<Response> {
        let headers = [("Content-Type", "application/json")];
        let request = lasting_request(method.as_str(), path, &headers, body.as_ref());
        // Ignore errors, because a server that refuses a large body may close the connection before the whole body is sent.
        let _ = self.connection.send(&request);
        self.connection.answer()
    }

    /// Sends a review, and returns the field `response` of the AdmissionReview that the server sends back.
    pub(crate) async fn review(&mut self, path: &str, review: &Value) -> io::Result<Value> {
        let answer = self.send(Method::POST, path, review.to_string()).await?;
        if answer.status != 200 {
            let failed = format!("{}: {}", answer.status, answer.text());
            return Err(io::Error::other(failed));
        }
        let mut answer: Value = serde_json::from_slice(&answer.body)?;
        assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
        assert_eq!(answer["kind"], "AdmissionReview");
        assert_eq!(answer["response"]["uid"], review["request"]["uid"]);
        Ok(answer["response"].take())
    }

    /// Returns true if the server has closed the connection.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.connection.has_closed()
    }
}

/// Sends a GET request over plain HTTP, on a separate connection.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Response {
    Place::Tcp(address).get(path)
}

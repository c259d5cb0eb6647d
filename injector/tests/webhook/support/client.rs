//! One connection, as an API server keeps it.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    /// What the server showed.
    pub(crate) certificate: Option<CertificateDer<'static>>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Client {
    /// By TLS, trusting these authorities (PEM) and asking for this name.
    pub(crate) async fn connect(
        address: SocketAddr,
        trusted: &str,
        name: &str,
    ) -> Result<Self, Failure> {
        let stream = tls(address, trusted, name).await?;
        let shown = stream.get_ref().1.peer_certificates();
        let certificate = shown.and_then(|shown| Some(shown.first()?.clone().into_owned()));
        Self::over(stream, certificate).await
    }

    /// By plain HTTP.
    pub(crate) async fn plain(address: SocketAddr) -> Result<Self, Failure> {
        Self::over(TcpStream::connect(address).await?, None).await
    }

    async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        certificate: Option<CertificateDer<'static>>,
    ) -> Result<Self, Failure> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // What breaks off is seen by who waits for an answer.
            let _ = connection.await;
        });
        Ok(Self {
            sender,
            certificate,
        })
    }

    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Result<Answer, Failure> {
        self.sender.ready().await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "webhook")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body.into()))?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok(Answer {
            status,
            text: String::from_utf8(body.to_vec())?,
        })
    }

    /// A review, and the `response` of its answer.
    pub(crate) async fn review(&mut self, path: &str, review: &Value) -> Result<Value, Failure> {
        let answer = self.send(Method::POST, path, review.to_string()).await?;
        if answer.status != 200 {
            return Err(format!("{}: {}", answer.status, answer.text).into());
        }
        let mut answer: Value = serde_json::from_str(&answer.text)?;
        assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
        assert_eq!(answer["kind"], "AdmissionReview");
        assert_eq!(answer["response"]["uid"], review["request"]["uid"]);
        Ok(answer["response"].take())
    }

    /// Whether the other side has ended the connection.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

/// GET by plain HTTP on a connection of its own.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    let mut client = Client::plain(address).await.unwrap();
    client.send(Method::GET, path, "").await.unwrap()
}

/// A TLS connection, trusting these authorities (PEM) and asking for this name.
pub(crate) async fn tls(
    address: SocketAddr,
    trusted: &str,
    name: &str,
) -> Result<TlsStream<TcpStream>, Failure> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(trusted.as_bytes()) {
        roots.add(authority?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name.to_owned())?;
    Ok(TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?)
}

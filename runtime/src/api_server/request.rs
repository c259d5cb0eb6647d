//! A single request, limited in time and size.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::client::Body;
use serde_json::Value;

use super::{ApiServer, path};

/// The content type of all request bodies except patches.
pub(super) const JSON: &str = "application/json";

/// The error from a request that failed or got no usable response.
#[derive(Debug, thiserror::Error)]
#[error("{}", .reason.sentence(.request))]
pub struct RequestError {
    /// The method and the path.
    request: String,
    /// The reason.
    #[source]
    pub reason: Reason,
}

/// The reason for a [`RequestError`]. No variant contains data from a successful response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The method, the path or a header is invalid.
    #[error("the request is invalid: {0}")]
    Invalid(http::Error),
    /// The client cannot send the request, for example because credentials are missing.
    #[error(transparent)]
    Client(kube::Error),
    /// The connection failed before a complete response arrived.
    #[error(transparent)]
    Interrupted(Box<dyn Error + Send + Sync>),
    /// No complete response arrived in time.
    #[error("no response within {:.1} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// The response is larger than the limit, in bytes.
    #[error("the API server's response is larger than {0} bytes")]
    TooLarge(usize),
    /// A successful response is not JSON.
    #[error("the API server's response is not JSON: {0}")]
    Malformed(serde_json::Error),
    /// The API server refused the request.
    #[error("{code} {message}")]
    Refused {
        /// The HTTP status.
        code: StatusCode,
        /// The API server's message.
        message: String,
    },
}

impl ApiServer {
    /// Sends a request once and returns the response, regardless of its status. The time limit is the shorter of `within` and
    /// [`timeout`](Self::timeout).
    ///
    /// # Errors
    /// Returns a [`Reason`] if no complete response arrives.
    pub async fn send(
        &self,
        request: http::request::Builder,
        body: Bytes,
        within: Duration,
    ) -> Result<Response<Bytes>, Reason> {
        let request = request.body(Body::from(body)).map_err(Reason::Invalid)?;
        let limit = within.min(self.bounds.timeout);
        let response = tokio::time::timeout(limit, self.exchange(request)).await;
        response.unwrap_or(Err(Reason::Timeout(limit)))
    }

    async fn exchange(&self, request: Request<Body>) -> Result<Response<Bytes>, Reason> {
        let response = self
            .client
            .send(request)
            .await
            .map_err(|error| match error {
                kube::Error::Service(source) => Reason::Interrupted(source),
                kube::Error::HyperError(source) => Reason::Interrupted(Box::new(source)),
                other => Reason::Client(other),
            })?;
        let (head, body) = response.into_parts();
        match Limited::new(body, self.bounds.response).collect().await {
            Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(Reason::TooLarge(self.bounds.response))
            }
            Err(error) => Err(Reason::Interrupted(error)),
        }
    }

    /// Sends a request once and returns the response, which must be JSON.
    ///
    /// # Errors
    /// Returns a [`RequestError`] unless the status is 2xx and the response is JSON.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Option<&Value>,
    ) -> Result<Value, RequestError> {
        let called = async {
            let request = Request::builder()
                .method(&method)
                .uri(path)
                .header(header::CONTENT_TYPE, content_type);
            let body = body.map(Value::to_string).unwrap_or_default();
            let response = self.send(request, body.into(), Duration::MAX).await?;
            let json = serde_json::from_slice::<Value>(response.body());
            let code = response.status();
            if code.is_success() {
                return json.map_err(Reason::Malformed);
            }
            let message = json.ok().and_then(|status| {
                let message = status["message"].as_str()?;
                Some(message.to_owned())
            });
            let message = message.unwrap_or_else(|| "without a reason".to_owned());
            Err(Reason::Refused { code, message })
        };
        called.await.map_err(|reason| RequestError {
            request: format!("{method} {}", path.split('?').next().unwrap_or_default()),
            reason,
        })
    }

    /// Returns the object at `path`; `None` if it does not exist.
    ///
    /// # Errors
    /// Returns a [`RequestError`] unless the status is 2xx or 404.
    pub async fn get(&self, path: &str) -> Result<Option<Value>, RequestError> {
        match self.call(Method::GET, path, JSON, None).await {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.code() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns a namespaced object; `None` if it does not exist. `plural` is the path segment for the kind, such as `configmaps`.
    ///
    /// # Errors
    /// Returns a [`RequestError`] unless the status is 2xx or 404.
    pub async fn object(
        &self,
        api_version: &str,
        plural: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, RequestError> {
        self.get(&path::object(api_version, plural, Some(namespace), name))
            .await
    }
}

impl RequestError {
    /// Returns the HTTP status, if the API server refused the request.
    pub fn code(&self) -> Option<StatusCode> {
        match self.reason {
            Reason::Refused { code, .. } => Some(code),
            _ => None,
        }
    }
}

impl Reason {
    fn sentence(&self, request: &str) -> String {
        match self {
            Self::Refused { code, message } => {
                format!("the API server rejected {request}: {code} {message}")
            }
            _ => format!("the API server did not send a usable response to {request}"),
        }
    }
}

//! The API server: how it is reached, one request to it, and its version.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use gleaner_proto::duration;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use serde_json::Value;

use gleaner_core::inject::settings::Sidecars;

/// A connection in the cluster takes milliseconds; five seconds leave time for a busy node.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bound on an answer, in bytes: more than an object can have.
const ANSWER_BYTES: usize = 4 << 20;
/// The first version of Kubernetes 1 in which native sidecars are on by default (KEP-753).
const NATIVE_SIDECARS: u32 = 29;

/// How the API server is reached.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "API server")]
pub struct Access {
    /// A plain address, instead of the pod's own ServiceAccount
    #[arg(long, env = "GLEANER_API_SERVER", value_parser = server_url, conflicts_with = "kubeconfig")]
    api_server: Option<http::Uri>,
    /// A kubeconfig file, instead of the pod's own ServiceAccount
    #[arg(long, env = "GLEANER_KUBECONFIG")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig file
    #[arg(long, env = "GLEANER_KUBE_CONTEXT", requires = "kubeconfig")]
    kube_context: Option<String>,
    /// How long one request to the API server may take
    #[arg(long, env = "GLEANER_REQUEST_TIMEOUT", default_value = "5s", value_parser = duration::parse)]
    request_timeout: Duration,
    /// Say nothing by Events
    #[arg(long, env = "GLEANER_NO_EVENTS")]
    pub(crate) no_events: bool,
    /// Who speaks in Events: the name of this pod
    #[arg(
        long,
        env = "HOSTNAME",
        hide_env_values = true,
        default_value = "gleaner-injector"
    )]
    pub(crate) instance: String,
}

/// The API server.
#[derive(Clone)]
pub struct Api {
    client: Client,
    timeout: Duration,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The pod has no ServiceAccount token, or this is no pod.
    #[error(
        "no ServiceAccount token in this container; set automountServiceAccountToken, or give --kubeconfig or --api-server"
    )]
    InCluster(#[source] InClusterError),
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] KubeconfigError),
    /// The client cannot be made of what is configured.
    #[error("no client can be made of the configuration")]
    Client(#[source] kube::Error),
}

/// Why a request has no answer that helps.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// No answer.
    #[error("no answer from the API server to {what}")]
    Silent {
        /// Method and path.
        what: String,
        /// What the client says.
        #[source]
        source: kube::Error,
    },
    /// A name that makes no path.
    #[error("'{0}' is no path of an API server; a name in it is none")]
    Path(String),
    /// The answer broke off, or was too large.
    #[error("the API server's answer to {0} broke off")]
    Broken(String),
    /// No answer in time.
    #[error("no answer from the API server to {0} in time")]
    Late(String),
    /// A refusal.
    #[error("the API server refuses {what}: {code} {message}")]
    Refused {
        /// Method and path.
        what: String,
        /// The HTTP status.
        code: StatusCode,
        /// What it says.
        message: String,
    },
}

// === impl Access ===

impl Access {
    /// A client. It does not connect yet.
    ///
    /// # Errors
    /// An [`AccessError`] when a file is missing or makes no sense.
    pub(crate) async fn connect(&self) -> Result<Api, AccessError> {
        let mut config = match (&self.api_server, &self.kubeconfig) {
            (Some(url), _) => Config::new(url.clone()),
            (None, Some(file)) => {
                let options = KubeConfigOptions {
                    context: self.kube_context.clone(),
                    ..KubeConfigOptions::default()
                };
                let kubeconfig = Kubeconfig::read_from(file).map_err(AccessError::Kubeconfig)?;
                let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
                config.map_err(AccessError::Kubeconfig)?
            }
            (None, None) => Config::incluster().map_err(AccessError::InCluster)?,
        };
        // kube's own policy repeats POST (kube-rs/kube#2082).
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        // The bound that matters is on the whole request; this one only frees a connection that nobody waits for.
        config.read_timeout = Some(self.request_timeout * 3);
        config.write_timeout = Some(self.request_timeout * 3);
        config.reset_reader_on_write = true;
        Ok(Api {
            client: Client::try_from(config).map_err(AccessError::Client)?,
            timeout: self.request_timeout,
        })
    }
}

// === impl Api ===

impl Api {
    /// One request and its answer, which is JSON. A 2xx answer's content never gets into an error or a log.
    ///
    /// # Errors
    /// An [`ApiError`] for anything but a 2xx answer.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: Option<&Value>,
    ) -> Result<Value, ApiError> {
        let place = path.split('?').next().unwrap_or_default();
        let what = || format!("{method} {place}");
        let bytes = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(bytes.into_bytes()))
            .map_err(|_| ApiError::Path(path.to_owned()))?;
        let answered = async {
            let answer = self.client.send(request).await;
            let answer = answer.map_err(|source| ApiError::Silent {
                what: what(),
                source,
            })?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES).collect().await;
            let body = body.map_err(|_| ApiError::Broken(what()))?.to_bytes();
            let json: Value = serde_json::from_slice(&body).unwrap_or_default();
            if head.status.is_success() {
                return Ok(json);
            }
            let message = json["message"]
                .as_str()
                .unwrap_or("without a reason")
                .to_owned();
            Err(ApiError::Refused {
                what: what(),
                code: head.status,
                message,
            })
        };
        let answer = tokio::time::timeout(self.timeout, answered).await;
        answer.unwrap_or_else(|_| Err(ApiError::Late(what())))
    }

    /// GET; none when there is no such object.
    pub(crate) async fn get(&self, path: &str) -> Result<Option<Value>, ApiError> {
        match self.call(Method::GET, path, "application/json", None).await {
            Ok(object) => Ok(Some(object)),
            Err(ApiError::Refused { code, .. }) if code == StatusCode::NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The kind of sidecar that the cluster has.
    ///
    /// # Errors
    /// When the API server does not say its version.
    pub(crate) async fn sidecars(&self) -> Result<Sidecars, ApiError> {
        let path = "/version";
        let version = self
            .call(Method::GET, path, "application/json", None)
            .await?;
        sidecars(&version).ok_or_else(|| ApiError::Broken(format!("GET {path}")))
    }
}

impl ApiError {
    /// Whether somebody else was faster: the object is there already, or another than was read.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if *code == StatusCode::CONFLICT)
    }
}

/// `{"major": "1", "minor": "29+"}`: some distributions add a sign.
fn sidecars(version: &Value) -> Option<Sidecars> {
    let number = |field: &str| {
        let text = version[field].as_str()?;
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        text[..end].parse::<u32>().ok()
    };
    let version = (number("major")?, number("minor")?);
    Some(if version >= (1, NATIVE_SIDECARS) {
        Sidecars::Native
    } else {
        Sidecars::Tekton
    })
}

/// An address with scheme and host. The client would panic at its first request to any other.
fn server_url(text: &str) -> Result<http::Uri, String> {
    let wrong =
        || format!("'{text}' is no address; write it as http://HOST:PORT or https://HOST:PORT");
    let url: http::Uri = text.parse().map_err(|_| wrong())?;
    let known = matches!(url.scheme_str(), Some("http" | "https"));
    let whole = known && url.host().is_some_and(|host| !host.is_empty());
    whole.then_some(url).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn native_sidecars_are_there_from_1_29_on() {
        let of = |major: &str, minor: &str| sidecars(&json!({"major": major, "minor": minor}));
        assert_eq!(of("1", "28"), Some(Sidecars::Tekton));
        assert_eq!(of("1", "29+"), Some(Sidecars::Native));
        assert_eq!(of("1", "36"), Some(Sidecars::Native));
        assert_eq!(of("2", "0"), Some(Sidecars::Native));
        assert_eq!(of("", ""), None);
        assert_eq!(sidecars(&json!({})), None);
    }

    #[test]
    fn an_address_needs_scheme_and_host() {
        assert!(server_url("https://10.0.0.1:6443").is_ok());
        for text in ["10.0.0.1:6443", "ftp://a", "/x", ""] {
            assert!(
                server_url(text).unwrap_err().contains("write it as"),
                "{text}"
            );
        }
    }
}

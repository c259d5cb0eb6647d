//! The API server's address and credentials.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use gleaner_proto::duration;
use http::Uri;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use super::{ApiServer, Bounds};

/// The time limit for connecting. Within a cluster, connecting takes milliseconds; five seconds are enough even on a busy node.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The flags for the API server's address and credentials. A program flattens them into its own flags.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "API server")]
#[group(skip)]
pub struct Access {
    /// URL of an API server to use without credentials, instead of the pod's ServiceAccount
    #[arg(long, env = "GLEANER_API_SERVER", value_parser = address, conflicts_with = "kubeconfig")]
    api_server: Option<Uri>,
    /// Kubeconfig file to use instead of the pod's ServiceAccount
    #[arg(long, env = "GLEANER_KUBECONFIG")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig file
    #[arg(long, env = "GLEANER_KUBE_CONTEXT", requires = "kubeconfig")]
    kube_context: Option<String>,
    /// Time limit of one request to the API server
    #[arg(long, env = "GLEANER_REQUEST_TIMEOUT", default_value = "10s", value_parser = duration::parse)]
    request_timeout: Duration,
}

/// An error that prevents access to the API server.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The container has no ServiceAccount token.
    #[error(
        "this container has no ServiceAccount token; set automountServiceAccountToken, or use --kubeconfig or --api-server"
    )]
    InCluster(#[source] InClusterError),
    /// The kubeconfig is missing or invalid.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] KubeconfigError),
    /// A proxy variable does not contain a valid URL. kube may report this error even if `NO_PROXY` excludes the API server.
    #[error(
        "the variable {0} does not contain a valid proxy URL; correct the value or unset the variable"
    )]
    Proxy(&'static str),
    /// `NO_PROXY` does not contain a list that kube can parse.
    #[error(
        "the variable {0} does not contain a list of hosts, domains, addresses and networks such as 10.0.0.0/8; correct it, \
         without empty items between the commas"
    )]
    NoProxy(&'static str, #[source] KubeconfigError),
    /// kube cannot create a client from the configuration.
    #[error("cannot create a client from the configuration")]
    Client(#[source] kube::Error),
}

impl Access {
    /// Returns the API server that the flags specify; by default, the API server of the pod's cluster.
    ///
    /// # Errors
    /// Returns an [`AccessError`] if a file is missing or invalid.
    pub async fn connect(&self) -> Result<ApiServer, AccessError> {
        let bounds = Bounds {
            timeout: self.request_timeout,
            ..Bounds::default()
        };
        match (&self.api_server, &self.kubeconfig) {
            (Some(address), _) => ApiServer::at(address.clone(), bounds),
            (None, Some(file)) => {
                ApiServer::of_kubeconfig(Some(file), self.kube_context.as_deref(), bounds).await
            }
            (None, None) => {
                let config = Config::incluster().map_err(AccessError::InCluster)?;
                ApiServer::new(config, None, bounds)
            }
        }
    }
}

/// Constructors. They do not connect; the connection is established for the first request.
impl ApiServer {
    /// Returns the API server for `context` in a kubeconfig. Without `context`, uses the current context. Without `file`, reads
    /// the kubeconfig that `KUBECONFIG` specifies, or `~/.kube/config`.
    ///
    /// # Errors
    /// Returns an [`AccessError`] if a file is missing or invalid.
    pub async fn of_kubeconfig(
        file: Option<&Path>,
        context: Option<&str>,
        bounds: Bounds,
    ) -> Result<Self, AccessError> {
        let kubeconfig = file.map_or_else(Kubeconfig::read, Kubeconfig::read_from);
        let kubeconfig = kubeconfig.map_err(AccessError::Kubeconfig)?;
        let current = kubeconfig.current_context.clone();
        let context = context.map(str::to_owned).or(current);
        let options = KubeConfigOptions {
            context: context.clone(),
            ..KubeConfigOptions::default()
        };
        let own_proxy = own_proxy(&kubeconfig, context.as_deref());
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let mut config = config.map_err(|error| unusable(error, own_proxy.is_some()))?;
        // Set the proxy explicitly, because kube ignores it if NO_PROXY contains the proxy's own host.
        config.proxy_url = match own_proxy {
            Some(proxy) => {
                let proxy = proxy.parse().map_err(KubeconfigError::ParseProxyUrl);
                Some(proxy.map_err(AccessError::Kubeconfig)?)
            }
            None => {
                let proxy = super::proxy::of(&config.cluster_url, variable);
                proxy.map_err(AccessError::Proxy)?
            }
        };
        Self::new(config, context, bounds)
    }

    /// Returns the API server at an `http://` or `https://` address, without credentials.
    ///
    /// # Errors
    /// Returns an [`AccessError`] if TLS cannot be set up.
    pub fn at(address: Uri, bounds: Bounds) -> Result<Self, AccessError> {
        let is_plain = address.scheme_str() == Some("http");
        let mut config = Config::new(address);
        if is_plain {
            // Plain HTTP needs no CA certificates. Without this list, the client would read the system's certificates, and fail
            // if there are none.
            config.root_cert = Some(Vec::new());
        }
        Self::new(config, None, bounds)
    }

    fn new(
        mut config: Config,
        context: Option<String>,
        bounds: Bounds,
    ) -> Result<Self, AccessError> {
        // Ignore an error, which only means that an earlier client has already installed this provider for the process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Disable kube's own retries, because kube would also repeat a POST (kube-rs/kube#2082).
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        // For a pending request, these limits have no effect, because the timeout of the whole request expires earlier. They only
        // close idle connections.
        config.read_timeout = Some(bounds.timeout * 3);
        config.write_timeout = Some(bounds.timeout * 3);
        // Without this, the idle time of a pooled connection counts toward the timeout of the next request.
        config.reset_reader_on_write = true;
        Ok(Self {
            namespace: config.default_namespace.clone(),
            address: address_of(&config.cluster_url),
            client: Client::try_from(config).map_err(AccessError::Client)?,
            bounds,
            context,
        })
    }
}

/// Returns the scheme, host and port of a URL.
fn address_of(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or("https");
    let host = url.host().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Returns the error for a kubeconfig that kube rejects. The cause may also be a proxy variable, because kube parses these
/// variables at the same time, and more strictly than `kubectl`.
fn unusable(error: KubeconfigError, has_own_proxy: bool) -> AccessError {
    let either = |upper: &'static str, lower: &'static str| {
        let is_set = variable(upper).is_some_and(|value| !value.is_empty());
        if is_set { upper } else { lower }
    };
    match error {
        KubeconfigError::ParseProxyUrl(_) if !has_own_proxy => {
            AccessError::Proxy(either("HTTPS_PROXY", "https_proxy"))
        }
        KubeconfigError::ParseNoProxy(_) => {
            AccessError::NoProxy(either("NO_PROXY", "no_proxy"), error)
        }
        _ => AccessError::Kubeconfig(error),
    }
}

/// Returns the proxy that the kubeconfig sets for the context's cluster. This proxy takes precedence over the proxy variables.
fn own_proxy(kubeconfig: &Kubeconfig, context: Option<&str>) -> Option<String> {
    let mut contexts = kubeconfig.contexts.iter();
    let context = contexts.find(|own| Some(own.name.as_str()) == context);
    let name = context
        .and_then(|own| own.context.as_ref())
        .map(|own| &own.cluster);
    let mut clusters = kubeconfig.clusters.iter();
    let cluster = clusters.find(|own| Some(&own.name) == name);
    let proxy = cluster.and_then(|own| own.cluster.as_ref()?.proxy_url.clone());
    proxy.filter(|proxy| !proxy.is_empty())
}

/// Parses an address. Requires a scheme and a host, because without them the client panics at its first request.
fn address(text: &str) -> Result<Uri, String> {
    let url = text.parse().ok().filter(|url: &Uri| {
        let known = matches!(url.scheme_str(), Some("http" | "https"));
        known && url.host().is_some_and(|host| !host.is_empty())
    });
    url.ok_or_else(|| {
        format!("invalid address '{text}': use http://HOST:PORT or https://HOST:PORT")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_address_has_no_credentials_and_no_path() {
        let shown = |url: &str| address_of(&url.parse().unwrap());
        assert_eq!(
            shown("https://user:pass@[::1]:6443/prefix?a=b"),
            "https://[::1]:6443"
        );
        assert_eq!(
            shown("http://kubernetes.default"),
            "http://kubernetes.default"
        );
    }

    #[test]
    fn an_address_needs_scheme_and_host() {
        assert!(address("https://10.0.0.1:6443").is_ok());
        for text in ["10.0.0.1:6443", "ftp://a", "/x", ""] {
            assert!(
                address(text).unwrap_err().contains("use http://HOST:PORT"),
                "{text}"
            );
        }
    }
}

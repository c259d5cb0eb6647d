//! Where the API server is, and how to get in.

use std::path::PathBuf;
use std::time::Duration;

use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use super::Settings;

/// A connection in the cluster takes milliseconds; five seconds leave time for a busy node.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the API server is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connection {
    /// The cluster that this pod runs in, as its ServiceAccount.
    InCluster,
    /// A context of a kubeconfig.
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// The context; none for the current one.
        context: Option<String>,
    },
    /// An API server by its URL, without credentials.
    Server {
        /// `http://` or `https://`.
        url: http::Uri,
    },
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The pod has no ServiceAccount token, or this is no pod.
    #[error(
        "no ServiceAccount token in this container; set automountServiceAccountToken, or name a kubeconfig or an API server"
    )]
    InCluster(#[source] InClusterError),
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] KubeconfigError),
    /// The client cannot be made of what is configured.
    #[error("no client can be made of the configuration")]
    Client(#[source] kube::Error),
}

/// A client for `connection`. It does not connect yet. A rustls crypto provider must have been installed.
///
/// # Errors
/// A [`ConnectError`] when a file is missing or makes no sense.
pub async fn connect(connection: &Connection, settings: &Settings) -> Result<Client, ConnectError> {
    let mut config = config(connection).await?;
    // kube's own policy repeats POST (kube-rs/kube#2082); ours knows what it repeats.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    // The bound that matters is on the whole request; this one only frees a connection that nobody waits for.
    config.read_timeout = Some(settings.request_timeout * 3);
    config.write_timeout = Some(settings.request_timeout * 3);
    // Without it, the idle time of a pooled connection counts against the next request.
    config.reset_reader_on_write = true;
    Client::try_from(config).map_err(ConnectError::Client)
}

async fn config(connection: &Connection) -> Result<Config, ConnectError> {
    match connection {
        Connection::InCluster => Config::incluster().map_err(ConnectError::InCluster),
        Connection::Kubeconfig { file, context } => {
            let options = KubeConfigOptions {
                context: context.clone(),
                ..KubeConfigOptions::default()
            };
            let kubeconfig = Kubeconfig::read_from(file).map_err(ConnectError::Kubeconfig)?;
            let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
            config.map_err(ConnectError::Kubeconfig)
        }
        Connection::Server { url } => Ok(Config::new(url.clone())),
    }
}

//! The address and credentials of the API server, and a client for it.

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use super::{ApiServer, Bounds};

/// A connection in the cluster takes milliseconds; five seconds leave time for a busy node.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Address and credentials of an API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// The cluster of this pod, as its ServiceAccount.
    InCluster,
    /// A context of a kubeconfig.
    Kubeconfig {
        /// The file; none for those of `KUBECONFIG`, or `~/.kube/config`.
        file: Option<PathBuf>,
        /// The context; none for the current one.
        context: Option<String>,
    },
    /// An `http://` or `https://` address, without credentials.
    Address(Uri),
}

/// A client that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The container has no ServiceAccount token.
    #[error(
        "no ServiceAccount token in this container; set automountServiceAccountToken, or give --kubeconfig or --api-server"
    )]
    InCluster(#[source] InClusterError),
    /// The kubeconfig is missing or invalid.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] KubeconfigError),
    /// The configuration is inconsistent.
    #[error("no client can be made of the configuration")]
    Client(#[source] kube::Error),
}

impl ApiServer {
    /// Returns the API server of `connection`. It does not connect yet.
    ///
    /// # Errors
    /// A [`ConnectError`] if a file is missing or invalid.
    pub async fn connect(connection: &Connection, bounds: Bounds) -> Result<Self, ConnectError> {
        // The one crypto provider of the process. It is installed already when this is not the first client.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (mut config, context) = match connection {
            Connection::InCluster => {
                let config = Config::incluster().map_err(ConnectError::InCluster)?;
                (config, None)
            }
            Connection::Kubeconfig { file, context } => kubeconfig(file.as_ref(), context.as_ref())
                .await
                .map_err(ConnectError::Kubeconfig)?,
            Connection::Address(url) => (Config::new(url.clone()), None),
        };
        // kube's own policy repeats POST (kube-rs/kube#2082).
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        // The bound that matters is on the whole request; these only free a connection that nothing waits for.
        config.read_timeout = Some(bounds.timeout * 3);
        config.write_timeout = Some(bounds.timeout * 3);
        // Without it, the idle time of a pooled connection counts against the next request.
        config.reset_reader_on_write = true;
        Ok(Self {
            namespace: config.default_namespace.clone(),
            client: Client::try_from(config).map_err(ConnectError::Client)?,
            bounds,
            context,
        })
    }
}

async fn kubeconfig(
    file: Option<&PathBuf>,
    context: Option<&String>,
) -> Result<(Config, Option<String>), KubeconfigError> {
    let kubeconfig = match file {
        Some(file) => Kubeconfig::read_from(file)?,
        None => Kubeconfig::read()?,
    };
    let context = context.or(kubeconfig.current_context.as_ref()).cloned();
    let options = KubeConfigOptions {
        context: context.clone(),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    Ok((config, context))
}

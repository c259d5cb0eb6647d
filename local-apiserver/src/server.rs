//! Starting and stopping, and what the owner in the same process may do.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::crd::{self, CrdError};
use crate::kind::Registry;
use crate::options::Options;
use crate::router::{self, Shared};
use crate::store::Store;
use crate::{builtin, create, metadata};

/// What to serve. See [`LocalApiServer::builder`].
#[derive(Debug)]
#[must_use = "call `start` to have a server"]
pub struct Builder {
    registry: Registry,
    namespaces: Vec<String>,
}

/// A running embedded API server: plain HTTP on a free port of 127.0.0.1.
///
/// Dropping it ends it at once; [`shutdown`](Self::shutdown) lets requests under way finish.
#[derive(Debug)]
pub struct LocalApiServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Why an object could not be put into the server by its owner.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// No kind of that name and version is served.
    #[error("no kind {kind:?} of {api_version:?} is served: give its CRD to the builder")]
    UnknownKind {
        /// The object's `apiVersion`.
        api_version: String,
        /// The object's `kind`.
        kind: String,
    },
    /// The server refused it, as it would refuse a client.
    #[error("{0}")]
    Refused(String),
}

impl Builder {
    fn new() -> Self {
        let mut registry = Registry::default();
        builtin::kinds()
            .into_iter()
            .for_each(|kind| registry.add(kind));
        crd::parse(crate::TEKTON_CRDS)
            .expect("invariant: the crate's own CRDs parse, a test sees to it")
            .into_iter()
            .for_each(|kind| registry.add(kind));
        Self {
            registry,
            namespaces: vec!["default".to_owned()],
        }
    }

    /// Serves the kinds of the CRDs in a YAML text too, of one or more documents.
    ///
    /// # Errors
    ///
    /// When the text holds anything but complete CRDs of `apiextensions.k8s.io/v1`.
    pub fn crds(mut self, yaml: &str) -> Result<Self, CrdError> {
        for kind in crd::parse(yaml)? {
            self.registry.add(kind);
        }
        Ok(self)
    }

    /// Has a namespace from the start; `default` is always there.
    pub fn namespace(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        if !self.namespaces.contains(&name) {
            self.namespaces.push(name);
        }
        self
    }

    /// Starts serving on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn start(self) -> std::io::Result<LocalApiServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (stop, stopping) = watch::channel(false);
        let shared = Arc::new(Shared {
            registry: self.registry,
            store: Store::new(),
            stopping,
        });
        let app = router::router(Arc::clone(&shared));
        let mut stopping = stop.subscribe();
        let task = tokio::spawn(async move {
            let stopped = async move {
                // An error means that the owner is gone, which is as good as a stop.
                let _ = stopping.wait_for(|stop| *stop).await;
            };
            if let Err(error) = axum::serve(listener, app)
                .with_graceful_shutdown(stopped)
                .await
            {
                tracing::error!(%error, "the embedded API server ended");
            }
        });
        let server = LocalApiServer {
            address,
            shared,
            stop,
            task,
        };
        for name in &self.namespaces {
            let namespace =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            server.seed(namespace).map_err(std::io::Error::other)?;
        }
        Ok(server)
    }
}

impl LocalApiServer {
    /// A server with Kubernetes' usual kinds and Tekton's `PipelineResource`, `TaskRun` and `PipelineRun`.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Its URL, such as `http://127.0.0.1:40123`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every stored object but namespaces, ordered by resource, namespace and name, as a GET would show it.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        let all = self.shared.store.hold().all();
        all.into_iter()
            .filter(|(key, _)| key.resource != "namespaces")
            .map(|(_, object)| Arc::unwrap_or_clone(object))
            .collect()
    }

    /// Creates an object as a client would, and returns it as stored. One without a namespace goes into `default`.
    ///
    /// # Errors
    ///
    /// When its kind is not served, or the server refuses it.
    pub fn seed(&self, object: Value) -> Result<Value, SeedError> {
        let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let kind = self
            .shared
            .registry
            .by_kind(&api_version, &kind)
            .ok_or(SeedError::UnknownKind { api_version, kind })?;
        let namespace = match (kind.namespaced, metadata::text(&object, "namespace")) {
            (false, _) => String::new(),
            (true, "") => "default".to_owned(),
            (true, own) => own.to_owned(),
        };
        let options = Options {
            field_manager: Some("seed".to_owned()),
            ..Options::default()
        };
        create::create(&self.shared.store, &kind, &namespace, object, &options)
            .map(|(object, _)| Arc::unwrap_or_clone(object))
            .map_err(|refusal| SeedError::Refused(refusal.message().to_owned()))
    }

    /// Ends it: no new requests, watches end, requests under way finish.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "the embedded API server panicked");
        }
    }
}

impl Drop for LocalApiServer {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.task.abort();
    }
}

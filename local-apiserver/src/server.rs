//! The server's interface for its owner: the code in the same process that starts, fills, inspects and stops the server.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::crd::{self, CrdError};
use crate::kind::Registry;
use crate::options::WriteOptions;
use crate::state::Shared;
use crate::{builtin, create, metadata, router};

/// Builds a server from its kinds and namespaces. See [`LocalApiServer::builder`].
#[derive(Debug)]
#[must_use = "call `start` to start the server"]
pub struct Builder {
    registry: Registry,
    namespaces: Vec<String>,
}

/// A running API server, which serves plain HTTP on a free port of 127.0.0.1.
///
/// Dropping this value stops the server; [`shutdown`](Self::shutdown) also waits for pending requests to finish.
#[derive(Debug)]
pub struct LocalApiServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// The namespaces that the builder created.
    namespaces: Vec<String>,
    /// The server stops when this sender is dropped.
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// An error that occurs when the owner adds an object to the server.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The server does not serve this kind in this API version.
    #[error("the kind {kind:?} of {api_version:?} is not served; pass its CRD to the builder")]
    UnknownKind {
        /// The object's `apiVersion`.
        api_version: String,
        /// The object's `kind`.
        kind: String,
    },
    /// The server refuses the object, as it would refuse the same object from a client.
    #[error("{0}")]
    Refused(String),
}

impl Builder {
    /// Adds the kinds of the CRDs in `yaml`, which may contain several documents.
    ///
    /// # Errors
    ///
    /// Fails if the text contains anything other than complete CRDs of `apiextensions.k8s.io/v1`.
    pub fn crds(mut self, yaml: &str) -> Result<Self, CrdError> {
        for kind in crd::parse(yaml)? {
            self.registry.add(kind);
        }
        Ok(self)
    }

    /// Adds a namespace. The namespace `default` is created in any case.
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
    /// Fails if no port is free, or if the name of a namespace is invalid.
    pub async fn start(self) -> std::io::Result<LocalApiServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(self.registry));
        let router = router::router(Arc::clone(&shared));
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stopped = async {
                // No message is ever sent; the wait ends when the sender is dropped.
                let _ = stopped.await;
            };
            let served = axum::serve(listener, router).with_graceful_shutdown(stopped);
            if let Err(error) = served.await {
                tracing::error!(%error, "the local API server failed");
            }
        });
        let server = LocalApiServer {
            address,
            shared,
            namespaces: self.namespaces,
            stop,
            task,
        };
        for name in &server.namespaces {
            let namespace =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            server.seed(namespace).map_err(std::io::Error::other)?;
        }
        Ok(server)
    }
}

impl LocalApiServer {
    /// Returns a builder for a server that serves Kubernetes' common kinds and Tekton's `PipelineResource`, `TaskRun` and
    /// `PipelineRun`.
    pub fn builder() -> Builder {
        let mut registry = Registry::default();
        let crds = crd::parse(crate::TEKTON_CRDS)
            .expect("invariant: a test checks that the crate's own CRDs are valid");
        for kind in builtin::kinds().iter().cloned().chain(crds) {
            registry.add(kind);
        }
        Builder {
            registry,
            namespaces: vec!["default".to_owned()],
        }
    }

    /// Returns the server's URL, such as `http://127.0.0.1:40123`, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns every stored object in the form that a GET request returns, ordered by resource, namespace and name. Omits the
    /// namespaces that the builder created.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        let contents = self.shared.store.lock();
        let is_own = |name: &String| self.namespaces.contains(name);
        let objects = contents
            .all()
            .filter(|(key, _)| key.resource != "namespaces" || !is_own(&key.name));
        objects.map(|(_, object)| object.clone()).collect()
    }

    /// Creates an object as if a client had sent it, and returns the stored object. A namespaced object without a namespace is
    /// created in `default`.
    ///
    /// # Errors
    ///
    /// Fails if the object's kind is not served, or the server refuses the object.
    pub fn seed(&self, object: Value) -> Result<Value, SeedError> {
        self.seed_in("default", object)
    }

    /// Creates an object like [`seed`](Self::seed), with `namespace` as the default namespace.
    ///
    /// # Errors
    ///
    /// Fails for the same reasons as [`seed`](Self::seed).
    pub fn seed_in(&self, namespace: &str, object: Value) -> Result<Value, SeedError> {
        let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let kind = self
            .shared
            .registry()
            .by_kind(&api_version, &kind)
            .ok_or(SeedError::UnknownKind { api_version, kind })?;
        let namespace = match (kind.namespaced, metadata::text(&object, "namespace")) {
            (false, _) => String::new(),
            (true, "") => namespace.to_owned(),
            (true, own) => own.to_owned(),
        };
        let options = WriteOptions {
            field_manager: Some("seed".to_owned()),
            ..WriteOptions::default()
        };
        let seeded = create::create(&self.shared.store, &kind, &namespace, object, &options)
            .map_err(|refusal| SeedError::Refused(refusal.message().to_owned()))?;
        self.shared.written(&kind, &seeded);
        Ok(seeded)
    }

    /// Replaces the status of an object, as the object's controller would. `plural` is the resource name, such as `deployments`.
    ///
    /// Returns the stored object. If the object does not exist, returns `None`.
    pub fn set_status(
        &self,
        api_version: &str,
        plural: &str,
        namespace: &str,
        name: &str,
        status: Value,
    ) -> Option<Value> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let kind = self.shared.registry().by_plural(group, version, plural)?;
        let key = kind.key(namespace, name);
        let mut contents = self.shared.store.lock();
        let mut object = contents.get(&key)?.clone();
        object["status"] = status;
        Some(contents.put(key, object))
    }

    /// Stops the server: rejects new connections, and waits for pending requests to finish.
    pub async fn shutdown(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the local API server panicked");
        }
    }
}

//! Access to Kubernetes through single requests that are limited in time and size.
//!
//! Requests are built from raw parts, because kube's own requests do not support strict field validation, and kube's retry policy
//! also repeats a POST, which may create a second object (kube-rs/kube#2082). The caller decides whether to repeat a request.
//!
//! | module | content |
//! | --- | --- |
//! | [`access`] | the API server's address and credentials, and the command-line flags for them |
//! | [`request`] | a single request, limited in time and size |
//! | `list` | lists the objects of a collection, page by page |
//! | [`event`] | Events about objects, for `kubectl describe` |
//! | `proxy` | the proxy for an API server, from the variables that kubectl reads |
//! | [`path`] | URL paths of objects |
//! | `port_forward` | connections to a port of a pod |
//! | `version` | the API server's version |

pub mod access;
pub mod event;
mod list;
pub mod path;
#[cfg(feature = "port-forward")]
mod port_forward;
mod proxy;
pub mod request;
mod version;

use std::time::Duration;

use kube::Client;

pub use access::{Access, AccessError};
pub use event::{Event, EventKind, Regarding};
pub use kube::core::Status;
#[cfg(feature = "port-forward")]
pub use port_forward::{Forwarded, PortForwardError};
pub use request::{Reason, RequestError};
pub use version::Version;

/// An API server. Clones share their connections.
#[derive(Clone)]
pub struct ApiServer {
    client: Client,
    bounds: Bounds,
    namespace: String,
    context: Option<String>,
    address: String,
}

/// Limits on one request.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The time for the request and its whole response. Default 10 s.
    pub timeout: Duration,
    /// The maximum size of a response, in bytes; an object is at most 1.5 MiB. Default 4 MiB.
    pub response: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            response: 4 << 20,
        }
    }
}

impl ApiServer {
    /// Returns the time limit of one request.
    pub fn timeout(&self) -> Duration {
        self.bounds.timeout
    }

    /// Returns the namespace in the kubeconfig's context or, in a pod, the pod's namespace. If neither is known, returns
    /// `default`.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the API server's URL, without the path and without credentials.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// If a kubeconfig is used, returns the name of its context.
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }
}

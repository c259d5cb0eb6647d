//! A small Kubernetes API server that runs inside a process: plain HTTP on 127.0.0.1, with objects in memory.
//!
//! The server implements the requests with which clients create objects and users inspect objects with `kubectl get`: discovery,
//! create, get, list, server-side apply with field ownership, delete with preconditions, dry runs, and
//! `SelfSubjectAccessReview`. It serves Kubernetes' common kinds, Tekton's kinds, and the kinds of additional CRDs, including
//! CRDs that a client creates.
//!
//! # Checks
//!
//! Every write is validated strictly, as with `fieldValidation=Strict`:
//!
//! - names, labels and annotation keys have the syntax that Kubernetes requires;
//! - the object contains all fields that the kind's schema requires, and no field that is not in the schema;
//! - values have the type that the schema requires, are in the `enum`, and are within the limits on length, number of items and
//!   value.
//!
//! Error responses have the same codes, reasons and causes as on a real server. The messages differ, except where clients
//! depend on them.
//!
//! # Not supported
//!
//! - Everything that happens *after* a write: controllers, garbage collection (owner references are stored, but owned objects
//!   outlive their owners), finalizers, generations, and the deletion of a namespace's objects with the namespace.
//! - Everything else that can refuse or change a write: users and RBAC (access reviews allow everything), webhooks, admission
//!   policies, and quotas.
//! - In a CRD's schema: `oneOf`, `anyOf`, `allOf`, `not`, `pattern`, formats other than `byte`, `uniqueItems`, `minProperties`,
//!   `maxProperties`, CEL rules, and conversion between versions (all versions show the same fields).
//! - In Kubernetes' built-in kinds: defaults, and rules that the schema cannot express (for example, that a Deployment's selector
//!   matches its template, that a Job's pods have a restart policy, and that a ConfigMap is at most 1 MiB).
//! - In server-side apply: lists that are merged item by item, and atomic maps. This server replaces a list as a whole, and
//!   merges a map field by field.
//! - In the protocol: watch, selectors, update, JSON patch, merge patch, `generateName`, deletecollection, subresources such as
//!   `status` and `scale` (use [`LocalApiServer::set_status`] to set a status), YAML, protobuf, tables, OpenAPI, pagination,
//!   warnings, and the rejection of duplicate fields.
//!
//! # Example
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use gleaner_local_apiserver::LocalApiServer;
//!
//! let server = LocalApiServer::builder().namespace("team-a").start().await?;
//! println!("{}", server.url());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod access;
mod apply;
mod body;
mod builtin;
mod cause;
mod crd;
mod create;
mod defaults;
mod delete;
mod discovery;
mod fields;
mod kind;
mod metadata;
mod names;
mod objects;
mod options;
mod outline;
mod refusal;
mod router;
mod schema;
mod server;
mod state;
mod store;
mod validation;

pub use crd::CrdError;
pub use outline::outline;
pub use server::{Builder, LocalApiServer, SeedError};

/// The CRDs of the Tekton kinds that the server always serves, as YAML, so that they can be installed on a real server.
pub const TEKTON_CRDS: &str = concat!(
    include_str!("../crds/pipelineresources.yaml"),
    "---\n",
    include_str!("../crds/tekton.yaml")
);

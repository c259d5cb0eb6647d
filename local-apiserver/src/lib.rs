//! A small Kubernetes API server within a process: plain HTTP on 127.0.0.1, its objects in memory, gone with its owner.
//!
//! It serves what a client needs that creates objects, and a person who looks at them with `kubectl get`: discovery,
//! create, get, list, server-side apply with field ownership, delete with preconditions, dry runs, and
//! `SelfSubjectAccessReview`. The kinds are Kubernetes' usual ones, Tekton's, and those of further CRDs.
//!
//! # Checks
//!
//! Every write is validated strictly, as with `fieldValidation=Strict`:
//!
//! - names, labels and the keys of annotations have the syntax that Kubernetes demands;
//! - there are no fields that the kind does not have;
//! - required fields are there, values have the type of the schema, are among those of an `enum`, and within bounds of
//!   length, size and value.
//!
//! Refusals have the codes, reasons and causes of a real server; the messages are this crate's own, except for those that
//! clients act on.
//!
//! # Only on a real cluster
//!
//! - Everything that runs *after* a write: controllers, the garbage collector (owner references are stored, and owned
//!   objects outlive their owners), finalizers, generations, the end of a deleted namespace's objects.
//! - Everything that has a say in a write: users and RBAC (access reviews allow everything), webhooks, admission
//!   policies, quotas.
//! - Of a CRD's schema: `oneOf`, `anyOf`, `allOf`, `not`, `pattern`, formats but `byte`, `uniqueItems`, bounds on
//!   properties, CEL rules, conversion between versions (all versions show the same fields).
//! - Of Kubernetes' own kinds: the rules that are not in their schema (a Deployment's selector matches its template, a
//!   Job's pods have a restart policy, the keys and the size of a ConfigMap), and their defaults.
//! - Of server-side apply: the lists that are merged by their elements, and the maps that are one value. Here a list is
//!   one value, and a map is merged by its fields.
//! - Of the protocol: watch, selectors, update, JSON patch, merge patch, `generateName`, the deletion of collections,
//!   subresources such as `status` and `scale` (the owner sets a status with [`LocalApiServer::set_status`]), YAML,
//!   protobuf, tables, OpenAPI, paging, warnings, and the refusal of fields that are given twice.
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
mod refusal;
mod router;
mod schema;
mod server;
mod state;
mod store;
mod validation;

pub use crd::CrdError;
pub use server::{Builder, LocalApiServer, SeedError};

/// The CRDs of Tekton's kinds that the server always serves, as YAML: those that a real server needs to be given.
pub const TEKTON_CRDS: &str = concat!(
    include_str!("../crds/pipelineresources.yaml"),
    "---\n",
    include_str!("../crds/tekton.yaml")
);

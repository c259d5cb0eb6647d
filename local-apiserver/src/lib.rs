//! The embedded API server of `gleaner run`: in this process, plain HTTP on 127.0.0.1, gone with it.
//!
//! It is a faithful subset of a Kubernetes API server, the one that the production client code needs: discovery,
//! create (dry run, strict field validation, `generateName`), get, list, watch, update, JSON merge patch, server-side
//! apply with field ownership, delete with preconditions and finalizers, the status subresource. One conformance suite
//! (`tests/tests/conformance`) asks it and a real server the same questions; refusals have the real server's codes,
//! reasons, messages and details.
//!
//! # What it leaves out
//!
//! - Whatever runs *after* a write: controllers, the garbage collector (owner references are stored as they are, and
//!   owned objects outlive their owners), the end of what is in a deleted namespace.
//! - Whoever has a say in it: users and RBAC (access reviews answer yes), webhooks, admission policies, quotas.
//! - Of a CRD's schema: `oneOf`, `anyOf`, `allOf`, `not`, `pattern`, `format`, `uniqueItems`, bounds on properties, CEL
//!   rules, conversion between versions (all versions show the same fields).
//! - Of Kubernetes' own kinds: unknown fields, wrong types and the commonest faults are refused; the rest of their
//!   validation, immutable fields, and their defaults (a Service gets no cluster IP) are not there. Their `binding`,
//!   `scale`, `eviction` and other subresources neither.
//! - Of the protocol: JSON patch and strategic merge patch (415), deletion of collections (405), protobuf, tables,
//!   OpenAPI, paging (a list is always whole), bookmarks. A watch looks back 4,096 changes.
//! - Words of Go: where a real server's message shows its own source (names of struct types, the JSON decoder's
//!   sentence), this one shows the field and says the same in its own.
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
mod body;
mod builtin;
mod crd;
mod create;
mod decode;
mod defaults;
mod delete;
mod discovery;
mod duplicates;
mod fields;
mod kind;
mod metadata;
mod names;
mod options;
mod patch;
mod read;
mod router;
mod rules;
mod schema;
mod selector;
mod server;
mod status;
mod store;
mod target;
mod typed;
mod update;
mod verbs;
mod watch;

pub use crd::CrdError;
pub use server::{Builder, LocalApiServer, SeedError};

/// The CRDs of Tekton's kinds that the server always serves, as YAML: what a real server needs to be given.
pub const TEKTON_CRDS: &str = concat!(
    include_str!("../../charts/gleaner/files/pipelineresources.yaml"),
    "---\n",
    include_str!("../crds/tekton.yaml")
);

//! The embedded API server of `gleaner run`: in this process, plain HTTP on 127.0.0.1, gone with it.
//!
//! It is a faithful subset of a Kubernetes API server, the one that the production client code needs: discovery,
//! create (dry run, strict field validation, `generateName`), get, list, watch, update, JSON merge patch, server-side
//! apply, delete with preconditions, the status subresource. One conformance suite (`tests/`) runs against it and
//! against a real server; refusals have the real server's codes, reasons and messages.
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use gleaner_apiserver::EmbeddedApiServer;
//!
//! let server = EmbeddedApiServer::builder().namespace("team-a").start().await?;
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
pub use server::{Builder, EmbeddedApiServer, SeedError};

/// The CRDs of Tekton's kinds that the server always serves, as YAML: what a real server needs to be given.
pub const TEKTON_CRDS: &str = include_str!("../crds/tekton.yaml");

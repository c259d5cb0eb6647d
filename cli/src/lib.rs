//! The command `gleaner`, also `kubectl gleaner`: the cluster's work, at a terminal.
//!
//! | module | holds |
//! | --- | --- |
//! | `args` | the command line |
//! | `values` | values from the command line, for parameters and outputs |
//! | `lint`, `render`, `run`, `translate`, `inject`, `uninject`, `check`, `status` | one command each |
//! | `carried` | the programs that this one contains; Linux only, like `run` |
//! | `elsewhere` | replaces both on other systems |
//! | `checking` | the checks of documents, shared by all commands |
//! | `duplicates` | documents with the same kind and name |
//! | `files`, `printing` | reading and printing of documents |
//! | `api_server`, `http` | access to an API server and to a sidecar |
//! | `terminal`, `failure` | colors, messages, exit codes |

mod api_server;
mod args;
#[cfg(target_os = "linux")]
mod carried;
mod check;
mod checking;
mod duplicates;
#[cfg(any(test, not(target_os = "linux")))]
mod elsewhere;
mod entry;
mod failure;
mod files;
mod http;
mod inject;
mod lint;
mod printing;
mod render;
#[cfg(target_os = "linux")]
mod run;
mod status;
mod terminal;
mod translate;
mod uninject;
mod values;

pub use entry::main;

//! The command `gleaner` (also `kubectl gleaner`): runs, checks and converts Tekton documents on this machine.
//!
//! | module | content |
//! | --- | --- |
//! | `args` | the command line |
//! | `values` | values of parameters and outputs from the command line |
//! | `lint`, `render`, `run`, `translate`, `inject`, `uninject`, `init`, `man`, `check`, `status` | one command each |
//! | `explain` | the fields of the declaration, for `explain` and `schema` |
//! | `carried` | the internal programs in this binary; Linux only, like `run` |
//! | `elsewhere` | replaces `run` and `carried` on systems other than Linux |
//! | `checking` | document checks, shared by several commands |
//! | `duplicates` | documents with the same kind and name |
//! | `files`, `printing` | reading and printing documents |
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
mod explain;
mod failure;
mod files;
mod http;
mod init;
mod inject;
mod lint;
mod man;
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

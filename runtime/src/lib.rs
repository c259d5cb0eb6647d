//! The code shared by Gleaner's long-running programs. Nothing here depends on outputs, Tasks or resources.
//!
//! On systems other than Unix, only the parts that the command `gleaner` needs are compiled: no signals and no servers.
//!
//! | module | content |
//! | --- | --- |
//! | [`program`] | from the command line to the exit code |
//! | [`log`] | structured logs on stderr |
//! | [`shutdown`] | signals, and the shutdown request |
//! | [`http`] | an HTTP server with limits on connections, headers, bodies and time |
//! | [`api_server`] | access to Kubernetes, one limited request at a time |
//! | [`metrics`] | the response of `/metrics` |
//! | [`mod@error_chain`] | an error and its causes on one line |
//! | [`text`] | truncation of text |
//! | [`panics`] | logging and catching panics without their message |

pub mod api_server;
pub mod error_chain;
#[cfg(unix)]
pub mod http;
pub mod log;
pub mod metrics;
pub mod panics;
pub mod program;
#[cfg(unix)]
pub mod shutdown;
pub mod text;

pub use error_chain::error_chain;
#[cfg(unix)]
pub use shutdown::Shutdown;

//! The code shared by Gleaner's long-running programs. Nothing here depends on outputs, Tasks or resources.
//!
//! On systems other than Unix, only the parts that the command `gleaner` needs are compiled, without signals and servers.
//!
//! | module | content |
//! | --- | --- |
//! | [`program`] | the entry point of a program: command line, signals, exit code |
//! | [`log`] | structured logs on stderr |
//! | [`shutdown`] | the request to shut down, and the signals that trigger it |
//! | [`http`] | an HTTP server with limits on connections, headers, bodies and time |
//! | [`api_server`] | access to Kubernetes, one limited request at a time |
//! | [`metrics`] | the response to `/metrics` |
//! | [`mod@error_chain`] | an error and its causes on one line |
//! | [`text`] | truncation of text |
//! | [`panics`] | logs and catches panics, without the panic message |

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

//! The parts shared by Gleaner's long-running programs. Nothing here depends on outputs, Tasks or resources.
//!
//! On systems other than Unix, only what the command `gleaner` needs is compiled: no signals and no servers.
//!
//! | module | holds |
//! | --- | --- |
//! | [`program`] | from the command line to the exit code |
//! | [`log`] | structured logs on stderr |
//! | [`shutdown`] | signals, and the shutdown request that everything waits for |
//! | [`http`] | an HTTP server with limits on connections, headers, bodies and time |
//! | [`api_server`] | access to Kubernetes, one limited request at a time |
//! | [`metrics`] | the response of `/metrics` |
//! | [`mod@error_chain`] | an error and its causes on one line |
//! | [`text`] | text cut to a length |
//! | [`panics`] | panics that are logged and caught without their message |

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

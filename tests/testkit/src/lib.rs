//! Support code shared by the test suites of all crates.
//!
//! - [`process`]: a program under test as a child process;
//! - [`client`]: HTTP over TCP, TLS and Unix sockets, byte for byte;
//! - [`fault`]: a server that fails chosen requests and records all of them;
//! - [`api_server`]: such a server with objects in memory, as a small Kubernetes API server;
//! - [`wait`]: waiting for conditions, never for time.
//!
//! Its functions panic where a test should fail: when a wait times out, or a response is not the expected one.
//!
//! It depends on none of the programs, so that every crate can use it in its tests.

pub mod api_server;
pub mod client;
pub mod fault;
pub mod process;
pub mod wait;

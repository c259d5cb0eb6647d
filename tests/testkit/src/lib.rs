//! Support code shared by the test suites of all crates.
//!
//! - [`process`]: a program under test as a child process;
//! - [`client`]: an HTTP client over TCP, TLS and Unix sockets that sends exact bytes;
//! - [`fault`]: a server that applies faults to chosen requests and records all requests;
//! - [`api_server`]: a [`fault`] server that is a small Kubernetes API server, with its objects in memory;
//! - [`collector`]: a [`fault`] server that is a trace collector;
//! - [`markdown`]: the code blocks of a Markdown page;
//! - [`wait`]: functions that wait for a condition, with a time limit.
//!
//! The functions panic to fail a test, for instance if a wait times out or a response is unexpected.
//!
//! This crate depends on none of the programs, so that every crate can use it in its tests.

pub mod api_server;
pub mod client;
pub mod collector;
pub mod fault;
pub mod markdown;
pub mod process;
pub mod wait;

//! An HTTP server bounded in connections, headers, bodies and time.
//!
//! | module | holds |
//! | --- | --- |
//! | [`limits`] | the bounds as flags |
//! | [`server`] | addresses and connections |
//! | [`body`] | bodies of requests, and the memory for all of them together |
//! | `header_timeout` | how long a client may take for a header |

pub mod body;
mod header_timeout;
pub mod limits;
pub mod server;

pub use body::{Bodies, Body, BodyError};
pub use limits::Limits;
pub use server::{BindError, Server, Tcp, bind};

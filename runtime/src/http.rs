//! An HTTP server with limits on connections, headers, bodies and time.
//!
//! | module | content |
//! | --- | --- |
//! | [`limits`] | the limits, as command-line flags |
//! | [`server`] | the server itself: listens, and serves connections |
//! | [`body`] | request bodies, and the memory available to all of them |
//! | [`frames`] | response bodies that share their bytes with other responses |
//! | `header_timeout` | the time limit for a request header |
//! | `write_timeout` | the time limit for each part of a response |

pub mod body;
pub mod frames;
mod header_timeout;
pub mod limits;
pub mod server;
mod write_timeout;

pub use body::{Bodies, Body, BodyError, Share};
pub use frames::{Frames, Held};
pub use limits::Limits;
pub use server::{BindError, Server, Tcp, Unix, bind, unix};
pub use write_timeout::WRITE_TIMEOUT;

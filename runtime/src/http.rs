//! An HTTP server with limits on connections, headers, bodies and time.
//!
//! | module | holds |
//! | --- | --- |
//! | [`limits`] | the limits as flags |
//! | [`server`] | addresses and connections |
//! | [`body`] | bodies of requests, and the memory for all of them together |
//! | [`frames`] | a response of shared bytes |
//! | `header_timeout` | the time limit of a header |
//! | `write_timeout` | the time limit of a part of a response |

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

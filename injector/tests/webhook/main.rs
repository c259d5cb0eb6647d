//! The webhook as a process, called as an API server would: with TLS, and real reviews.

mod bounds;
mod command_line;
mod ending;
mod events;
mod files;
mod given;
mod hostile;
mod load;
mod managed;
mod reviews;
mod rotation;
mod support;

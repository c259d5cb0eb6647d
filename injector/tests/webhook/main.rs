//! The webhook as a process, spoken to as an API server would: by TLS, with real reviews.

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

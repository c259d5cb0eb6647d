//! Tests of the webhook process, which is called as an API server calls it: with TLS and real reviews.

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

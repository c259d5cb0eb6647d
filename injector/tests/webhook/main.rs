//! Tests for the webhook process. The tests send real reviews over TLS, as an API server does.

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

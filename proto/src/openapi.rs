//! The OpenAPI document for the sidecar's HTTP API.
//!
//! A test generates the document from the message types and a table of routes, and compares it with `openapi.json`. To update
//! the file: `GLEANER_UPDATE_OPENAPI=1 cargo test -p gleaner-proto openapi`.

/// The OpenAPI 3.1 document, as JSON.
pub const DOCUMENT: &str = include_str!("openapi.json");

#[cfg(test)]
mod tests;

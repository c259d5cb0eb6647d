//! The limits of an HTTP server, as command-line flags.

use std::time::Duration;

use clap::Args;
use gleaner_proto::{duration, size};

/// The limits of an HTTP server, as flags that a program flattens into its own flags. The program can change a default or a help
/// text with `#[command(mut_arg("max_body", |arg| arg.default_value("4Mi")))]`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Bounds")]
#[group(skip)]
pub struct Limits {
    /// Maximum size of a request body
    #[arg(long, env = "GLEANER_MAX_BODY", default_value = "64Mi", value_parser = bytes)]
    pub max_body: usize,
    /// Maximum number of concurrent connections on each socket
    #[arg(long, env = "GLEANER_MAX_CONNECTIONS", default_value = "128")]
    pub max_connections: usize,
    /// Maximum time from the first byte of a request to the end of its header
    #[arg(long, env = "GLEANER_HEADER_TIMEOUT", default_value = "5s", value_parser = duration::parse)]
    pub header_timeout: Duration,
    /// Maximum time for receiving a body
    #[arg(long, env = "GLEANER_BODY_TIMEOUT", default_value = "30s", value_parser = duration::parse)]
    pub body_timeout: Duration,
}

/// Parses a size in bytes, such as `64Mi`, for a flag.
///
/// # Errors
/// Fails if the text is not a valid size, or the size does not fit into a `usize`.
pub fn bytes(text: &str) -> Result<usize, String> {
    let bytes = size::parse(text).map_err(|error| error.to_string())?;
    usize::try_from(bytes)
        .map_err(|_| format!("'{text}' exceeds the address space of this machine"))
}

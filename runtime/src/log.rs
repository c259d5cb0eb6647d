//! Structured logs on stderr.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// Level and format of the log, as flags.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Log")]
#[group(skip)]
pub struct Log {
    /// How much is logged: error, warn, info, debug or trace
    #[arg(long, env = "GLEANER_LOG_LEVEL", default_value = "info")]
    log_level: LevelFilter,
    /// How it is written
    #[arg(long, env = "GLEANER_LOG_FORMAT", value_enum, default_value = "auto")]
    log_format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// JSON, unless stderr is a terminal
    Auto,
    /// One JSON object a line
    Json,
    /// For people
    Text,
}

impl Log {
    /// Starts logging to stderr. A second call in one process changes nothing.
    pub fn start(&self) {
        let terminal = std::io::stderr().is_terminal();
        let json = match self.log_format {
            Format::Auto => !terminal,
            Format::Json => true,
            Format::Text => false,
        };
        let layer = fmt::layer().with_writer(std::io::stderr).with_target(false);
        let layer = if json {
            layer.json().flatten_event(true).boxed()
        } else {
            layer.with_ansi(terminal).boxed()
        };
        // The client logs whole responses that it cannot parse: a Secret could be among them.
        let filter = Targets::new()
            .with_default(self.log_level)
            .with_target("kube_client", LevelFilter::OFF);
        let _ = tracing_subscriber::registry()
            .with(layer.with_filter(filter))
            .try_init();
    }
}

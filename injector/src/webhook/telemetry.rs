//! Logs: one line for each decision. Names, never objects.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// How much is logged, and how.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Log")]
pub struct Log {
    /// How much is logged: error, warn, info, debug or trace
    #[arg(long, env = "GLEANER_LOG_LEVEL", default_value = "info")]
    log_level: LevelFilter,
    /// How it is written
    #[arg(long, env = "GLEANER_LOG_FORMAT", value_enum, default_value = "auto")]
    log_format: LogFormat,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// JSON, unless stderr is a terminal
    Auto,
    /// One JSON object a line
    Json,
    /// For people
    Text,
}

/// Begins logging to stderr. A second call in one process changes nothing.
pub fn start(log: &Log) {
    let terminal = std::io::stderr().is_terminal();
    let json = match log.log_format {
        LogFormat::Auto => !terminal,
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let layer = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let layer = if json {
        layer.json().flatten_event(true).boxed()
    } else {
        layer.with_ansi(terminal).boxed()
    };
    // The client logs whole answers of the API server when it cannot read them: the Secret of the certificates could be
    // among them.
    let filter = Targets::new()
        .with_default(log.log_level)
        .with_target("kube_client", LevelFilter::OFF);
    let _ = tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .try_init();
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

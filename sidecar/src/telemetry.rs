//! Logs: the story of a run in under ten lines. Sizes and names, never values.

use std::io::IsTerminal;

use clap::Args;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::config::LogFormat;

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
    // The client logs whole answers of the API server when it cannot read them: a Secret could be among them.
    let filter = Targets::new()
        .with_default(log.log_level)
        .with_target("kube_client", LevelFilter::OFF);
    let _ = tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .try_init();
}

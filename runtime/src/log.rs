//! Structured logs on stderr.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// The level and format of the log, as command-line flags.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Log")]
#[group(skip)]
pub struct Log {
    /// Log level: error, warn, info, debug or trace
    #[arg(long, env = "GLEANER_LOG_LEVEL", default_value = "info")]
    log_level: LevelFilter,
    /// Log format
    #[arg(long, env = "GLEANER_LOG_FORMAT", value_enum, default_value = "auto")]
    log_format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// JSON, unless stderr is a terminal
    Auto,
    /// One JSON object per line
    Json,
    /// For users
    Text,
}

impl Log {
    /// Starts logging to stderr. Later calls in the same process have no effect.
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
        let _ = tracing_subscriber::registry()
            .with(layer.with_filter(filter(self.log_level)))
            .try_init();
    }
}

/// Allows Gleaner's own events at `level` and above. Events of dependencies are always suppressed if their level is below `info`,
/// because they contain HTTP headers and frames. All events of the Kubernetes client are suppressed, because the client logs
/// responses that it cannot parse, and a response may contain a Secret.
fn filter(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(LevelFilter::INFO))
        .with_target("gleaner", level)
        .with_target("kube_client", LevelFilter::OFF)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn dependencies_log_nothing_below_info() {
        let filter = filter(LevelFilter::TRACE);
        assert!(filter.would_enable("gleaner_sidecar::journal", &Level::TRACE));
        assert!(filter.would_enable("hyper", &Level::INFO));
        for target in ["hyper::proto::h1", "h2::frame", "rustls", "tower::buffer"] {
            assert!(!filter.would_enable(target, &Level::DEBUG), "{target}");
        }
        assert!(!filter.would_enable("kube_client::client", &Level::ERROR));
        let quiet = super::filter(LevelFilter::WARN);
        assert!(!quiet.would_enable("hyper", &Level::INFO));
        assert!(!quiet.would_enable("gleaner_sidecar", &Level::INFO));
    }
}

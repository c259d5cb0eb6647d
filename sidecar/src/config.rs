//! The sidecar's command line. Every flag can also be given as an environment variable.

mod input;
mod memory;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser};
use gleaner_proto::{duration, path, traces};
use gleaner_runtime::api_server::Access;
use gleaner_runtime::{http, log};

pub use input::{Input, InputError};
pub use memory::Memory;

/// Collects the outputs of a task's steps and creates Kubernetes resources from them.
///
/// Runs next to the steps of one TaskRun. It listens on a Unix socket for each step and on a loopback address for
/// curl; GET / shows its state.
#[derive(Debug, Clone, Parser)]
#[command(name = "gleaner-sidecar", version, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Exit codes: 0 shut down by SIGTERM or SIGINT, 64 the command line is wrong, 73 the API server's address or credentials are \
missing, 78 the declaration is wrong, 1 anything else (a damaged journal, an address in use).")]
pub struct Config {
    /// Subcommand; without one, the sidecar serves.
    #[command(subcommand)]
    pub(crate) subcommand: Option<Subcommand>,
    #[command(flatten)]
    pub(crate) input: Input,
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) cluster: Cluster,
    #[command(flatten)]
    pub(crate) tracing: Tracing,
    #[command(flatten)]
    pub(crate) log: log::Log,
}

/// A subcommand that does not serve the API.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Subcommand {
    /// Wait until the sidecar of this container is ready.
    ///
    /// For a postStart hook or an exec probe: exits with 0 as soon as /readyz returns 200 on the sidecar's own socket,
    /// and with 1 at the time limit.
    Ready(Ready),
}

/// Flags of the wait for the sidecar.
#[derive(Debug, Clone, Args)]
pub struct Ready {
    /// The directory with one directory per step
    #[arg(long, env = "GLEANER_RUN_DIR", default_value = path::RUN)]
    pub(crate) run_dir: PathBuf,
    /// Time limit
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration::parse)]
    pub(crate) wait: Duration,
}

/// The sidecar's addresses and directories.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Places")]
pub struct Place {
    /// The directory with one directory per step, each with that step's socket and token
    #[arg(long, env = "GLEANER_RUN_DIR", default_value = path::RUN)]
    pub(crate) run_dir: PathBuf,
    /// The directory of the journal
    #[arg(long, env = "GLEANER_STATE_DIR", default_value = path::STATE)]
    pub(crate) state_dir: PathBuf,
    /// The loopback address for curl and port-forward; port 0 takes a free one, which is logged
    #[arg(long, env = "GLEANER_LISTEN", default_value = path::LOOPBACK)]
    pub(crate) listen: SocketAddr,
    /// The redirector to copy for the steps
    #[arg(long, env = "GLEANER_REDIRECTOR", requires = "install_redirector")]
    pub(crate) redirector: Option<PathBuf>,
    /// The sidecar's address for the steps
    #[arg(long, env = "GLEANER_INSTALL_REDIRECTOR", requires = "redirector")]
    pub(crate) install_redirector: Option<PathBuf>,
}

/// Limits on client requests.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Bounds")]
#[command(mut_arg("header_timeout", |arg| arg.help("Longest time from connecting to the end of the header")))]
#[command(mut_arg("max_connections", |arg| arg.default_value("64")))]
#[command(mut_arg("max_body", |arg| arg.default_value("0").hide_default_value(true).help(MAX_BODY)))]
pub struct Limits {
    #[command(flatten)]
    pub(crate) http: http::Limits,
    /// The memory limit from which all memory bounds are derived, such as 128Mi; by default that of the cgroup
    #[arg(long, env = "GLEANER_MEMORY_LIMIT", value_parser = http::limits::bytes)]
    pub(crate) memory_limit: Option<usize>,
    /// Maximum memory for all accepted outputs together; by default derived from the memory limit
    #[arg(long, env = "GLEANER_MAX_OUTPUTS", value_parser = http::limits::bytes)]
    pub(crate) max_outputs: Option<usize>,
    /// Longest time for a client to read 64 KiB of a response, or the rest of it
    #[arg(long, env = "GLEANER_WRITE_TIMEOUT", default_value = "10s", value_parser = duration::parse)]
    pub(crate) write_timeout: Duration,
    /// Maximum number of JSON values in a request, including keys
    #[arg(long, env = "GLEANER_MAX_VALUES", default_value_t = 100_000)]
    pub(crate) max_values: usize,
    /// Deepest nesting of arrays and objects in a request
    #[arg(long, env = "GLEANER_MAX_DEPTH", default_value_t = 64, value_parser = depth)]
    pub(crate) max_depth: usize,
    /// Longest wait that a GET may request with ?wait=
    #[arg(long, env = "GLEANER_MAX_WAIT", default_value = "5m", value_parser = duration::parse)]
    pub(crate) max_wait: Duration,
    /// Longest time for requests in progress at SIGTERM
    #[arg(long, env = "GLEANER_SHUTDOWN_GRACE", default_value = "25s", value_parser = duration::parse)]
    pub(crate) shutdown_grace: Duration,
}

/// The help text of `--max-body`.
const MAX_BODY: &str = "Largest request body; by default derived from the memory limit";

impl Limits {
    /// Returns the largest body, if it was given.
    pub(crate) fn max_body(&self) -> Option<usize> {
        Some(self.http.max_body).filter(|bytes| *bytes > 0)
    }

    /// Returns the memory bounds for a run with this many steps.
    pub(crate) fn memory(&self, steps: usize) -> Memory {
        let given = self.memory_limit.map(|bytes| bytes as u64);
        Memory::new(given.or_else(memory::limit), self, steps)
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn for_tests(flags: &[&str]) -> Self {
        #[derive(Parser)]
        struct Flags {
            #[command(flatten)]
            limits: Limits,
        }
        Flags::parse_from([&["limits"], flags].concat()).limits
    }
}

/// Access to the API server, and its time limit.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "API server")]
pub struct Cluster {
    #[command(flatten)]
    pub(crate) access: Access,
    /// Time limit of all requests to the API server except waitFor
    #[arg(long, env = "GLEANER_SUBMIT_DEADLINE", default_value = "60s", value_parser = duration::parse)]
    pub(crate) submit_deadline: Duration,
}

/// Export of the run's trace. Any text is accepted, because traces must not fail a run.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Traces")]
pub struct Tracing {
    /// The URL that receives the run's spans as OTLP over HTTP (JSON), such as http://collector:4318/v1/traces; without
    /// it, there are no traces
    #[arg(long, env = traces::ENDPOINT, value_name = "URL", default_value = "", hide_default_value = true)]
    pub(crate) traces_endpoint: String,
    /// The span that the run is a part of, as in Tekton's annotation tekton.dev/taskrunSpanContext:
    /// {"traceparent": "..."}
    #[arg(long, env = traces::SPAN_CONTEXT, value_name = "JSON", default_value = "", hide_default_value = true)]
    pub(crate) span_context: String,
    /// The name of the pod, for the spans
    #[arg(long, env = traces::POD_NAME, default_value = "", hide_default_value = true)]
    pub(crate) pod_name: String,
}

/// Parses a depth. Accepted messages must be readable when the journal is replayed; the parser's own limit is 128
/// levels.
fn depth(text: &str) -> Result<usize, String> {
    let levels = text
        .parse()
        .ok()
        .filter(|levels| (1..=100).contains(levels));
    levels.ok_or_else(|| format!("invalid depth '{text}': use 1 to 100"))
}

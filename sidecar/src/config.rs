//! The sidecar's command line. Most flags can also be set by an environment variable.

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
/// Runs next to the steps of one TaskRun or pod. It listens on one Unix socket per step, and on a loopback address for tools
/// such as curl. GET / shows the state of the run.
#[derive(Debug, Clone, Parser)]
#[command(name = "gleaner-sidecar", version, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Exit codes: 0 shut down by SIGTERM or SIGINT, 64 the command line is wrong, 73 the API server's address or credentials are \
missing, 78 the declaration is invalid, 1 any other error, such as a damaged journal or an address in use.")]
pub struct Config {
    /// The subcommand. Without a subcommand, the sidecar serves the API.
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
    /// Wait until the sidecar in this container is ready.
    ///
    /// Use this command as a postStart hook or an exec probe. It exits with 0 as soon as /readyz returns 200 on the sidecar's own socket,
    /// and with 1 if the time limit passes first.
    Ready(Ready),
}

/// The flags of the subcommand `ready`.
#[derive(Debug, Clone, Args)]
pub struct Ready {
    /// Directory that contains one directory per step
    #[arg(long, env = "GLEANER_RUN_DIR", default_value = path::RUN)]
    pub(crate) run_dir: PathBuf,
    /// Maximum time to wait
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration::parse)]
    pub(crate) wait: Duration,
}

/// The sidecar's paths and its loopback address.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Places")]
pub struct Place {
    /// Directory that contains one directory per step, with the step's socket and token
    #[arg(long, env = "GLEANER_RUN_DIR", default_value = path::RUN)]
    pub(crate) run_dir: PathBuf,
    /// Directory of the journal
    #[arg(long, env = "GLEANER_STATE_DIR", default_value = path::STATE)]
    pub(crate) state_dir: PathBuf,
    /// Loopback address for curl and port-forward; port 0 selects a free port, which is logged
    #[arg(long, env = "GLEANER_LISTEN", default_value = path::LOOPBACK)]
    pub(crate) listen: SocketAddr,
    /// File to which the listen address is written, for a caller that passes port 0
    #[arg(long, value_name = "FILE")]
    pub(crate) address_file: Option<PathBuf>,
    /// Path of the redirector to copy
    #[arg(long, env = "GLEANER_REDIRECTOR", requires = "install_redirector")]
    pub(crate) redirector: Option<PathBuf>,
    /// Path to which the redirector is copied for the steps
    #[arg(long, env = "GLEANER_INSTALL_REDIRECTOR", requires = "redirector")]
    pub(crate) install_redirector: Option<PathBuf>,
}

/// Limits on client requests.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Bounds")]
#[command(mut_arg("header_timeout", |arg| arg.help(HEADER_TIMEOUT)))]
#[command(mut_arg("max_connections", |arg| arg.default_value("64")))]
#[command(mut_arg("max_body", |arg| arg.default_value("0").hide_default_value(true).help(MAX_BODY)))]
pub struct Limits {
    #[command(flatten)]
    pub(crate) http: http::Limits,
    /// Memory limit from which all memory bounds are derived, such as 128Mi; by default the cgroup's limit
    #[arg(long, env = "GLEANER_MEMORY_LIMIT", value_parser = http::limits::bytes)]
    pub(crate) memory_limit: Option<usize>,
    /// Maximum total memory for accepted outputs; by default derived from the memory limit
    #[arg(long, env = "GLEANER_MAX_OUTPUTS", value_parser = http::limits::bytes)]
    pub(crate) max_outputs: Option<usize>,
    /// Maximum time for a client to read each 64 KiB of a response
    #[arg(long, env = "GLEANER_WRITE_TIMEOUT", default_value = "10s", value_parser = duration::parse)]
    pub(crate) write_timeout: Duration,
    /// Maximum number of JSON values in a request, including keys
    #[arg(long, env = "GLEANER_MAX_VALUES", default_value_t = 100_000)]
    pub(crate) max_values: usize,
    /// Maximum nesting depth of arrays and objects in a request
    #[arg(long, env = "GLEANER_MAX_DEPTH", default_value_t = 64, value_parser = depth)]
    pub(crate) max_depth: usize,
    /// Maximum value of ?wait= in a GET request
    #[arg(long, env = "GLEANER_MAX_WAIT", default_value = "5m", value_parser = duration::parse)]
    pub(crate) max_wait: Duration,
    /// Maximum time after SIGTERM to complete pending requests and the submission
    #[arg(long, env = "GLEANER_SHUTDOWN_GRACE", default_value = "25s", value_parser = duration::parse)]
    pub(crate) shutdown_grace: Duration,
}

/// The help text of `--header-timeout`.
const HEADER_TIMEOUT: &str =
    "Maximum time between the start of a connection and the end of the request header";
/// The help text of `--max-body`.
const MAX_BODY: &str = "Maximum size of a request body; by default derived from the memory limit";

impl Limits {
    /// Returns the maximum body size, if the flag was specified.
    pub(crate) fn max_body(&self) -> Option<usize> {
        Some(self.http.max_body).filter(|bytes| *bytes > 0)
    }

    /// Returns the memory bounds for a run with `steps` steps.
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

/// The access to the API server, and the time limit for requests to it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "API server")]
pub struct Cluster {
    #[command(flatten)]
    pub(crate) access: Access,
    /// Total time limit for a submission's requests to the API server, not including waitFor
    #[arg(long, env = "GLEANER_SUBMIT_DEADLINE", default_value = "60s", value_parser = duration::parse)]
    pub(crate) submit_deadline: Duration,
}

/// The settings for exporting the run's trace. They accept any text, because an invalid setting must not fail the run.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Traces")]
pub struct Tracing {
    /// URL to which to export the run's trace as OTLP over HTTP (JSON), such as http://collector:4318/v1/traces; if omitted,
    /// the sidecar does not export a trace
    #[arg(long, env = traces::ENDPOINT, value_name = "URL", default_value = "", hide_default_value = true)]
    pub(crate) traces_endpoint: String,
    /// Context of the parent span, in the form of Tekton's annotation tekton.dev/taskrunSpanContext: {"traceparent": "..."}
    #[arg(long, env = traces::SPAN_CONTEXT, value_name = "JSON", default_value = "", hide_default_value = true)]
    pub(crate) span_context: String,
    /// Name of the pod, which is exported with the trace
    #[arg(long, env = traces::POD_NAME, default_value = "", hide_default_value = true)]
    pub(crate) pod_name: String,
}

/// Parses a nesting depth. The maximum is 100, because the JSON parser, which also reads the journal, is limited to 128 levels.
fn depth(text: &str) -> Result<usize, String> {
    let levels = text
        .parse()
        .ok()
        .filter(|levels| (1..=100).contains(levels));
    levels.ok_or_else(|| format!("invalid depth '{text}': use 1 to 100"))
}

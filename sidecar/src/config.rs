//! The sidecar's command line. Every flag can also be given as an environment variable.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use clap::{Args, Parser, ValueEnum};
use gleaner_proto::declaration::{Declaration, Scope};
use gleaner_proto::diagnostic::Diagnostic;
use gleaner_proto::{StepName, duration, path, size};
use serde_json::Value;

use crate::rendering::Values;
use crate::run::{Ownership, Run};

/// Collects what a task's steps leave behind and turns it into Kubernetes resources.
///
/// Runs beside the steps of one TaskRun. It listens on a Unix socket for each step and on a loopback address for
/// curl; GET / shows what it knows.
#[derive(Debug, Clone, Parser)]
#[command(name = "gleaner-sidecar", version, max_term_width = 100)]
#[command(after_help = "\
Exit codes: 0 ended by SIGTERM or SIGINT, 64 the command line is wrong, 73 the API server's address or credentials are \
not to be had, 78 the declaration is wrong, 1 anything else (a damaged journal, an address in use).")]
pub struct Config {
    #[command(flatten)]
    pub(crate) input: Input,
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) cluster: Cluster,
    #[command(flatten)]
    pub(crate) log: crate::telemetry::Log,
}

/// What is to be collected, and for whom.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The run")]
pub struct Input {
    /// The declaration, base64-encoded (nothing on the way to a container expands that)
    #[arg(
        long,
        env = "GLEANER_DECLARATION",
        hide_env_values = true,
        required_unless_present = "declaration_file"
    )]
    declaration: Option<String>,
    /// The declaration, in a file
    #[arg(long, env = "GLEANER_DECLARATION_FILE", conflicts_with = "declaration")]
    declaration_file: Option<PathBuf>,
    /// A step that may speak; steps with declared outputs are known already
    #[arg(long = "step", value_name = "NAME")]
    steps: Vec<StepName>,
    /// A parameter of type string
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    params: Vec<(String, String)>,
    /// A parameter of type array or object
    #[arg(long = "param-json", value_name = "NAME=JSON", value_parser = json_pair)]
    json_params: Vec<(String, Value)>,
    /// A value of $(context.NAME), such as taskRun.name, taskRun.uid, taskRun.namespace, task.name, pipelineRun.uid
    #[arg(long = "context", value_name = "NAME=VALUE", value_parser = pair)]
    context: Vec<(String, String)>,
    /// A further label for what is created
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    labels: Vec<(String, String)>,
    /// Leave out owner references, where no run exists in the cluster
    #[arg(long, env = "GLEANER_NO_OWNER")]
    no_owner: bool,
}

/// Where the sidecar is found, and where it keeps things.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Places")]
pub struct Place {
    /// The folder with one folder per step, each with that step's socket and token
    #[arg(long, env = "GLEANER_RUN_DIR", default_value = path::RUN)]
    pub(crate) run_dir: PathBuf,
    /// The folder of the journal
    #[arg(long, env = "GLEANER_STATE_DIR", default_value = path::STATE)]
    pub(crate) state_dir: PathBuf,
    /// The loopback address for curl and port-forward; port 0 takes a free one, which is logged
    #[arg(long, env = "GLEANER_LISTEN", default_value = path::LOOPBACK)]
    pub(crate) listen: SocketAddr,
    /// The redirector to copy for the steps
    #[arg(long, env = "GLEANER_REDIRECTOR", requires = "install_redirector")]
    pub(crate) redirector: Option<PathBuf>,
    /// Where the steps find it
    #[arg(long, env = "GLEANER_INSTALL_REDIRECTOR", requires = "redirector")]
    pub(crate) install_redirector: Option<PathBuf>,
}

/// Bounds of what a client may ask for.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Bounds")]
pub struct Limits {
    /// Largest body of a request
    #[arg(long, env = "GLEANER_MAX_BODY", default_value = "64Mi", value_parser = bytes)]
    pub(crate) max_body: usize,
    /// Most JSON values in a request, keys included
    #[arg(long, env = "GLEANER_MAX_VALUES", default_value_t = 100_000)]
    pub(crate) max_values: usize,
    /// Deepest nesting of arrays and objects in a request
    #[arg(long, env = "GLEANER_MAX_DEPTH", default_value_t = 64, value_parser = depth)]
    pub(crate) max_depth: usize,
    /// Most connections at once on each socket
    #[arg(long, env = "GLEANER_MAX_CONNECTIONS", default_value_t = 128)]
    pub(crate) max_connections: usize,
    /// Longest time from connecting to the end of the header
    #[arg(long, env = "GLEANER_HEADER_TIMEOUT", default_value = "5s", value_parser = duration::parse)]
    pub(crate) header_timeout: Duration,
    /// Longest time for a body
    #[arg(long, env = "GLEANER_BODY_TIMEOUT", default_value = "30s", value_parser = duration::parse)]
    pub(crate) body_timeout: Duration,
    /// Longest wait that a GET may ask for with ?wait=
    #[arg(long, env = "GLEANER_MAX_WAIT", default_value = "5m", value_parser = duration::parse)]
    pub(crate) max_wait: Duration,
    /// How long requests that are under way at SIGTERM may take to end
    #[arg(long, env = "GLEANER_SHUTDOWN_GRACE", default_value = "25s", value_parser = duration::parse)]
    pub(crate) shutdown_grace: Duration,
}

/// How the API server is reached.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "API server")]
pub struct Cluster {
    /// A plain address, instead of the pod's own ServiceAccount
    #[arg(long, env = "GLEANER_API_SERVER", conflicts_with = "kubeconfig")]
    pub(crate) api_server: Option<String>,
    /// A kubeconfig file, instead of the pod's own ServiceAccount
    #[arg(long, env = "GLEANER_KUBECONFIG")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig file
    #[arg(long, env = "GLEANER_KUBE_CONTEXT", requires = "kubeconfig")]
    pub(crate) kube_context: Option<String>,
    /// How long the API server may take for everything but waitFor
    #[arg(long, env = "GLEANER_SUBMIT_DEADLINE", default_value = "60s", value_parser = duration::parse)]
    pub(crate) submit_deadline: Duration,
    /// How long one request to the API server may take
    #[arg(long, env = "GLEANER_REQUEST_TIMEOUT", default_value = "10s", value_parser = duration::parse)]
    pub(crate) request_timeout: Duration,
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

/// Why the input cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file cannot be read.
    #[error("the declaration {path} cannot be read")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The flag is no base64 of UTF-8.
    #[error("--declaration is no base64-encoded text")]
    Encoding,
    /// The declaration is wrong; everything that is, with its place.
    #[error("the declaration is wrong:{}", .0.iter().map(|diagnostic| format!("\n  {diagnostic}")).collect::<String>())]
    Declaration(Vec<Diagnostic>),
}

impl Input {
    /// The declaration, read and checked, and the text that it came from.
    ///
    /// # Errors
    /// See [`InputError`].
    pub fn declaration(&self) -> Result<(Declaration, String), InputError> {
        let text = match (&self.declaration_file, &self.declaration) {
            (Some(path), _) => {
                let error = |source| InputError::File {
                    path: path.clone(),
                    source,
                };
                std::fs::read_to_string(path).map_err(error)?
            }
            (None, declaration) => {
                let encoded = declaration.as_deref().unwrap_or_default();
                let bytes = base64::engine::general_purpose::STANDARD.decode(encoded);
                let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
                text.ok_or(InputError::Encoding)?
            }
        };
        let declaration =
            Declaration::parse(&text, &Scope::default()).map_err(InputError::Declaration)?;
        Ok((declaration, text))
    }

    /// The parameters.
    pub fn values(&self) -> Values {
        let texts = self
            .params
            .iter()
            .map(|(name, text)| (name.clone(), Value::from(text.as_str())));
        let params = texts.chain(self.json_params.iter().cloned()).collect();
        Values {
            params,
            ..Values::default()
        }
    }

    /// The run.
    pub fn run(&self) -> Run {
        let map = |pairs: &[(String, String)]| pairs.iter().cloned().collect::<BTreeMap<_, _>>();
        let ownership = if self.no_owner {
            Ownership::Nobody
        } else {
            Ownership::Run
        };
        Run {
            context: map(&self.context),
            labels: map(&self.labels),
            ownership,
            secret_key: None,
        }
    }

    /// Further steps that may speak.
    pub fn steps(&self) -> impl Iterator<Item = StepName> {
        self.steps.iter().cloned()
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

fn json_pair(text: &str) -> Result<(String, Value), String> {
    let (name, json) = pair(text)?;
    let value =
        serde_json::from_str(&json).map_err(|error| format!("the value is no JSON: {error}"))?;
    Ok((name, value))
}

/// What is accepted must be readable when the journal is replayed; the parser's own bound is 128 levels.
fn depth(text: &str) -> Result<usize, String> {
    let levels = text
        .parse()
        .ok()
        .filter(|levels| (1..=100).contains(levels));
    levels.ok_or_else(|| format!("'{text}' is no depth between 1 and 100"))
}

fn bytes(text: &str) -> Result<usize, String> {
    let bytes = size::parse(text).map_err(|error| error.to_string())?;
    usize::try_from(bytes).map_err(|_| format!("'{text}' is more than this machine can address"))
}

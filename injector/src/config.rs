//! The injector's command line. Every flag can also be set by an environment variable.

mod tls;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{ArgGroup, Args, Parser, ValueEnum};
use gleaner_core::declaration::KindPattern;
use gleaner_core::inject::quantity;
use gleaner_core::inject::settings::{self, PullPolicy, Resources, Settings, Sidecars};
use gleaner_proto::{duration, traces};
use gleaner_runtime::api_server::Access;
use gleaner_runtime::http::{self, Server};
use gleaner_runtime::log::Log;

pub(crate) use tls::Source;
pub use tls::Tls;

/// The maximum size of a request header, in bytes.
const HEADER_BYTES: usize = 16 << 10;

/// Injects Gleaner into Tasks and pods when they are created.
///
/// The injector is an admission webhook: the API server calls it for each Task, Pipeline, run and pod that has the annotation
/// gleaner.dev/outputs. It responds with the changes, or with all errors in the declaration. It serves POST /mutate/tekton and
/// POST /mutate/pods with TLS, and /livez, /readyz and /metrics as plain HTTP.
///
/// The injector reads the certificate from files (--tls-cert, --tls-key, --tls-ca) that cert-manager or you provide, and reads
/// them again when they change. Alternatively, it creates and renews a certificate itself, and stores it in a Secret that all
/// replicas share (--tls-secret, --service). With --tls-ca or --tls-secret, the injector writes the CA into the webhook
/// configuration (--webhook-configuration) before it serves a certificate. Without these flags, you must set the caBundle.
#[derive(Debug, Clone, Parser)]
#[command(name = "gleaner-injector", version, max_term_width = 100)]
#[command(group = ArgGroup::new("certificate").args(["tls_cert", "tls_secret"]).required(true))]
#[command(after_help = "\
Exit codes: 0 shut down by SIGTERM or SIGINT, 64 the command line is wrong, 73 the API server's address or credentials are \
missing, 78 the certificate in the files cannot be used, 1 any other error, such as an address in use.

Permissions: create Events (events.k8s.io) everywhere, unless --no-events; get and patch the MutatingWebhookConfiguration \
of --webhook-configuration; with --tls-secret also get and update that Secret (and create Secrets in its namespace, unless it \
exists).

Examples:
  gleaner-injector --image registry.example/gleaner:1 \\
    --tls-secret gleaner/injector-tls --service injector --webhook-configuration gleaner
  gleaner-injector --image registry.example/gleaner:1 \\
    --tls-cert /tls/tls.crt --tls-key /tls/tls.key --tls-ca /tls/ca.crt \\
    --webhook-configuration gleaner")]
pub struct Config {
    #[command(flatten)]
    pub(crate) serving: Serving,
    #[command(flatten)]
    pub(crate) pods: Pods,
    #[command(flatten)]
    pub(crate) tls: Tls,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) cluster: Cluster,
    #[command(flatten)]
    pub(crate) log: Log,
}

/// The addresses on which the injector listens.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Addresses")]
pub struct Serving {
    /// Address of the webhook (TLS); port 0 selects a free port, which is logged. [::] listens on all addresses, including IPv4
    #[arg(long, env = "GLEANER_LISTEN", default_value = "[::]:8443")]
    pub(crate) listen: SocketAddr,
    /// Address of /livez, /readyz and /metrics (plain HTTP)
    #[arg(long, env = "GLEANER_HEALTH_LISTEN", default_value = "[::]:8080")]
    pub(crate) health_listen: SocketAddr,
}

/// Settings of the injected sidecar and redirector.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Injection into Tasks and pods")]
pub struct Pods {
    /// Image that contains the sidecar and the redirector
    #[arg(long, env = "GLEANER_IMAGE", value_parser = settings::image)]
    image: String,
    /// Pull policy of this image (default: the cluster's default)
    #[arg(long, env = "GLEANER_IMAGE_PULL_POLICY", value_parser = pull_policy())]
    image_pull_policy: Option<PullPolicy>,
    /// CPU request of the sidecar
    #[arg(long, env = "GLEANER_CPU_REQUEST", default_value = "10m", value_parser = quantity::parse)]
    cpu_request: String,
    /// CPU limit of the sidecar
    #[arg(long, env = "GLEANER_CPU_LIMIT", default_value = "500m", value_parser = quantity::parse)]
    cpu_limit: String,
    /// Memory request of the sidecar
    #[arg(long, env = "GLEANER_MEMORY_REQUEST", default_value = "16Mi", value_parser = quantity::parse)]
    memory_request: String,
    /// Memory limit of the sidecar
    #[arg(long, env = "GLEANER_MEMORY_LIMIT", default_value = "128Mi", value_parser = quantity::parse)]
    memory_limit: String,
    /// User ID of the sidecar (default: the user of the image, 65532)
    #[arg(long, env = "GLEANER_RUN_AS_USER", value_parser = clap::value_parser!(i64).range(1..=i64::from(u32::MAX >> 1)))]
    run_as_user: Option<i64>,
    /// Type of the sidecar; auto selects native sidecars if the API server's version is 1.29 or later
    #[arg(long, env = "GLEANER_SIDECARS", value_enum, default_value = "auto")]
    sidecars: SidecarChoice,
    /// Log level of the sidecar: error, warn, info, debug or trace (default: info)
    #[arg(long, env = "GLEANER_SIDECAR_LOG_LEVEL", value_parser = ["error", "warn", "info", "debug", "trace"])]
    sidecar_log_level: Option<String>,
    /// URL to which sidecars export traces as OTLP over HTTP, such as http://collector:4318/v1/traces; use the endpoint in
    /// Tekton's ConfigMap config-tracing. If omitted, sidecars do not export traces
    #[arg(long, env = "GLEANER_TRACES_ENDPOINT", value_name = "URL", value_parser = traces::endpoint)]
    traces_endpoint: Option<String>,
    /// Kind that declarations may create, as GROUP/KIND, such as apps/Deployment, core/ConfigMap or apps/*; may be specified
    /// several times. `*` allows every kind except those for RBAC, admission, API extension, tokens and certificates, which must
    /// be specified by name
    #[arg(
        long = "allow-kind",
        env = "GLEANER_ALLOW_KINDS",
        value_name = "GROUP/KIND",
        value_delimiter = ',',
        default_value = "*"
    )]
    kinds: Vec<KindPattern>,
}

/// Limits on client requests.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Bounds")]
#[command(mut_arg("max_body", |arg| arg.default_value("4Mi").help(MAX_BODY)))]
#[command(mut_arg("max_connections", |arg| arg.default_value("256").help("Maximum number of concurrent connections on each address")))]
#[command(mut_arg("body_timeout", |arg| arg.default_value("5s")))]
pub struct Limits {
    #[command(flatten)]
    pub(crate) http: http::Limits,
    /// Maximum duration of a TLS handshake
    #[arg(long, env = "GLEANER_HANDSHAKE_TIMEOUT", default_value = "5s", value_parser = duration::parse)]
    pub(crate) handshake_timeout: Duration,
    /// Maximum time to respond to a review. It should be shorter than the webhook's timeoutSeconds, so that the API server
    /// receives an error message. If the time is exceeded, the injector responds with status 504, and the API server
    /// applies the webhook's failurePolicy
    #[arg(long, env = "GLEANER_DECISION_TIMEOUT", default_value = "3s", value_parser = duration::parse)]
    pub(crate) decision_timeout: Duration,
    /// Maximum time for which a connection may be idle. It should be longer than the 90 s after which an API server closes an
    /// idle connection, because otherwise the injector may close the connection just as a review arrives
    #[arg(long, env = "GLEANER_IDLE_TIMEOUT", default_value = "2m", value_parser = duration::parse)]
    pub(crate) idle_timeout: Duration,
    /// Time after SIGTERM during which connections are still accepted, while /readyz fails and the Service removes this pod
    #[arg(long, env = "GLEANER_SHUTDOWN_DELAY", default_value = "5s", value_parser = duration::parse)]
    pub(crate) shutdown_delay: Duration,
    /// Maximum time after --shutdown-delay to complete reviews in progress
    #[arg(long, env = "GLEANER_SHUTDOWN_GRACE", default_value = "15s", value_parser = duration::parse)]
    pub(crate) shutdown_grace: Duration,
}

/// The help text of `--max-body`.
const MAX_BODY: &str = "Maximum size of an admission review; the default is enough for one that contains the old and the new version of the largest object that etcd accepts";

/// The flags for access to the API server, and for Events.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "API server")]
#[command(mut_arg("request_timeout", |arg| arg.default_value("5s")))]
pub struct Cluster {
    #[command(flatten)]
    pub(crate) access: Access,
    /// Do not create Events
    #[arg(long, env = "GLEANER_NO_EVENTS")]
    pub(crate) no_events: bool,
    /// Reporting instance in Events, normally the name of this pod
    #[arg(
        long,
        env = "HOSTNAME",
        hide_env_values = true,
        default_value = "gleaner-injector"
    )]
    pub(crate) instance: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SidecarChoice {
    /// Native sidecars if the cluster supports them
    Auto,
    /// Init containers with restartPolicy Always (Kubernetes 1.29 or later)
    Native,
    /// Tekton's sidecars
    Tekton,
}

// === impl Config ===

impl Config {
    /// Parses a command line, which begins with the program's name.
    ///
    /// # Errors
    /// Returns the error in the command line, or the requested help text.
    pub fn read(
        args: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, clap::Error> {
        let config = Self::try_parse_from(args)?;
        let checked = config.pods.resources().check_flags();
        checked.map_err(|message| clap::Error::raw(ErrorKind::ValueValidation, message + "\n"))?;
        Ok(config)
    }
}

// === impl Limits ===

impl Limits {
    /// Returns a server for `router` with these limits.
    pub(crate) fn server(&self, router: Router) -> Server {
        Server::new(router, &self.http, HEADER_BYTES, self.idle_timeout)
    }
}

// === impl Pods ===

impl Pods {
    /// Returns the type of the sidecar, or `None` if it depends on the API server's version.
    pub(crate) fn sidecars(&self) -> Option<Sidecars> {
        match self.sidecars {
            SidecarChoice::Auto => None,
            SidecarChoice::Native => Some(Sidecars::Native),
            SidecarChoice::Tekton => Some(Sidecars::Tekton),
        }
    }

    /// Returns the resource requests and limits of the sidecar.
    fn resources(&self) -> Resources {
        Resources {
            cpu_request: self.cpu_request.clone(),
            cpu_limit: self.cpu_limit.clone(),
            memory_request: self.memory_request.clone(),
            memory_limit: self.memory_limit.clone(),
        }
    }

    /// Returns the settings for injection into Tasks and pods.
    pub(crate) fn settings(self, sidecars: Sidecars) -> Settings {
        let resources = self.resources();
        let Self {
            image,
            image_pull_policy,
            run_as_user,
            sidecars: _,
            sidecar_log_level,
            traces_endpoint,
            kinds,
            ..
        } = self;
        Settings {
            image,
            image_pull_policy,
            resources,
            run_as_user,
            sidecars,
            log_level: sidecar_log_level,
            traces_endpoint,
            kinds: kinds.into_iter().collect(),
        }
    }
}

fn pull_policy() -> impl TypedValueParser<Value = PullPolicy> {
    let all = [
        PullPolicy::Always,
        PullPolicy::IfNotPresent,
        PullPolicy::Never,
    ];
    PossibleValuesParser::new(all.map(PullPolicy::as_str)).map(move |word| {
        let policy = all.into_iter().find(|policy| policy.as_str() == word);
        policy.expect("invariant: clap accepts only these values")
    })
}

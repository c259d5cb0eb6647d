//! The options of `gleaner inject`.

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use gleaner_core::inject::ResultsFrom;
use gleaner_core::inject::quantity;
use gleaner_core::inject::settings::{self, PullPolicy};
use gleaner_proto::traces;

use super::{Files, Form};

/// The image of this version. Only the release build sets the environment variable, because no image is published for other
/// builds.
const RELEASED_IMAGE: Option<&str> = option_env!("GLEANER_RELEASED_IMAGE");

#[derive(Debug, Args)]
#[command(after_help = INJECT_EXAMPLES)]
pub(crate) struct Inject {
    #[command(flatten)]
    pub(crate) files: Files,
    /// The Gleaner image, which contains the sidecar and the redirector. Released programs have a default; for other builds of
    /// gleaner, build the image with scripts/image.
    #[arg(
        long,
        value_name = "IMAGE",
        env = "GLEANER_IMAGE",
        default_value = RELEASED_IMAGE,
        required = RELEASED_IMAGE.is_none(),
        value_parser = settings::image
    )]
    pub(crate) image: String,
    /// Set the pull policy of the Gleaner image; by default, Kubernetes chooses the policy by the image's tag.
    #[arg(long, value_name = "POLICY", value_parser = pull_policy())]
    pub(crate) image_pull_policy: Option<PullPolicy>,
    /// Specify where Tekton reads results from; must match the cluster's feature flags results-from and
    /// enable-termination-message-compression.
    #[arg(long, value_name = "WAY", value_parser = results_from(), default_value = TERMINATION_MESSAGE)]
    pub(crate) results_from: ResultsFrom,
    /// Output format.
    #[arg(short = 'o', long = "format", value_name = "FORM", value_enum, default_value_t = Form::Yaml)]
    pub(crate) form: Form,
    /// Set the CPU request; defaults to 10m.
    #[arg(long, value_name = "QUANTITY", value_parser = quantity::parse, help_heading = "The sidecar")]
    pub(crate) cpu_request: Option<String>,
    /// Set the CPU limit; defaults to 500m.
    #[arg(long, value_name = "QUANTITY", value_parser = quantity::parse, help_heading = "The sidecar")]
    pub(crate) cpu_limit: Option<String>,
    /// Set the memory request; defaults to 16Mi.
    #[arg(long, value_name = "QUANTITY", value_parser = quantity::parse, help_heading = "The sidecar")]
    pub(crate) memory_request: Option<String>,
    /// Set the memory limit; defaults to 128Mi.
    #[arg(long, value_name = "QUANTITY", value_parser = quantity::parse, help_heading = "The sidecar")]
    pub(crate) memory_limit: Option<String>,
    /// Run the sidecar as this user ID; defaults to the image's user (65532).
    #[arg(long, value_name = "UID", value_parser = clap::value_parser!(i64).range(1..=i64::from(u32::MAX >> 1)), help_heading = "The sidecar")]
    pub(crate) run_as_user: Option<i64>,
    /// Set the log level; if omitted, the sidecar uses its default.
    #[arg(long, value_name = "LEVEL", value_parser = ["error", "warn", "info", "debug", "trace"], help_heading = "The sidecar")]
    pub(crate) sidecar_log_level: Option<String>,
    /// Set the URL to which sidecars export traces as OTLP over HTTP, such as http://collector:4318/v1/traces; if omitted, they
    /// do not export traces.
    #[arg(long, value_name = "URL", value_parser = traces::endpoint, help_heading = "The sidecar")]
    pub(crate) traces_endpoint: Option<String>,
}

fn pull_policy() -> impl TypedValueParser<Value = PullPolicy> {
    const POLICIES: [(PullPolicy, &str); 3] = [
        (PullPolicy::Always, "Pull each time a container starts"),
        (
            PullPolicy::IfNotPresent,
            "Pull only if the image is not on the node",
        ),
        (PullPolicy::Never, "Never pull"),
    ];
    let values = POLICIES.map(|(policy, help)| PossibleValue::new(policy.as_str()).help(help));
    PossibleValuesParser::new(values).try_map(|given| {
        let mut policies = POLICIES.into_iter().map(|(policy, _)| policy);
        policies
            .find(|policy| policy.as_str() == given)
            .ok_or("not a pull policy")
    })
}

const TERMINATION_MESSAGE: &str = "termination-message";

fn results_from() -> impl TypedValueParser<Value = ResultsFrom> {
    const WAYS: [(&str, ResultsFrom, &str); 3] = [
        (
            TERMINATION_MESSAGE,
            ResultsFrom::TerminationMessage { compressed: false },
            "From the termination messages of the steps, which share 12 KiB",
        ),
        (
            "compressed-termination-message",
            ResultsFrom::TerminationMessage { compressed: true },
            "From compressed termination messages",
        ),
        (
            "sidecar-logs",
            ResultsFrom::SidecarLogs,
            "From the log of Tekton's sidecar",
        ),
    ];
    let values = WAYS.map(|(name, _, help)| PossibleValue::new(name).help(help));
    PossibleValuesParser::new(values).try_map(|given| {
        let mut ways = WAYS.into_iter();
        let way = ways.find(|(name, ..)| *name == given);
        way.map(|(_, way, _)| way).ok_or("not a source of results")
    })
}

const INJECT_EXAMPLES: &str = "\
Examples:
  gleaner inject -f task.yaml --image registry.example/gleaner:0.1.0 | kubectl apply -f -

  # Translate and inject documents in the syntax of the Tekton proposal:
  export GLEANER_IMAGE=registry.example/gleaner:0.1.0
  gleaner translate -f examples/build-and-test.yaml | gleaner inject -f - | kubectl apply -f -

Exit codes: 0; 64 the command line is wrong, 74 standard output cannot be written, 78 a declaration is wrong, or a \
step cannot be injected.";

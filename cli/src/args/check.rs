//! The options of `gleaner check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub(crate) struct Check {
    /// Check that the cluster serves the kinds that these files declare, and that the ServiceAccount may create objects of these kinds.
    #[arg(short = 'f', long = "filename", value_name = "FILE", num_args = 1..)]
    pub(crate) filenames: Vec<String>,
    /// The ServiceAccount of the runs.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) service_account: String,
    /// Check a cluster in which Tasks are injected by `gleaner inject` instead of by the webhook.
    #[arg(long)]
    pub(crate) without_webhook: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Output format.
    #[arg(
        short = 'o',
        long = "format",
        value_name = "FORM",
        value_enum,
        default_value_t = ReportForm::Human
    )]
    pub(crate) form: ReportForm,
}

/// The cluster and namespace that a command reads.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// Set the namespace of the runs; defaults to that of the kubeconfig context, or 'default'.
    #[arg(long, short = 'n', value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Use this kubeconfig context instead of the current one.
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Use this kubeconfig file; defaults to KUBECONFIG or ~/.kube/config.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportForm {
    /// Human-readable text.
    Human,
    /// One JSON object, whose fields docs/check.md describes.
    Json,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  # Check the installation and the namespace of the runs:
  gleaner check -n builds

  # Check that the runs of these Tasks may create what they declare:
  gleaner check -n builds --service-account release -f tasks.yaml

  # List the failures:
  gleaner check -o json | jq '.groups[].checks[] | select(.status == \"failed\")'

Exit codes: 0 no check failed; 1 a check failed; 64 the command line is wrong, or the kubeconfig cannot be used; 66 a \
file cannot be read, or no file contains a document.";

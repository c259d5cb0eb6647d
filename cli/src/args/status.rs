//! The options of `gleaner status`.

use clap::Args;
use clap::builder::{StringValueParser, TypedValueParser};

use super::{Connection, ReportForm};

#[derive(Debug, Args)]
#[command(after_help = STATUS_EXAMPLES)]
pub(crate) struct Status {
    /// The name of the TaskRun or PipelineRun.
    #[arg(value_name = "RUN", value_parser = StringValueParser::new().map(name))]
    pub(crate) run: String,
    /// Print the status again after each change, until the run finishes.
    #[arg(long, short = 'w')]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Output format; with --watch and JSON, each change is printed as one line.
    #[arg(
        short = 'o',
        long = "format",
        value_name = "FORM",
        value_enum,
        default_value_t = ReportForm::Human
    )]
    pub(crate) form: ReportForm,
}

/// Removes the kind from a name such as `taskrun.tekton.dev/NAME`, the form that `kubectl` prints.
fn name(text: String) -> String {
    let kinds = [
        "taskrun",
        "taskruns",
        "tr",
        "pipelinerun",
        "pipelineruns",
        "pr",
    ];
    let is_run = |kind: &str| kinds.contains(&kind.strip_suffix(".tekton.dev").unwrap_or(kind));
    match text.split_once('/') {
        Some((kind, name)) if is_run(kind) => name.to_owned(),
        _ => text,
    }
}

const STATUS_EXAMPLES: &str = "\
Examples:
  gleaner status hello -n builds
  gleaner status hello -n builds --watch

  # Print the status of all TaskRuns in a PipelineRun:
  gleaner status release-8fk2p -n builds

  # Print the names of the created objects:
  gleaner status hello -o json | jq -r '.objects[].name'

Exit codes: 0; 1 the run does not exist, or the TaskRun does not use Gleaner; 64 the command line is wrong, or the \
kubeconfig cannot be used; 69 the cluster is unreachable, or reading the run is not allowed.";

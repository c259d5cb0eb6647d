//! The command line: a struct per command, from which help and completions are generated.

mod check;
mod explain;
mod init;
mod inject;
mod lint;
mod status;
mod translate;
mod uninject;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};
use gleaner_proto::duration;

use crate::values::Assignment;

pub(crate) use check::{Check, Connection, ReportForm};
pub(crate) use explain::Explain;
pub(crate) use init::Init;
pub(crate) use inject::Inject;
pub(crate) use lint::{Lint, LintFormat};
pub(crate) use status::Status;
pub(crate) use translate::{ClusterArgs, Translate};
pub(crate) use uninject::{ListedCluster, Uninject};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Creates Kubernetes resources from the outputs of a Tekton task's steps.
///
/// The annotation gleaner.dev/outputs of a Task declares which files of its steps contain values, and which resources to create
/// from them. In a cluster, Gleaner does this for every TaskRun; this command does it on this machine, for tests and checks.
#[derive(Debug, Parser)]
#[command(name = "gleaner", version, styles = STYLES, after_help = EXAMPLES, max_term_width = 110)]
pub(crate) struct Cli {
    /// Subcommand.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Colors of messages: auto (on a terminal, unless NO_COLOR is set), always or never.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto, hide_possible_values = true, global = true)]
    pub(crate) color: Color,
}

/// The condition under which messages have colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

const EXAMPLES: &str = "\
Examples:
  # Run a Task on this machine, without a cluster, and see what it would create:
  gleaner run -f examples/build-and-push.yaml

  # Check the declaration; every error has its line:
  gleaner lint -f task.yaml

  # Documents of the proposal and of Tekton v1beta1, for a current Tekton:
  gleaner translate -f examples/build-and-test.yaml | kubectl apply -f -

  # Show what would be created from these values:
  gleaner render -f task.yaml -p imageUrl=ghcr.io/me/app --output kaniko.digest=sha256:54ed";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a Task, TaskRun or PipelineRun on this machine and create its resources.
    ///
    /// A TaskRun or PipelineRun in the files is run with the Tasks, Pipelines and StepActions of the files, as in Tekton:
    /// parameters, workspaces, when, finally, timeouts, and results between tasks. Tasks run one at a time. Without a run, the
    /// only Pipeline or the only Task (that declares outputs) is run. Features that only a cluster has (images, sidecars, service
    /// accounts, resource limits) are listed before the first step; features that would change the run (matrix, retries, CEL,
    /// resolvers, custom tasks, pipelines in pipelines) are refused.
    ///
    /// The steps run in order as processes of this machine, each under Gleaner's redirector. Gleaner's sidecar collects their
    /// outputs, renders the templates and creates the objects; without --context or --kubeconfig, in an API server within this
    /// process. Progress and the output of the steps go to standard error, the created YAML and the results to standard output.
    /// The exit code is that of the step that failed, or 0.
    ///
    /// Linux only. The steps use the tools of this machine. They get PATH, HOME (an empty directory) and the variables of the
    /// documents, but no other variable of this environment. A temporary directory replaces /workspace and /tekton in the text of
    /// a step's command, script, arguments and variables.
    Run(Box<Run>),
    /// Show the YAML that would be created, without running anything.
    ///
    /// Standard output contains only the YAML. If a value is missing, no YAML is printed, and each missing variable is reported
    /// with the flag that sets it. A name that only a run can determine is shown as generateName.
    Render(Render),
    /// Check the declarations in files.
    ///
    /// Prints each error with file, line, column, place and remedy. The webhook refuses the same errors with the same
    /// messages. It checks Tasks, TaskRuns, the tasks in Pipelines and PipelineRuns, pods and pod
    /// templates, and annotations similar to Gleaner's in any document. A declaration in a separate file is checked
    /// without its Task.
    Lint(Lint),
    /// Convert the proposal's documents to Tekton v1.
    ///
    /// Reads Tasks, Pipelines, runs and PipelineResources in the syntax of the proposal "Dynamic Output Resources" and of
    /// Tekton's v1alpha1 and v1beta1, and prints their current equivalents: outputs are in the annotation gleaner.dev/outputs, an
    /// input resource is an object parameter, a first step clones a git input, and the next task gets the resources of a task as
    /// results. Documents that need no translation are printed unchanged.
    ///
    /// Anything without an equivalent is an error FILE:LINE:COLUMN with its reason and a remedy. All errors are reported
    /// together; then no document is printed.
    Translate(Box<Translate>),
    /// Inject Gleaner into Tasks and pods ahead of time, for a cluster without its webhook.
    ///
    /// Prints the documents with everything that the webhook would have added. Each TaskSpec with a declaration gets the sidecar,
    /// the results and the volume, and each step's command gets the redirector in front of it. Pods and pod templates (Job,
    /// CronJob) with the annotation get the same. Everything else is printed unchanged. Injecting twice changes nothing.
    ///
    /// A step needs a command or a script, because this command cannot look up the default command of an image. The cluster needs
    /// the kind PipelineResource if the outputs declare one, and the ServiceAccount of the runs needs permission to create the
    /// objects.
    Inject(Box<Inject>),
    /// Remove Gleaner from Tasks and pod templates.
    ///
    /// Prints the documents without the additions of the webhook or gleaner inject: sidecar, results, volume, and the
    /// redirector before each step. The declarations stay, unless --remove-declarations is given. Everything else is
    /// printed unchanged.
    Uninject(Box<Uninject>),
    /// Print a first declaration: a new Task, or a file with a declaration in each of its Tasks.
    ///
    /// Without a file, prints a commented Task. With a file, prints the file with the annotation gleaner.dev/outputs in
    /// each Task: an output for each of its steps, and a ConfigMap of them, to be changed. Everything else stays as it is,
    /// byte for byte. A Task that has a declaration is refused, and nothing is printed.
    Init(Init),
    /// Describe the fields of the declaration.
    ///
    /// Prints description, type and fields of the declaration or of one of its fields, as kubectl explain does. The texts
    /// are those of the JSON Schema (gleaner schema). Lists and maps are passed over: both steps.name and the place
    /// steps.build[0].name, as gleaner lint prints it, are the name of an output.
    Explain(Explain),
    /// Print the JSON Schema of the declaration.
    ///
    /// The schema describes the YAML in the annotation gleaner.dev/outputs. Editors complete and check a file by it.
    #[command(after_help = explain::SCHEMA_EXAMPLES)]
    Schema,
    /// Check that Gleaner works in a cluster, and that a run may create what it declares.
    ///
    /// Prints a line `ok`, `warning`, `failed` or `skipped` for each check, with a remedy for each warning and failure: the API
    /// server, Tekton and its feature flags, Gleaner's webhook, injector and policies, the namespace of the runs. With -f, the
    /// kinds and permissions that the declarations need. A check is skipped, with the reason, if you may not read what
    /// it needs. Nothing is changed in the cluster; a Task is created as a dry run, which is not stored.
    Check(Box<Check>),
    /// Show what a TaskRun collected and created.
    ///
    /// While the TaskRun is in progress, its sidecar responds: phase, steps, variables, resources. The connection is a
    /// port-forward through the API server, which needs the permissions get and create on pods/portforward. Afterwards, the
    /// results of the TaskRun and the objects that it created are shown.
    Status(Status),
    /// Print shell completions.
    ///
    /// For bash: gleaner completions bash > ~/.local/share/bash-completion/completions/gleaner
    Completions(Completions),
    /// Write manual pages into a directory.
    ///
    /// Writes gleaner.1, and a page for each command, such as gleaner-run.1.
    #[command(after_help = MAN_EXAMPLES)]
    Man(Man),
}

/// Files, with or without -f.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// A file, or - for standard input.
    #[arg(short = 'f', long = "filename", value_name = "FILE", num_args = 1.., required_unless_present = "paths")]
    filename: Vec<String>,
    /// Files, as with -f.
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
}

impl Files {
    /// Returns all files: those with -f first.
    pub(crate) fn all(&self) -> Vec<String> {
        [self.filename.as_slice(), &self.paths].concat()
    }
}

#[derive(Debug, Args)]
pub(crate) struct TaskArgs {
    /// A file, a directory (its *.yaml, *.yml and *.json), or - for standard input.
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE",
        num_args = 1..,
        required_unless_present = "positional"
    )]
    pub(crate) filenames: Vec<String>,
    /// A file or directory, as with -f.
    #[arg(value_name = "FILE")]
    pub(crate) positional: Vec<String>,
    /// The name of the Task, if the files contain several Tasks, or runs.
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// A parameter: text; for an array a,b or JSON; for an object key:value,... or JSON.
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE")]
    pub(crate) params: Vec<Assignment>,
    /// A YAML or JSON file with a map of parameters; -p takes precedence.
    #[arg(long, value_name = "FILE")]
    pub(crate) param_file: Option<String>,
}

impl TaskArgs {
    /// Returns all files, with or without `-f`.
    pub(crate) fn files(&self) -> Vec<String> {
        let files = self.filenames.iter().chain(&self.positional);
        files.cloned().collect()
    }
}

#[derive(Debug, Args)]
#[command(after_help = RENDER_EXAMPLES)]
pub(crate) struct Render {
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    /// The value of an output; JSON unless its type is string.
    #[arg(long = "output", value_name = "STEP.NAME=VALUE")]
    pub(crate) outputs: Vec<Assignment>,
    /// An output's file, read as in a run.
    #[arg(long = "output-file", value_name = "STEP.NAME=PATH")]
    pub(crate) output_files: Vec<Assignment>,
    /// The value of a context variable, such as taskRun.name=mine.
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    pub(crate) variables: Vec<Assignment>,
    /// Show the values of secret outputs.
    #[arg(long)]
    pub(crate) show_secrets: bool,
    /// Output format.
    #[arg(short = 'o', long = "format", value_name = "FORM", value_enum, default_value_t = Form::Yaml)]
    pub(crate) form: Form,
}

const RENDER_EXAMPLES: &str = "\
Examples:
  gleaner render -f examples/build-and-test.yaml -p imageUrl=ghcr.io/me/app --output kaniko.digest=sha256:54ed
  gleaner render -f task.yaml -p imageUrl=ghcr.io/me/app --output-file kaniko.digest=./digest | kubectl diff -f -";

/// Output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// YAML documents.
    Yaml,
    /// JSON.
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    /// Replace a step's command with a shell command, for a tool that is not installed on this machine.
    #[arg(long = "step-command", value_name = "STEP=COMMAND")]
    pub(crate) step_commands: Vec<Assignment>,
    /// A directory for a workspace of the Task or Pipeline, or for a git resource. If the Task declares the workspace as
    /// readOnly, its steps get a copy of the directory.
    #[arg(long = "workspace", short = 'w', value_name = "NAME=DIR")]
    pub(crate) workspaces: Vec<Assignment>,
    /// A file with CustomResourceDefinitions for the API server of this run.
    #[arg(long = "crd", value_name = "FILE")]
    pub(crate) crds: Vec<PathBuf>,
    /// Objects that exist in the API server of this run before its first step: a file, a directory, or - for standard input.
    #[arg(long = "object", value_name = "FILE")]
    pub(crate) objects: Vec<String>,
    /// Stop the run after this duration, as Tekton would; by default the run's timeout, or 1h.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) timeout: Option<Duration>,
    /// The TaskRun or PipelineRun to run, if the files contain several.
    #[arg(long, value_name = "NAME", conflicts_with = "task")]
    pub(crate) run: Option<String>,
    /// Replace a context variable: taskRun.name=mine names the run, a fixed taskRun.uid=... makes derived names reproducible.
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    pub(crate) variables: Vec<Assignment>,
    /// Give steps only PATH, HOME and the variables of the documents; if false, all variables of this environment, too.
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value_t = true,
        action = clap::ArgAction::Set
    )]
    pub(crate) clean_env: bool,
    /// Do not wait after the objects were created: ignore waitFor, and results below .status.
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Create the objects in the cluster of this kubeconfig context.
    #[arg(
        long,
        value_name = "NAME",
        help_heading = "A real cluster",
        conflicts_with = "crds"
    )]
    pub(crate) context: Option<String>,
    /// Create the objects in the cluster of this kubeconfig.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "A real cluster",
        conflicts_with = "crds"
    )]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The namespace of the run; by default that in the documents, that of the kubeconfig's context, or default.
    #[arg(long, short = 'n', value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Print no progress on standard error, only the output of the steps, warnings, and everything after a failure.
    #[arg(long, short = 'q')]
    pub(crate) quiet: bool,
    /// Keep the temporary directory and print its path.
    #[arg(long)]
    pub(crate) keep: bool,
    /// After the end, keep the pages of the tasks and the API server of this run until Ctrl-C, and print how to use them.
    #[arg(long)]
    pub(crate) hold: bool,
    /// Open the page of each task in the browser: that of the variable BROWSER, or xdg-open.
    #[arg(long)]
    pub(crate) open: bool,
    /// Format of the final output.
    #[arg(short = 'o', long = "format", value_name = "FORM", value_enum, default_value_t = Form::Yaml)]
    pub(crate) form: Form,
}

const RUN_EXAMPLES: &str = "\
Examples:
  gleaner run -f examples/build-and-push.yaml

  # A PipelineRun with its Pipeline and Tasks, in several files and directories:
  gleaner run -f run.yaml -f tasks/ --workspace source=.

  # The proposal's own Task; a line for sh replaces kaniko, which is not installed on this machine:
  gleaner run -f examples/build-and-test.yaml --task build-and-push -p imageUrl=ghcr.io/me/app \\
    --step-command kaniko='printf sha256:54ed > /workspace/digest'

  # Objects of a custom kind:
  gleaner run -f examples/build-and-deploy.yaml --crd examples/crds/knative-service.yaml

  # Into a real cluster:
  gleaner run -f task.yaml --context staging -n builds

Exit codes: the failing step's own, or 128 and the number of the signal that ended it; 64 the command line or a
parameter is wrong, 65 an output is missing or not a valid value of its type, 69 the sidecar is unreachable, 73 the
resources could not be created, 74 standard output cannot be written, 78 a document is wrong, 127 a step's command does not exist on this machine, 130 Ctrl-C.";

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The directory, which is created if absent.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

const MAN_EXAMPLES: &str = "\
Examples:
  gleaner man ~/.local/share/man/man1 && man gleaner-run

Exit codes: 0; 64 the command line is wrong, or the directory cannot be written.";

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    match duration::parse(text) {
        Ok(Duration::ZERO) => Err("the timeout must exceed zero; omit the flag for 1h".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}

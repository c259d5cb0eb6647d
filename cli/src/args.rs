//! The command line: one struct per command, from which clap generates help and completions.

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
/// The gleaner.dev/outputs annotation of a Task declares the files that contain the steps' output values, and the resources to
/// create from these values. In a cluster, Gleaner creates the resources for every TaskRun. This command runs, checks and
/// converts the same documents on this machine.
#[derive(Debug, Parser)]
#[command(name = "gleaner", version, styles = STYLES, after_help = EXAMPLES, max_term_width = 110)]
pub(crate) struct Cli {
    /// The subcommand.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Color messages: auto (on a terminal, unless NO_COLOR is set), always or never.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto, hide_possible_values = true, global = true)]
    pub(crate) color: Color,
}

/// The value of `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

const EXAMPLES: &str = "\
Examples:
  # Run a Task on this machine, without a cluster, and print the objects that it creates:
  gleaner run -f examples/build-and-push.yaml

  # Check the declaration and print each error with its line:
  gleaner lint -f task.yaml

  # Convert documents in the syntax of the Tekton proposal or of Tekton v1beta1 to Tekton v1:
  gleaner translate -f examples/build-and-test.yaml | kubectl apply -f -

  # Show the objects that a run would create from these values:
  gleaner render -f task.yaml -p imageUrl=ghcr.io/me/app --output kaniko.digest=sha256:54ed";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a Task, TaskRun or PipelineRun on this machine and create its resources.
    ///
    /// Runs a TaskRun or PipelineRun with the Tasks, Pipelines and StepActions in the files. Without a TaskRun or PipelineRun,
    /// runs the only Pipeline, or else the only Task that declares outputs. Parameters, workspaces, when, finally, timeouts and
    /// results between tasks work as in Tekton, but tasks run one at a time. Before the first step, the command lists the
    /// features that it ignores because they require a cluster (images, sidecars, service accounts, resource limits). It rejects
    /// unsupported features that it cannot ignore (matrix, retries, CEL, resolvers, custom tasks, pipelines in pipelines).
    ///
    /// The steps run in order as local processes, each started by Gleaner's redirector. Gleaner's sidecar collects their outputs,
    /// renders the templates and creates the objects in the cluster that --context or --kubeconfig selects, or by default in an
    /// API server within this process. Progress and step output go to standard error; the created YAML and the results go to
    /// standard output. The exit code is that of the failed step, or 0.
    ///
    /// Linux only. The steps use the tools installed on this machine. Their environment contains PATH, HOME (an empty directory)
    /// and the variables that the documents set, but no other variables of the caller. In a step's command, script, arguments and
    /// variables, a temporary directory replaces /workspace and /tekton.
    Run(Box<Run>),
    /// Show the YAML that a run would create, without running anything.
    ///
    /// Standard output contains only the YAML. If a value is missing, the command prints no YAML, and reports each missing
    /// variable with the flag that sets it. If an object's name depends on the run, the YAML contains generateName instead.
    Render(Render),
    /// Check the declarations in files.
    ///
    /// Prints each error with its file, line, column, field path and remedy. The webhook rejects documents with these errors,
    /// with the same messages. The command checks Tasks, TaskRuns, the tasks in Pipelines and PipelineRuns, pods and pod
    /// templates. In any document, it also reports annotations that look like misspelled Gleaner annotations. A declaration in
    /// a separate file is checked without its Task.
    Lint(Lint),
    /// Convert documents of the Tekton proposal or of old Tekton versions to Tekton v1.
    ///
    /// Reads Tasks, Pipelines, runs and PipelineResources in the syntax of the Tekton proposal "Dynamic Output Resources" and of
    /// Tekton v1alpha1 and v1beta1, and prints their Tekton v1 equivalents: outputs move to the gleaner.dev/outputs annotation, an
    /// input resource becomes an object parameter, a new first step clones a git input, and results pass a task's resources to the
    /// next task. Documents that need no translation are printed unchanged.
    ///
    /// Anything without an equivalent is reported as FILE:LINE:COLUMN with the reason and a remedy. If there are errors, the
    /// command reports all of them and prints no documents.
    Translate(Box<Translate>),
    /// Inject Gleaner into Tasks and pods ahead of time, for a cluster without Gleaner's webhook.
    ///
    /// Prints the documents with everything that the webhook would add. Each TaskSpec with a declaration gets the sidecar, the
    /// results and the volume, and the redirector is added in front of each step's command. Annotated pods and pod templates
    /// (Job, CronJob) get the same additions, except for the results. Everything else is printed unchanged. Injecting again
    /// changes nothing.
    ///
    /// Each step needs a command or a script, because this command cannot look up an image's default command. If a declaration
    /// contains PipelineResources, the cluster must serve that kind. The runs' ServiceAccount needs permission to create the
    /// objects.
    Inject(Box<Inject>),
    /// Remove Gleaner from Tasks and pod templates.
    ///
    /// Prints the documents without the sidecar, results, volume and redirector that the webhook or `gleaner inject` added. Keeps
    /// the declarations unless --remove-declarations is given. Everything else is printed unchanged.
    Uninject(Box<Uninject>),
    /// Print a first declaration: a new Task, or a file with a declaration added to each of its Tasks.
    ///
    /// Without a file, prints a commented Task. With a file, prints the file and adds a gleaner.dev/outputs annotation to each
    /// Task. The annotation declares one output for each step, and a ConfigMap with these outputs as a template to edit. The rest
    /// of the file is printed byte for byte. If a Task already has a declaration, the command fails and prints nothing.
    Init(Init),
    /// Describe the fields of the declaration.
    ///
    /// Like `kubectl explain`, prints the description, type and fields of the declaration or of one of its fields. The descriptions
    /// come from the JSON Schema (`gleaner schema`). A field path may omit list indexes and map keys: both steps.name and
    /// steps.build[0].name, the form that `gleaner lint` prints, refer to an output's name.
    Explain(Explain),
    /// Print the JSON Schema of the declaration.
    ///
    /// The schema describes the YAML in the gleaner.dev/outputs annotation. Editors use it to complete and validate declarations.
    #[command(after_help = explain::SCHEMA_EXAMPLES)]
    Schema,
    /// Check that Gleaner works in a cluster, and that runs may create the declared objects.
    ///
    /// Prints `ok`, `warning`, `failed` or `skipped` for each check, and a remedy for each warning and failure. Checks the API
    /// server, Tekton and its feature flags, Gleaner's webhook, injector and policies, and the namespace of the runs. With -f,
    /// also checks the kinds and permissions that the declarations need. If you are not allowed to read the objects that a check
    /// needs, the check is skipped and the reason is printed. The command changes nothing in the cluster: it creates a Task only
    /// as a dry run, so the API server does not store it.
    Check(Box<Check>),
    /// Show what a TaskRun or PipelineRun collected and created.
    ///
    /// While a TaskRun is in progress, shows the phase, steps, variables and resources that its sidecar reports. The command
    /// connects to the sidecar by port-forwarding through the API server, which requires the verbs get and create on
    /// pods/portforward. After the TaskRun finishes, shows its results and the objects that it created. For a PipelineRun, shows each of its TaskRuns.
    Status(Status),
    /// Print shell completions.
    ///
    /// To install them for bash: `gleaner completions bash > ~/.local/share/bash-completion/completions/gleaner`
    Completions(Completions),
    /// Write manual pages to a directory.
    ///
    /// Writes gleaner.1 and one page for each command, such as gleaner-run.1.
    #[command(after_help = MAN_EXAMPLES)]
    Man(Man),
}

/// Input files, given with or without -f.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// A file, or - for standard input.
    #[arg(short = 'f', long = "filename", value_name = "FILE", num_args = 1.., required_unless_present = "paths")]
    filename: Vec<String>,
    /// The same as -f FILE.
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
}

impl Files {
    /// Returns all files, those given with -f first.
    pub(crate) fn all(&self) -> Vec<String> {
        [self.filename.as_slice(), &self.paths].concat()
    }
}

#[derive(Debug, Args)]
pub(crate) struct TaskArgs {
    /// A file, a directory (its *.yaml, *.yml and *.json files), or - for standard input.
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE",
        num_args = 1..,
        required_unless_present = "positional"
    )]
    pub(crate) filenames: Vec<String>,
    /// The same as -f FILE.
    #[arg(value_name = "FILE")]
    pub(crate) positional: Vec<String>,
    /// Select a Task by name, if the files contain several Tasks or also contain runs.
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// Set a parameter. VALUE is a string; for an array, a,b or JSON; for an object, key:value,... or JSON.
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE")]
    pub(crate) params: Vec<Assignment>,
    /// Read parameters from a YAML or JSON file that contains a map; -p takes precedence.
    #[arg(long, value_name = "FILE")]
    pub(crate) param_file: Option<String>,
}

impl TaskArgs {
    /// Returns all files, those given with -f first.
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
    /// Set the value of an output, as JSON unless its type is string.
    #[arg(long = "output", value_name = "STEP.NAME=VALUE")]
    pub(crate) outputs: Vec<Assignment>,
    /// Read the value of an output from a file, as a run does.
    #[arg(long = "output-file", value_name = "STEP.NAME=PATH")]
    pub(crate) output_files: Vec<Assignment>,
    /// Set a context variable, such as taskRun.name=mine.
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
  gleaner render -f examples/build-and-test.yaml -p imageUrl=ghcr.io/me/app \\
    --output kaniko.digest=sha256:54ed
  gleaner render -f task.yaml -p imageUrl=ghcr.io/me/app --output-file kaniko.digest=./digest |
    kubectl diff -f -";

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
    /// Use a directory for a workspace of the Task or Pipeline, or for a git resource. If the Task declares the workspace as
    /// readOnly, its steps get a copy of the directory.
    #[arg(long = "workspace", short = 'w', value_name = "NAME=DIR")]
    pub(crate) workspaces: Vec<Assignment>,
    /// Install the CustomResourceDefinitions in a file in the local API server.
    #[arg(long = "crd", value_name = "FILE")]
    pub(crate) crds: Vec<PathBuf>,
    /// Before the first step, create the objects from a file, a directory or standard input (-) in the local API server.
    #[arg(long = "object", value_name = "FILE")]
    pub(crate) objects: Vec<String>,
    /// Stop the run after this duration, as Tekton would; defaults to the timeout in the TaskRun or PipelineRun, or 1h.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) timeout: Option<Duration>,
    /// Select the TaskRun or PipelineRun to run, if the files contain several.
    #[arg(long, value_name = "NAME", conflicts_with = "task")]
    pub(crate) run: Option<String>,
    /// Set a context variable. For example, taskRun.name=mine sets the run's name. Gleaner derives the names of objects from
    /// taskRun.uid, so a fixed value makes these names reproducible.
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    pub(crate) variables: Vec<Assignment>,
    /// Pass to the steps only PATH, HOME and the variables that the documents set; if false, also pass all variables of the
    /// caller's environment.
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
    /// Do not wait after creating the objects: ignore waitFor and any results that refer to .status.
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
    /// Set the namespace of the run; defaults to the namespace in the documents, then that of the kubeconfig context, then
    /// 'default'.
    #[arg(long, short = 'n', value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Hide progress on standard error until a failure; step output and warnings are always shown.
    #[arg(long, short = 'q')]
    pub(crate) quiet: bool,
    /// Keep the temporary directory and print its path.
    #[arg(long)]
    pub(crate) keep: bool,
    /// After the run, keep each task's web page and the local API server available until you press Ctrl-C, and print how to use
    /// them.
    #[arg(long)]
    pub(crate) hold: bool,
    /// Open each task's web page in a browser, with the command in the environment variable BROWSER or, by default, xdg-open (on
    /// macOS: open).
    #[arg(long)]
    pub(crate) open: bool,
    /// Format of the final output.
    #[arg(short = 'o', long = "format", value_name = "FORM", value_enum, default_value_t = Form::Yaml)]
    pub(crate) form: Form,
}

const RUN_EXAMPLES: &str = "\
Examples:
  gleaner run -f examples/build-and-push.yaml

  # Run a PipelineRun whose Pipeline and Tasks are in several files and directories:
  gleaner run -f run.yaml -f tasks/ --workspace source=.

  # Run the Task of the Tekton proposal, with a shell command instead of kaniko, which is not
  # installed on this machine:
  gleaner run -f examples/build-and-test.yaml --task build-and-push -p imageUrl=ghcr.io/me/app \\
    --step-command kaniko='printf sha256:54ed > /workspace/digest'

  # Create objects of a custom kind:
  gleaner run -f examples/build-and-deploy.yaml --crd examples/crds/knative-service.yaml

  # Create the objects in a real cluster:
  gleaner run -f task.yaml --context staging -n builds

Exit codes: the exit code of the failed step, or 128 plus the number of the signal that killed it; 64 the command line \
or a parameter is wrong, 65 an output is missing or not a valid value of its type, 69 the sidecar is unreachable, 73 \
the resources could not be created, 74 standard output cannot be written, 78 a document is wrong, 127 a step's command \
does not exist on this machine, 130 Ctrl-C.";

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The output directory; created if it does not exist.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

const MAN_EXAMPLES: &str = "\
Examples:
  gleaner man ~/.local/share/man/man1 && man gleaner-run

Exit codes: 0; 64 the command line is wrong, or the directory cannot be written.";

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell to generate completions for.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    match duration::parse(text) {
        Ok(Duration::ZERO) => Err(
            "the timeout must be greater than zero; omit --timeout to use the default".to_owned(),
        ),
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

//! The command line: a struct per command, from which help and completions come.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};
use gleaner_proto::duration;

use crate::values::Assignment;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Turns what a Tekton task's steps leave behind into Kubernetes resources.
///
/// A Task says in the annotation gleaner.dev/outputs which files of its steps hold values, and which resources to make
/// of them. A cluster with Gleaner does so in every TaskRun; this command does it here, to try and to check.
#[derive(Debug, Parser)]
#[command(name = "gleaner", version, styles = STYLES, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  # Run a Task on this machine, without a cluster, and see what it would create:
  gleaner run -f examples/build-and-push.yaml

  # Is the declaration right? Every error, with its line:
  gleaner lint -f task.yaml

  # What would be created from these values?
  gleaner render -f task.yaml -p imageUrl=ghcr.io/me/app --output kaniko.digest=sha256:54ed";

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a Task's steps on this machine and create what they lead to.
    ///
    /// The steps run in order as processes of this machine, each under Gleaner's redirector; Gleaner's sidecar collects what
    /// they leave behind, renders and creates. Without --context or --kubeconfig it does so in an API server that lives in
    /// this process and ends with it. Progress and what the steps print go to standard error, the created YAML and the
    /// results to standard output. The exit code is that of the step that failed, or 0.
    ///
    /// Images, volumes and the like are a cluster's: here a step finds the tools of this machine. /workspace and /tekton
    /// are a temporary folder in what a step's command, script, arguments and variables say.
    Run(Box<Run>),
    /// Show the YAML that would be created, without running anything.
    ///
    /// Standard output holds the YAML and nothing else. When a value is missing, nothing is printed there, and each missing
    /// variable is named with the flag that gives it. A name that only a run can give is shown as generateName.
    Render(Render),
    /// Check the declarations in files.
    ///
    /// Prints a line FILE:LINE:COLUMN: error: PLACE: MESSAGE; REMEDY for everything that is wrong, and fails when
    /// anything is. Checked are Tasks, TaskRuns, the tasks within Pipelines and PipelineRuns, and pods and pod templates.
    Lint(Lint),
    /// Turn the proposal's documents into ones that Tekton v1 takes.
    ///
    /// Reads Tasks, Pipelines, runs and PipelineResources as the proposal "Dynamic Output Resources" writes them, and those of
    /// Tekton's v1alpha1 and v1beta1, and prints what they are today: outputs stand in the annotation gleaner.dev/outputs, an
    /// input resource is an object parameter, a git input is cloned by a first step, and what a task creates reaches the next
    /// one as a result. Documents that need no translation are printed as they are.
    ///
    /// What has no equal today is an error FILE:LINE:COLUMN with its reason and a remedy. All errors are named at once, and
    /// nothing is printed then.
    Translate(Box<Translate>),
    /// Put redirector and sidecar into Tasks and pods here, for a cluster without Gleaner's webhook.
    ///
    /// Prints the documents with all that the webhook would have added: to each TaskSpec with a declaration beside it the sidecar, the
    /// results and the volume, and before each step the redirector. Pods and pod templates (Job, CronJob) with the
    /// annotation get the same. Everything else is printed as it is. Injecting twice changes nothing.
    ///
    /// A step needs a command or a script: what an image runs by itself is not known here. The cluster needs the kind
    /// PipelineResource where the outputs declare one, and the ServiceAccount of the runs must be allowed to create what they
    /// create.
    Inject(Box<Inject>),
    /// Print the completions of a shell.
    ///
    /// For bash: gleaner completions bash > ~/.local/share/bash-completion/completions/gleaner
    Completions(Completions),
}

/// The options of `gleaner lint`.
#[derive(Debug, Args)]
#[command(after_help = LINT_EXAMPLES)]
pub struct Lint {
    /// A file, or - for standard input.
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true, num_args = 1..)]
    pub files: Vec<String>,
    /// How to print what is wrong.
    #[arg(long, value_enum, default_value_t = LintFormat::Human)]
    pub format: LintFormat,
}

const LINT_EXAMPLES: &str = "\
Examples:
  gleaner lint -f examples/*.yaml
  kustomize build overlay | gleaner lint -f -
  gleaner lint -f task.yaml --format json | jq '.[].message'";

/// How `lint` prints what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LintFormat {
    /// A line each.
    Human,
    /// An array of file, line, column, place, severity, message, help.
    Json,
}

/// Which Task, with which parameters.
#[derive(Debug, Args)]
pub struct TaskArgs {
    /// The file that holds the Task, or - for standard input.
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub file: String,
    /// The Task's name, when the file holds several.
    #[arg(long, value_name = "NAME")]
    pub task: Option<String>,
    /// A parameter: text; for an array a,b or JSON; for an object key:value,... or JSON.
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE")]
    pub params: Vec<Assignment>,
    /// A YAML or JSON file with parameters, a map; -p wins over it.
    #[arg(long, value_name = "FILE")]
    pub param_file: Option<String>,
}

/// The options of `gleaner render`.
#[derive(Debug, Args)]
#[command(after_help = RENDER_EXAMPLES)]
pub struct Render {
    /// Which Task, with which parameters.
    #[command(flatten)]
    pub task: TaskArgs,
    /// The value of an output; JSON unless its type is string.
    #[arg(long = "output", value_name = "STEP.NAME=VALUE")]
    pub outputs: Vec<Assignment>,
    /// An output's file, read as the run would read it.
    #[arg(long = "output-file", value_name = "STEP.NAME=PATH")]
    pub output_files: Vec<Assignment>,
    /// The value of a context variable, such as taskRun.name=mine.
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    pub variables: Vec<Assignment>,
    /// Show values of secret outputs as they are.
    #[arg(long)]
    pub show_secrets: bool,
    /// The form of what is printed.
    #[arg(short = 'o', value_name = "FORM", value_enum, default_value_t = Form::Yaml)]
    pub form: Form,
}

const RENDER_EXAMPLES: &str = "\
Examples:
  gleaner render -f examples/build-and-test.yaml -p imageUrl=ghcr.io/me/app --output kaniko.digest=sha256:54ed
  gleaner render -f task.yaml -p imageUrl=ghcr.io/me/app --output-file kaniko.digest=./digest | kubectl diff -f -";

/// The form of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// YAML, a document each.
    Yaml,
    /// JSON.
    Json,
}

/// The options of `gleaner run`.
#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub struct Run {
    /// Which Task, with which parameters.
    #[command(flatten)]
    pub task: TaskArgs,
    /// Replaces a step's command by a line for sh, so that a task whose tool is not here can be tried.
    #[arg(long = "step-command", value_name = "STEP=COMMAND")]
    pub step_commands: Vec<Assignment>,
    /// A folder for a workspace, or for a git resource; an empty one unless given.
    #[arg(long = "workspace", short = 'w', value_name = "NAME=DIR")]
    pub workspaces: Vec<Assignment>,
    /// A file with CustomResourceDefinitions for the API server of this run.
    #[arg(long = "crd", value_name = "FILE")]
    pub crds: Vec<PathBuf>,
    /// Ends the run after this long, as Tekton would.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "1h")]
    pub timeout: Duration,
    /// Creates in the cluster of this context of the kubeconfig.
    #[arg(
        long,
        value_name = "NAME",
        help_heading = "A real cluster",
        conflicts_with = "crds"
    )]
    pub context: Option<String>,
    /// Creates in the cluster of this kubeconfig.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "A real cluster",
        conflicts_with = "crds"
    )]
    pub kubeconfig: Option<PathBuf>,
    /// The namespace of what is created; that of the kubeconfig's context, or default.
    #[arg(long, short = 'n', value_name = "NAME")]
    pub namespace: Option<String>,
    /// Keeps the temporary folder and says where it is.
    #[arg(long)]
    pub keep: bool,
    /// The form of what is printed at the end.
    #[arg(short = 'o', value_name = "FORM", value_enum, default_value_t = Form::Yaml)]
    pub form: Form,
}

const RUN_EXAMPLES: &str = "\
Examples:
  gleaner run -f examples/build-and-push.yaml

  # The proposal's own Task; kaniko is not installed here, so a line for sh plays its part:
  gleaner run -f examples/build-and-test.yaml -p imageUrl=ghcr.io/me/app \\
    --step-command kaniko='printf sha256:54ed > /workspace/digest'

  # Objects of a kind that Kubernetes does not have by itself:
  gleaner run -f examples/build-and-deploy.yaml --crd examples/crds/knative-service.yaml

  # Into a real cluster:
  gleaner run -f task.yaml --context staging -n builds

Exit codes: the failing step's own, or 128 and the number of the signal that ended it; 64 the command line or a
parameter is wrong, 65 an output is missing or no valid value of its type, 69 the sidecar is out of reach, 73 the
resources could not be created, 78 the declaration is wrong, 127 a step's command is not on this machine, 130 Ctrl-C.";

/// The options of `gleaner translate`.
#[derive(Debug, Args)]
#[command(after_help = TRANSLATE_EXAMPLES)]
pub struct Translate {
    /// A file, or - for standard input. PipelineResources that runs name are looked for in all of them.
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true, num_args = 1..)]
    pub files: Vec<String>,
    /// The image of the step that clones a git input; it needs git and /bin/sh.
    #[arg(long, value_name = "IMAGE", default_value = crate::translate::DEFAULT_GIT_IMAGE)]
    pub git_image: String,
    /// Puts an image in the place of another one, in all steps and sidecars.
    #[arg(long = "image", value_name = "OLD=NEW", help_heading = "Stand-ins")]
    pub images: Vec<Assignment>,
    /// Gives a PipelineResource another param, such as the url of a mirror.
    #[arg(
        long = "resource",
        value_name = "NAME.PARAM=VALUE",
        help_heading = "Stand-ins"
    )]
    pub resources: Vec<Assignment>,
    /// Gives another value to a parameter of the PipelineRuns and TaskRuns.
    #[arg(
        short = 'p',
        long = "param",
        value_name = "NAME=VALUE",
        help_heading = "Stand-ins"
    )]
    pub params: Vec<Assignment>,
    /// Leaves PipelineResources out, for a cluster that does not know the kind.
    #[arg(long)]
    pub no_resources: bool,
    /// The form of what is printed.
    #[arg(short = 'o', value_name = "FORM", value_enum, default_value_t = Form::Yaml)]
    pub form: Form,
    /// Where to look for PipelineResources that are in no file.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// A cluster, for what is not in the files.
#[derive(Debug, Args)]
#[command(next_help_heading = "PipelineResources that are in no file")]
pub struct ClusterArgs {
    /// Takes them from the cluster of this context of the kubeconfig.
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Takes them from the cluster of this kubeconfig.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The namespace of what has none in its metadata; that of the kubeconfig's context, or default.
    #[arg(long, short = 'n', value_name = "NAME")]
    pub namespace: Option<String>,
}

impl ClusterArgs {
    /// Whether a cluster is to be asked at all.
    pub const fn is_given(&self) -> bool {
        self.context.is_some() || self.kubeconfig.is_some()
    }
}

const TRANSLATE_EXAMPLES: &str = "\
Examples:
  gleaner translate -f examples/build-and-test.yaml | kubectl apply -f -

  # With the git repository and the image of a place of one's own:
  gleaner translate -f examples/build-and-test.yaml -p imageUrl=ghcr.io/me/app \\
    --resource knative-route-demo-git.url=https://git.example/mirror \\
    --image gcr.io/kaniko-project/executor=gcr.io/kaniko-project/executor:v1.24.0

  # The PipelineResources that the runs name exist in a cluster of old:
  gleaner translate -f pipeline.yaml -f run.yaml --context old -n builds

Exit codes: 0; 64 the command line is wrong, 69 the cluster is out of reach, 78 something in the files has no equal.";

/// Gleaner's own image of this version.
const OWN_IMAGE: &str = concat!("ghcr.io/gleaner-dev/gleaner:", env!("CARGO_PKG_VERSION"));

/// The options of `gleaner inject`.
#[derive(Debug, Args)]
#[command(after_help = INJECT_EXAMPLES)]
pub struct Inject {
    /// A file, or - for standard input.
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true, num_args = 1..)]
    pub files: Vec<String>,
    /// Gleaner's own image, which holds sidecar and redirector.
    #[arg(long, value_name = "IMAGE", env = "GLEANER_IMAGE", default_value = OWN_IMAGE)]
    pub image: String,
    /// When that image is pulled; without it as the cluster does.
    #[arg(long, value_enum, value_name = "POLICY")]
    pub image_pull_policy: Option<Pull>,
    /// The form of what is printed.
    #[arg(short = 'o', value_name = "FORM", value_enum, default_value_t = Form::Yaml)]
    pub form: Form,
    /// What it asks for of the CPU; 10m without it.
    #[arg(long, value_name = "QUANTITY", value_parser = parse_quantity, help_heading = "The sidecar")]
    pub cpu_request: Option<String>,
    /// What it may take of the CPU; 500m without it.
    #[arg(long, value_name = "QUANTITY", value_parser = parse_quantity, help_heading = "The sidecar")]
    pub cpu_limit: Option<String>,
    /// What it asks for of the memory; 16Mi without it.
    #[arg(long, value_name = "QUANTITY", value_parser = parse_quantity, help_heading = "The sidecar")]
    pub memory_request: Option<String>,
    /// What it may take of the memory; 128Mi without it.
    #[arg(long, value_name = "QUANTITY", value_parser = parse_quantity, help_heading = "The sidecar")]
    pub memory_limit: Option<String>,
    /// The user that it runs as; the image's own (65532) without it.
    #[arg(long, value_name = "UID", value_parser = clap::value_parser!(i64).range(1..=i64::from(u32::MAX >> 1)), help_heading = "The sidecar")]
    pub run_as_user: Option<i64>,
    /// How much it logs; its own default without it.
    #[arg(long, value_name = "LEVEL", value_parser = ["error", "warn", "info", "debug", "trace"], help_heading = "The sidecar")]
    pub sidecar_log_level: Option<String>,
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Pull {
    /// At each start.
    #[value(name = "Always")]
    Always,
    /// When it is not there.
    #[value(name = "IfNotPresent")]
    IfNotPresent,
    /// Never.
    #[value(name = "Never")]
    Never,
}

const INJECT_EXAMPLES: &str = "\
Examples:
  gleaner inject -f task.yaml | kubectl apply -f -

  # With the image from a registry of one's own:
  gleaner inject -f task.yaml --image registry.example/gleaner:0.1.0 | kubectl apply -f -

  # The proposal's own documents:
  gleaner translate -f examples/build-and-test.yaml | gleaner inject -f - | kubectl apply -f -

Exit codes: 0; 64 the command line is wrong, 78 a declaration is wrong, or a step cannot be wrapped here.";

/// The options of `gleaner completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    match duration::parse(text) {
        Ok(Duration::ZERO) => Err("a run needs some time; leave the flag out for 1h".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

fn parse_quantity(text: &str) -> Result<String, String> {
    if gleaner_injector::settings::is_quantity(text) {
        Ok(text.to_owned())
    } else {
        Err("write 100m, 1.5 or 64Mi".to_owned())
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

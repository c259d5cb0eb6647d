//! The options of `gleaner uninject`.

use clap::Args;

use super::{Files, Form};

#[derive(Debug, Args)]
#[command(after_help = UNINJECT_EXAMPLES)]
pub(crate) struct Uninject {
    #[command(flatten)]
    pub(crate) files: Files,
    /// Lists the documents that contain Gleaner or declare outputs, one per line, and prints no document.
    #[arg(long, conflicts_with_all = ["only_changed", "remove_declarations", "form"])]
    pub(crate) list: bool,
    /// Omits unchanged documents.
    #[arg(long)]
    pub(crate) only_changed: bool,
    /// Removes the declarations, too: otherwise a webhook would inject again.
    #[arg(long)]
    pub(crate) remove_declarations: bool,
    /// Output format.
    #[arg(short = 'o', long = "format", value_name = "FORM", value_enum, default_value_t = Form::Yaml)]
    pub(crate) form: Form,
}

const UNINJECT_EXAMPLES: &str = "\
Examples:
  gleaner uninject -f task.yaml | kubectl apply -f -

  # List all objects in a cluster that contain Gleaner or declare outputs:
  kubectl get tasks,pipelines,jobs,cronjobs --all-namespaces -o yaml | gleaner uninject -f - --list

  # Remove Gleaner from all of them, before it is uninstalled:
  kubectl get tasks,pipelines,cronjobs --all-namespaces -o yaml |
    gleaner uninject -f - --only-changed --remove-declarations | kubectl replace -f -

Exit codes: 0; 64 the command line is wrong or a file cannot be read.";

//! The options of `gleaner uninject`.

use std::path::PathBuf;

use clap::Args;

use super::{Files, Form};

#[derive(Debug, Args)]
#[command(after_help = UNINJECT_EXAMPLES)]
#[command(mut_arg("filename", |files| files.required_unless_present(CLUSTER)))]
pub(crate) struct Uninject {
    /// The input files; empty if `--list` reads from a cluster.
    #[command(flatten)]
    pub(crate) files: Files,
    #[command(flatten)]
    pub(crate) cluster: ListedCluster,
    /// Instead of the documents, print a list of the objects that contain Gleaner or declare outputs, one per line. The objects
    /// are read from files or from a cluster.
    #[arg(long, conflicts_with_all = ["only_changed", "remove_declarations", "form"])]
    pub(crate) list: bool,
    /// Omit unchanged documents.
    #[arg(long)]
    pub(crate) only_changed: bool,
    /// Also remove the declarations, so that no webhook injects Gleaner again.
    #[arg(long)]
    pub(crate) remove_declarations: bool,
    /// Output format.
    #[arg(short = 'o', long = "format", value_name = "FORM", value_enum, default_value_t = Form::Yaml)]
    pub(crate) form: Form,
}

/// The ID of the clap argument group for [`ListedCluster`].
const CLUSTER: &str = "cluster";

/// The cluster whose objects `--list` prints.
#[derive(Debug, Args)]
#[command(next_help_heading = "Listing objects in a cluster instead of files")]
#[group(id = CLUSTER, multiple = true, requires = "list", conflicts_with_all = ["filename", "paths"])]
pub(crate) struct ListedCluster {
    /// List the objects of all namespaces.
    #[arg(long, short = 'A', conflicts_with = "namespace")]
    pub(crate) all_namespaces: bool,
    /// List the objects of this namespace; defaults to that of the kubeconfig context, or 'default'.
    #[arg(long, short = 'n', value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Use this kubeconfig context instead of the current one.
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Use this kubeconfig file; defaults to KUBECONFIG or ~/.kube/config.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
}

const UNINJECT_EXAMPLES: &str = "\
Examples:
  gleaner uninject -f task.yaml | kubectl apply -f -

  # List all objects in a cluster that contain Gleaner or declare outputs:
  gleaner uninject --list --all-namespaces

  # Remove Gleaner from all of them, before it is uninstalled:
  kubectl get tasks,pipelines,cronjobs --all-namespaces -o yaml |
    gleaner uninject -f - --only-changed --remove-declarations | kubectl replace -f -

Exit codes: 0; 64 the command line is wrong or a file cannot be read; 69 the cluster is unreachable, or listing is not \
allowed; 74 standard output cannot be written.";

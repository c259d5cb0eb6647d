//! The options of `gleaner translate`.

use std::path::PathBuf;

use clap::Args;

use super::{Files, Form};

/// The default of `--git-image`, an image with git and a shell.
const GIT_IMAGE: &str = "docker.io/alpine/git:v2.52.0";

#[derive(Debug, Args)]
#[command(after_help = TRANSLATE_EXAMPLES)]
pub(crate) struct Translate {
    #[command(flatten)]
    pub(crate) files: Files,
    /// The image of the step that clones a git input; it must contain git and /bin/sh.
    #[arg(long, value_name = "IMAGE", default_value = GIT_IMAGE)]
    pub(crate) git_image: String,
    /// Omit PipelineResources, for a cluster without that kind.
    #[arg(long)]
    pub(crate) no_resources: bool,
    /// Output format.
    #[arg(short = 'o', long = "format", value_name = "FORM", value_enum, default_value_t = Form::Yaml)]
    pub(crate) form: Form,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "PipelineResources that are not in the files")]
pub(crate) struct ClusterArgs {
    /// Fetch PipelineResources from the cluster of this kubeconfig context.
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Fetch PipelineResources from the cluster of this kubeconfig.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Set the namespace for documents that specify none; defaults to that of the kubeconfig context, or 'default'.
    #[arg(long, short = 'n', value_name = "NAME")]
    pub(crate) namespace: Option<String>,
}

impl ClusterArgs {
    pub(crate) const fn is_given(&self) -> bool {
        self.context.is_some() || self.kubeconfig.is_some()
    }
}

const TRANSLATE_EXAMPLES: &str = "\
Examples:
  gleaner translate -f examples/build-and-test.yaml | kubectl apply -f -

  # Fetch the PipelineResources that the runs reference from an old cluster:
  gleaner translate -f pipeline.yaml -f run.yaml --context old -n builds

Exit codes: 0; 64 the command line is wrong, or a file cannot be read; 66 no file contains a document; 69 the cluster \
is unreachable; 74 standard output cannot be written; 78 a feature in the files has no equivalent.";

//! Where objects are created: in an API server within this process, or in a real cluster.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use gleaner_apiserver::EmbeddedApiServer;
use gleaner_core::document::diagnostic::suggestion;
use kube::config::Kubeconfig;
use serde_json::{Value, json};

use crate::args::Run;
use gleaner_proto::name::is_dns_label;

/// The namespace when nothing names one.
const DEFAULT_NAMESPACE: &str = "default";

/// A place where objects can be created.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// The namespace of the run.
    pub(crate) namespace: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Embedded {
        server: EmbeddedApiServer,
    },
    Real {
        kubeconfig: PathBuf,
        context: String,
    },
}

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    #[error("--crd {}: {error}", .file.display())]
    CrdFile {
        file: PathBuf,
        error: std::io::Error,
    },
    #[error("--crd {}: {error}", .file.display())]
    Crd {
        file: PathBuf,
        error: Box<gleaner_apiserver::CrdError>,
    },
    #[error(
        "--namespace {0}: this is no name of a namespace; it has lower-case letters, digits and '-', at most 63"
    )]
    Namespace(String),
    #[error("the API server of this run does not start: {0}")]
    Start(std::io::Error),
    #[error("no TaskRun can be made for this run: {0}")]
    TaskRun(#[from] gleaner_apiserver::SeedError),
    #[error("the kubeconfig cannot be read: {0}")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    #[error("the kubeconfig has no current context; say which with --context")]
    NoContext,
    #[error("the kubeconfig has no context '{name}'{}", .help.as_ref().map(|help| format!("; {help}")).unwrap_or_default())]
    UnknownContext { name: String, help: Option<String> },
    #[error("the kubeconfig cannot be handed on: {0}")]
    Merged(std::io::Error),
}

impl ClusterError {
    /// Whether the command line is wrong, and not the machine.
    pub(crate) const fn is_of_command_line(&self) -> bool {
        match self {
            Self::CrdFile { .. }
            | Self::Crd { .. }
            | Self::Namespace(_)
            | Self::Kubeconfig(_)
            | Self::NoContext
            | Self::UnknownContext { .. } => true,
            Self::Start(_) | Self::TaskRun(_) | Self::Merged(_) => false,
        }
    }
}

impl Cluster {
    /// The real cluster of the options, or else an embedded API server, which this starts.
    pub(crate) async fn open(options: &Run, folder: &Path) -> Result<Self, ClusterError> {
        let wrong = options
            .namespace
            .as_ref()
            .filter(|name| !is_dns_label(name));
        if let Some(name) = wrong {
            return Err(ClusterError::Namespace(name.clone()));
        }
        if options.context.is_some() || options.kubeconfig.is_some() {
            return Self::real(options, folder);
        }
        let namespace = options
            .namespace
            .as_deref()
            .unwrap_or(DEFAULT_NAMESPACE)
            .to_owned();
        let mut builder = EmbeddedApiServer::builder().namespace(&namespace);
        for file in &options.crds {
            let text = std::fs::read_to_string(file);
            let text = text.map_err(|error| ClusterError::CrdFile {
                file: file.clone(),
                error,
            })?;
            let crds = builder.crds(&text);
            builder = crds.map_err(|error| ClusterError::Crd {
                file: file.clone(),
                error: Box::new(error),
            })?;
        }
        let server = builder.start().await.map_err(ClusterError::Start)?;
        Ok(Self {
            namespace,
            place: Place::Embedded { server },
        })
    }

    fn real(options: &Run, folder: &Path) -> Result<Self, ClusterError> {
        let config = match &options.kubeconfig {
            Some(file) => Kubeconfig::read_from(file)?,
            None => Kubeconfig::read()?,
        };
        let context = options
            .context
            .clone()
            .or_else(|| config.current_context.clone());
        let context = context.ok_or(ClusterError::NoContext)?;
        let found = config
            .contexts
            .iter()
            .find(|candidate| candidate.name == context);
        let found = found.ok_or_else(|| ClusterError::UnknownContext {
            name: context.clone(),
            help: suggestion(
                &context,
                config
                    .contexts
                    .iter()
                    .map(|candidate| candidate.name.as_str()),
            ),
        })?;
        let own = found
            .context
            .as_ref()
            .and_then(|context| context.namespace.clone());
        let namespace = options
            .namespace
            .clone()
            .or(own)
            .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
        let kubeconfig = match &options.kubeconfig {
            Some(file) => file.clone(),
            None => merged(&config, folder).map_err(ClusterError::Merged)?,
        };
        Ok(Self {
            namespace,
            place: Place::Real {
                kubeconfig,
                context,
            },
        })
    }

    /// Makes the TaskRun that owns what is created, and returns its UID; nothing in a real cluster, which would run it.
    pub(crate) fn make_task_run(
        &self,
        name: &str,
        task: &str,
    ) -> Result<Option<String>, ClusterError> {
        let Place::Embedded { server } = &self.place else {
            return Ok(None);
        };
        let task_run = json!({
            "apiVersion": "tekton.dev/v1",
            "kind": "TaskRun",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"taskRef": {"name": task}},
        });
        let made = server.seed(task_run)?;
        Ok(made["metadata"]["uid"].as_str().map(str::to_owned))
    }

    /// The sidecar's arguments that lead it here.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        match &self.place {
            Place::Embedded { server } => vec!["--api-server".into(), server.url().into()],
            Place::Real {
                kubeconfig,
                context,
            } => vec![
                "--kubeconfig".into(),
                kubeconfig.into(),
                "--kube-context".into(),
                context.into(),
                "--no-owner".into(),
            ],
        }
    }

    /// Whether it ends with this process.
    pub(crate) const fn is_embedded(&self) -> bool {
        matches!(self.place, Place::Embedded { .. })
    }

    /// Where this is, in the words of a line.
    pub(crate) fn describe(&self) -> String {
        let namespace = &self.namespace;
        match &self.place {
            Place::Embedded { .. } => {
                format!("namespace {namespace} of an API server that lives as long as this run")
            }
            Place::Real { context, .. } => {
                format!("namespace {namespace} of the cluster {context}")
            }
        }
    }

    /// What is different from a run in the cluster.
    pub(crate) fn note(&self) -> Option<&'static str> {
        match &self.place {
            Place::Embedded { .. } => None,
            Place::Real { .. } => Some(
                "the cluster has no TaskRun of this run: what is created has no owner, and stays until you delete it",
            ),
        }
    }

    /// Ends an embedded API server.
    pub(crate) async fn close(self) {
        if let Place::Embedded { server } = self.place {
            server.shutdown().await;
        }
    }
}

/// The kubeconfig as one file: `KUBECONFIG` may name several, and the sidecar takes one.
fn merged(config: &Kubeconfig, folder: &Path) -> std::io::Result<PathBuf> {
    let path = folder.join("kubeconfig");
    let mut options = std::fs::OpenOptions::new();
    // It may hold credentials.
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    let config: Value = serde_json::to_value(config)?;
    file.write_all(config.to_string().as_bytes())?;
    Ok(path)
}

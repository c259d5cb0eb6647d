//! The API server in which a run creates its objects: a server embedded in this process, or a real cluster's.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use gleaner_local_apiserver::{LocalApiServer, SeedError};
use kube::config::Kubeconfig;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::args::Run;
use crate::failure::Failure;
use crate::files;
use crate::values::did_you_mean;
use gleaner_proto::name::is_dns_label;

const DEFAULT_NAMESPACE: &str = "default";

#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) namespace: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Embedded(LocalApiServer),
    Real {
        kubeconfig: PathBuf,
        context: String,
        /// The value of `--kubeconfig`. Without it, `kubectl` finds the context in the user's default kubeconfig.
        given: Option<PathBuf>,
    },
}

/// The settings with which `kubectl` connects to a cluster.
#[derive(Debug)]
pub(crate) struct Kubectl {
    /// The flags that select the cluster.
    pub(crate) arguments: Vec<String>,
    /// The kubeconfig of the local API server; removed on drop.
    pub(crate) file: Option<NamedTempFile>,
}

impl Cluster {
    /// Reads the kubeconfig of the cluster that the options select, or starts a local API server. `own` is the namespace in
    /// the documents, and `others` are the namespaces in the templates. The local API server creates these namespaces, except
    /// those in `later`, which the caller creates.
    pub(crate) async fn open(
        options: &Run,
        own: Option<&str>,
        others: &[String],
        later: &BTreeSet<&str>,
        directory: &Path,
    ) -> Result<Self, Failure> {
        let wrong = options.namespace.as_ref();
        if let Some(name) = wrong.filter(|name| !is_dns_label(name)) {
            return Err(Failure::usage(format_args!(
                "invalid value '{name}' for --namespace: use at most 63 lower-case letters, digits and '-'"
            )));
        }
        if let Some(name) = own.filter(|name| options.namespace.is_none() && !is_dns_label(name)) {
            return Err(Failure::usage(format_args!(
                "the documents contain the invalid namespace name '{name}': use at most 63 lower-case \
                 letters, digits and '-', or set another namespace with -n"
            )));
        }
        if options.context.is_some() || options.kubeconfig.is_some() {
            return Self::real(options, own, directory);
        }
        let namespace = options.namespace.as_deref().or(own);
        let namespace = namespace.unwrap_or(DEFAULT_NAMESPACE).to_owned();
        let mut builder = LocalApiServer::builder();
        let all = std::iter::once(&namespace).chain(others);
        for name in all.filter(|name| !later.contains(name.as_str())) {
            builder = builder.namespace(name);
        }
        for file in &options.crds {
            let wrong = |error: &dyn Display| {
                Failure::usage(format_args!("--crd {}: {error}", file.display()))
            };
            let text = files::read_text(file).map_err(|reason| wrong(&reason))?;
            builder = builder.crds(&text).map_err(|error| wrong(&error))?;
        }
        let server = builder.start().await.map_err(|error| {
            Failure::unreachable(format_args!(
                "the local API server failed to start: {error}"
            ))
        })?;
        Ok(Self {
            namespace,
            place: Place::Embedded(server),
        })
    }

    fn real(options: &Run, own: Option<&str>, directory: &Path) -> Result<Self, Failure> {
        let file = options.kubeconfig.as_ref();
        let config = file.map_or_else(Kubeconfig::read, Kubeconfig::read_from);
        let config = config
            .map_err(|error| Failure::usage(format_args!("cannot read the kubeconfig: {error}")))?;
        let context = options.context.clone().or(config.current_context.clone());
        let context = context.ok_or_else(|| {
            Failure::usage("the kubeconfig has no current context; select one with --context")
        })?;
        let contexts = &config.contexts;
        let found = contexts.iter().find(|known| known.name == context);
        let found = found.ok_or_else(|| {
            let help = did_you_mean(&context, contexts.iter().map(|known| &known.name));
            Failure::usage(format_args!(
                "the kubeconfig has no context '{context}'{help}"
            ))
        })?;
        let context_own = found.context.as_ref();
        let context_own = context_own.and_then(|context| context.namespace.as_deref());
        let namespace = options.namespace.as_deref().or(own).or(context_own);
        let namespace = namespace.unwrap_or(DEFAULT_NAMESPACE).to_owned();
        let kubeconfig = match &options.kubeconfig {
            Some(file) => file.clone(),
            None => merged(&config, directory).map_err(|error| {
                Failure::unreachable(format_args!(
                    "cannot write a copy of the kubeconfig for the sidecar: {error}"
                ))
            })?,
        };
        Ok(Self {
            namespace,
            place: Place::Real {
                kubeconfig,
                context,
                given: options.kubeconfig.clone(),
            },
        })
    }

    /// Creates the TaskRun or PipelineRun that owns the created objects, and returns its UID. In a real cluster, where Tekton
    /// would execute the run, creates nothing and returns `None`.
    pub(crate) fn make_run(
        &self,
        kind: &str,
        name: &str,
        spec: &Value,
        owner: Option<Value>,
    ) -> Result<Option<String>, Failure> {
        let Place::Embedded(server) = &self.place else {
            return Ok(None);
        };
        let mut run = json!({
            "apiVersion": "tekton.dev/v1",
            "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec,
        });
        if let Some(owner) = owner {
            run["metadata"]["ownerReferences"] = owner;
        }
        let made = server.seed(run).map_err(|error| {
            Failure::unreachable(format_args!("cannot create a {kind} for this run: {error}"))
        })?;
        Ok(made["metadata"]["uid"].as_str().map(str::to_owned))
    }

    /// Creates an object in the local API server, by default in the namespace of the run. In a real cluster, creates nothing.
    pub(crate) fn seed(&self, object: Value) -> Result<(), SeedError> {
        match &self.place {
            Place::Embedded(server) => server.seed_in(&self.namespace, object).map(drop),
            Place::Real { .. } => Ok(()),
        }
    }

    /// Returns the arguments that connect the sidecar to this cluster.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        match &self.place {
            Place::Embedded(server) => vec!["--api-server".into(), server.url().into()],
            Place::Real {
                kubeconfig,
                context,
                ..
            } => vec![
                "--kubeconfig".into(),
                kubeconfig.into(),
                "--kube-context".into(),
                context.into(),
                "--no-owner".into(),
            ],
        }
    }

    /// Returns the settings with which `kubectl` connects to this cluster. For the local API server, writes a kubeconfig to
    /// `directory`.
    pub(crate) fn kubectl(&self, directory: &Path) -> std::io::Result<Kubectl> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        match &self.place {
            Place::Embedded(server) => {
                let config = json!({
                    "apiVersion": "v1", "kind": "Config", "current-context": "run",
                    "clusters": [{"name": "run", "cluster": {"server": server.url()}}],
                    "contexts": [{"name": "run", "context": {"cluster": "run", "user": "run", "namespace": self.namespace}}],
                    "users": [{"name": "run", "user": {}}],
                });
                // `tempfile` creates the file with permissions that prevent other users from reading it.
                let mut builder = tempfile::Builder::new();
                let mut file = builder
                    .prefix("kubeconfig")
                    .rand_bytes(0)
                    .tempfile_in(directory)?;
                file.write_all(config.to_string().as_bytes())?;
                Ok(Kubectl {
                    arguments: vec!["--kubeconfig".to_owned(), text(file.path())],
                    file: Some(file),
                })
            }
            Place::Real { context, given, .. } => {
                let own = given.iter();
                let own = own.flat_map(|file| ["--kubeconfig".to_owned(), text(file)]);
                // The run's namespace may differ from the context's namespace.
                let context = [
                    "--context".to_owned(),
                    context.clone(),
                    "--namespace".to_owned(),
                    self.namespace.clone(),
                ];
                Ok(Kubectl {
                    arguments: own.chain(context).collect(),
                    file: None,
                })
            }
        }
    }

    pub(crate) const fn is_embedded(&self) -> bool {
        matches!(self.place, Place::Embedded(_))
    }

    pub(crate) fn describe(&self) -> String {
        let namespace = &self.namespace;
        match &self.place {
            Place::Embedded(_) => {
                format!("namespace {namespace} of a local API server, which stops with this run")
            }
            Place::Real { context, .. } => {
                format!("namespace {namespace} of the cluster {context}")
            }
        }
    }

    /// If the cluster is a real one, returns a note about how this run differs from a run that Tekton executes.
    pub(crate) fn note(&self) -> Option<&'static str> {
        match &self.place {
            Place::Embedded(_) => None,
            Place::Real { .. } => Some(
                "this local run has no TaskRun in the cluster, so the created objects have no owner and remain until you delete them",
            ),
        }
    }

    pub(crate) async fn close(self) {
        if let Place::Embedded(server) = self.place {
            server.shutdown().await;
        }
    }
}

/// Writes one merged kubeconfig and returns its path. `KUBECONFIG` may list several files, but the sidecar reads only one.
fn merged(config: &Kubeconfig, directory: &Path) -> std::io::Result<PathBuf> {
    let path = directory.join("kubeconfig");
    let mut options = std::fs::OpenOptions::new();
    // The kubeconfig may contain credentials, so only the user may read the file.
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    let config: Value = serde_json::to_value(config)?;
    file.write_all(config.to_string().as_bytes())?;
    Ok(path)
}

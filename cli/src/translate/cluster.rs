//! PipelineResources from a cluster.

use std::time::Duration;

use gleaner_core::document::Node;
use gleaner_proto::exit_code;
use gleaner_proto::kubernetes::{PIPELINE_RESOURCE_API_VERSION, PIPELINE_RESOURCE_KIND};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::args::ClusterArgs;
use gleaner_translate::{Fetched, Missing};

/// A cluster that does not answer by then is out of reach.
const DEADLINE: Duration = Duration::from_secs(10);

/// Why nothing can be had from the cluster.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClusterError {
    /// The kubeconfig is missing or makes no sense.
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// Nor can a client be made of it.
    #[error("no client can be made of the kubeconfig: {0}")]
    Client(kube::Error),
    /// The API server refuses, or does not answer.
    #[error("the PipelineResource '{name}' cannot be read from {cluster}: {error}")]
    Read {
        /// Its name.
        name: String,
        /// Which cluster.
        cluster: String,
        /// What it says.
        error: String,
    },
    /// This machine refuses.
    #[error("this machine refuses: {0}")]
    System(#[from] std::io::Error),
}

impl ClusterError {
    /// Returns the exit code: a wrong command line, or a cluster out of reach.
    pub(super) const fn exit_code(&self) -> u8 {
        match self {
            Self::Kubeconfig(_) | Self::Client(_) => exit_code::USAGE,
            Self::Read { .. } | Self::System(_) => exit_code::UNREACHABLE,
        }
    }
}

/// Fetches those of `wanted` that the cluster of the options has.
///
/// # Errors
/// When it is out of reach or refuses. That it has no such PipelineResource is no error.
pub(super) fn fetch(options: &ClusterArgs, wanted: &[Missing]) -> Result<Fetched, ClusterError> {
    // The one crypto provider of the process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(fetch_all(options, wanted))
}

async fn fetch_all(options: &ClusterArgs, wanted: &[Missing]) -> Result<Fetched, ClusterError> {
    let kubeconfig = match &options.kubeconfig {
        Some(file) => Kubeconfig::read_from(file)?,
        None => Kubeconfig::read()?,
    };
    let current = kubeconfig.current_context.clone();
    let context = options.context.clone().or(current).unwrap_or_default();
    let selection = KubeConfigOptions {
        context: options.context.clone(),
        ..KubeConfigOptions::default()
    };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &selection).await?;
    config.connect_timeout = Some(DEADLINE);
    config.read_timeout = Some(DEADLINE);
    if let Some(namespace) = &options.namespace {
        config.default_namespace.clone_from(namespace);
    }
    let own = config.default_namespace.clone();
    let client = Client::try_from(config).map_err(ClusterError::Client)?;
    let mut resources = Vec::new();
    let mut asked = Vec::new();
    for Missing { namespace, name } in wanted {
        let namespace = namespace.clone().unwrap_or_else(|| own.clone());
        let api: Api<DynamicObject> =
            Api::namespaced_with(client.clone(), &namespace, &pipeline_resource());
        let read = tokio::time::timeout(DEADLINE, api.get_opt(name)).await;
        let read = read
            .map_err(|_| "it does not answer".to_owned())
            .and_then(|read| read.map_err(|error| error.to_string()));
        let object = read.map_err(|error| ClusterError::Read {
            name: name.clone(),
            cluster: describe(&namespace, &context),
            error,
        })?;
        if let Some(object) = object {
            let document = serde_json::to_value(&object);
            let document = document.map_err(std::io::Error::from)?;
            resources.push((namespace.clone(), Node::from(&document)));
        }
        if !asked.contains(&namespace) {
            asked.push(namespace);
        }
    }
    Ok(Fetched {
        origin: describe(&asked.join(" or "), &context),
        resources,
    })
}

fn describe(namespace: &str, context: &str) -> String {
    format!("namespace {namespace} of the cluster {context}")
}

fn pipeline_resource() -> ApiResource {
    let (group, version) = PIPELINE_RESOURCE_API_VERSION
        .split_once('/')
        .expect("invariant: group and version");
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: PIPELINE_RESOURCE_API_VERSION.to_owned(),
        kind: PIPELINE_RESOURCE_KIND.to_owned(),
        plural: "pipelineresources".to_owned(),
    }
}

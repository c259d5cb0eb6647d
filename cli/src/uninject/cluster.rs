//! The list of everything in a cluster that has Gleaner in it, or declares outputs.

use std::process::ExitCode;

use gleaner_core::inject::removal;
use gleaner_proto::exit_code;
use gleaner_proto::name::is_dns_label;
use gleaner_runtime::api_server::{ApiServer, Bounds, Reason, RequestError, path};
use gleaner_runtime::error_chain;
use serde_json::Value;

use super::line;
use crate::args::ListedCluster;
use crate::failure::Failure;
use crate::printing;
use crate::terminal;

/// A kind with Tasks or pods in it.
struct Listed {
    kind: &'static str,
    plural: &'static str,
    /// The versions that hold the same objects: the first that the cluster serves is listed.
    versions: &'static [&'static str],
}

const TEKTON: &[&str] = &["tekton.dev/v1", "tekton.dev/v1beta1"];
const BATCH: &[&str] = &["batch/v1"];
const APPS: &[&str] = &["apps/v1"];

/// The listed kinds. Kinds that only these create, such as ReplicaSets, are omitted.
#[rustfmt::skip]
const KINDS: [Listed; 11] = [
    Listed { kind: "Task", plural: "tasks", versions: TEKTON },
    Listed { kind: "Pipeline", plural: "pipelines", versions: TEKTON },
    Listed { kind: "TaskRun", plural: "taskruns", versions: TEKTON },
    Listed { kind: "PipelineRun", plural: "pipelineruns", versions: TEKTON },
    Listed { kind: "CronJob", plural: "cronjobs", versions: BATCH },
    Listed { kind: "Job", plural: "jobs", versions: BATCH },
    Listed { kind: "JobSet", plural: "jobsets", versions: &["jobset.x-k8s.io/v1alpha2"] },
    Listed { kind: "Deployment", plural: "deployments", versions: APPS },
    Listed { kind: "StatefulSet", plural: "statefulsets", versions: APPS },
    Listed { kind: "DaemonSet", plural: "daemonsets", versions: APPS },
    Listed { kind: "Pod", plural: "pods", versions: &["v1"] },
];

/// Prints the list, and reports on standard error the kinds that are not in it.
pub(super) fn list(options: &ListedCluster) -> Result<ExitCode, u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let listed = runtime
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(list_all(options)));
    let (lines, is_complete) = listed.map_err(Failure::print)?;
    printing::write(&lines).map_err(Failure::print)?;
    Ok(if is_complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit_code::UNREACHABLE)
    })
}

/// Returns the lines, and true if every kind could be listed that the cluster serves.
async fn list_all(options: &ListedCluster) -> Result<(String, bool), Failure> {
    let (file, context) = (options.kubeconfig.as_deref(), options.context.as_deref());
    let api = ApiServer::of_kubeconfig(file, context, Bounds::default()).await;
    let api = api.map_err(|error| Failure::usage(error_chain(&error)))?;
    let namespace = options.namespace.as_deref().unwrap_or(api.namespace());
    if !is_dns_label(namespace) {
        return Err(Failure::usage(format_args!(
            "'{namespace}' is not a valid name of a namespace: use at most 63 lower-case letters, digits and '-'"
        )));
    }
    let namespace = (!options.all_namespaces).then_some(namespace);
    if let Some(name) = namespace {
        has_namespace(&api, name).await?;
    }
    let (mut all, mut is_complete) = (String::new(), true);
    for listed in &KINDS {
        match listed.lines(&api, namespace).await {
            Ok(Some(lines)) => all.extend(lines),
            Ok(None) => terminal::warning(format_args!(
                "the cluster does not serve {}, so the list does not include them",
                listed.full_name()
            )),
            Err(error) if is_of_one_kind(&error) => {
                is_complete = false;
                terminal::error(listed.omitted(&error, namespace));
            }
            Err(error) => {
                return Err(Failure::unreachable(format_args!(
                    "{} cannot be listed: {}",
                    listed.full_name(),
                    error_chain(&error)
                )));
            }
        }
    }
    Ok((all, is_complete))
}

/// Fails if the namespace does not exist: the API server returns empty lists for it, as for an empty namespace.
async fn has_namespace(api: &ApiServer, name: &str) -> Result<(), Failure> {
    match api.get(&path::object("v1", "namespaces", None, name)).await {
        Ok(None) => {
            let context = api.context().unwrap_or_default();
            Err(Failure::usage(format_args!(
                "the cluster {context} has no namespace '{name}'"
            )))
        }
        // A user who may list objects in a namespace may lack permission to get the namespace.
        Ok(Some(_)) | Err(_) => Ok(()),
    }
}

/// Returns true for a refusal that may concern this kind only.
fn is_of_one_kind(error: &RequestError) -> bool {
    let code = error.code().map(|code| code.as_u16());
    code.is_some_and(|code| code != 401) || matches!(error.reason, Reason::TooLarge(_))
}

impl Listed {
    /// Returns a line for each object that is injected or declares outputs; `None` if the kind is not served.
    async fn lines(
        &self,
        api: &ApiServer,
        namespace: Option<&str>,
    ) -> Result<Option<Vec<String>>, RequestError> {
        for version in self.versions {
            let collection = path::collection(version, self.plural, namespace);
            let of_object = |object: &Value| {
                let mut object = object.clone();
                // The items of a list of Kubernetes' own kinds have neither.
                object["apiVersion"] = (*version).into();
                object["kind"] = self.kind.into();
                line(&removal::remove(&object))
            };
            match api.list(&collection, of_object).await {
                Err(error) if error.code().is_some_and(|code| code.as_u16() == 404) => {}
                listed => return listed.map(Some),
            }
        }
        Ok(None)
    }

    /// The message about a kind that is not in the list.
    fn omitted(&self, error: &RequestError, namespace: Option<&str>) -> String {
        let remedy = match (error.code().map(|code| code.as_u16()), namespace) {
            (Some(403), None) => {
                "; ask for permission to list them in all namespaces, or list one namespace with -n"
            }
            (Some(403), Some(_)) => "; ask for permission to list them in this namespace",
            _ => "",
        };
        let (name, reason) = (self.full_name(), error_chain(error));
        format!("the list does not include {name}: {reason}{remedy}")
    }

    /// The plural with its group, as `kubectl get` takes it.
    fn full_name(&self) -> String {
        match self.versions[0].split_once('/') {
            Some((group, _)) => format!("{}.{group}", self.plural),
            None => self.plural.to_owned(),
        }
    }
}

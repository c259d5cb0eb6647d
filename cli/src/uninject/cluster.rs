//! Lists a cluster's objects that contain Gleaner or declare outputs.

use std::process::ExitCode;

use gleaner_core::inject::removal;
use gleaner_proto::exit_code;
use gleaner_runtime::api_server::{ApiServer, Reason, RequestError, path};
use gleaner_runtime::error_chain;
use serde_json::Value;

use super::line;
use crate::api_server::{block_on, connect, namespace};
use crate::args::ListedCluster;
use crate::failure::Failure;
use crate::printing;
use crate::terminal;

/// A kind whose objects contain Tasks or pods.
struct Listed {
    kind: &'static str,
    plural: &'static str,
    /// The versions of the kind. The first version that the cluster serves is used.
    versions: &'static [&'static str],
}

const TEKTON: &[&str] = &["tekton.dev/v1", "tekton.dev/v1beta1"];
const BATCH: &[&str] = &["batch/v1"];
const APPS: &[&str] = &["apps/v1"];

/// The kinds to list. Omits kinds such as ReplicaSets, whose objects are created from objects of the listed kinds.
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

/// Prints the list. Messages on standard error name the kinds that could not be listed.
pub(super) fn list(options: &ListedCluster) -> Result<ExitCode, u8> {
    let (lines, is_complete) = block_on(list_all(options)).map_err(Failure::print)?;
    printing::write(&lines).map_err(Failure::print)?;
    Ok(if is_complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit_code::UNREACHABLE)
    })
}

/// Returns the lines, and a flag that is true if all kinds that the cluster serves were listed.
async fn list_all(options: &ListedCluster) -> Result<(String, bool), Failure> {
    let api = connect(options.kubeconfig.as_deref(), options.context.as_deref()).await?;
    let namespace = namespace(&api, options.namespace.as_deref())?;
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
                    "cannot list {}: {}",
                    listed.full_name(),
                    error_chain(&error)
                )));
            }
        }
    }
    Ok((all, is_complete))
}

/// Fails if the namespace does not exist. The list requests cannot detect this, because the API server returns an empty list for
/// a missing namespace.
async fn has_namespace(api: &ApiServer, name: &str) -> Result<(), Failure> {
    match api.get(&path::object("v1", "namespaces", None, name)).await {
        Ok(None) => {
            let context = api.context().unwrap_or_default();
            Err(Failure::usage(format_args!(
                "the cluster {context} has no namespace '{name}'"
            )))
        }
        // A user may be allowed to list objects in a namespace without being allowed to get the namespace, so ignore errors.
        Ok(Some(_)) | Err(_) => Ok(()),
    }
}

/// Returns true if the request failed for a reason that may affect only this kind.
fn is_of_one_kind(error: &RequestError) -> bool {
    let code = error.code().map(|code| code.as_u16());
    code.is_some_and(|code| code != 401) || matches!(error.reason, Reason::TooLarge(_))
}

impl Listed {
    /// Returns a line for each object that is injected or declares outputs. Returns `None` if the cluster does not serve the
    /// kind.
    async fn lines(
        &self,
        api: &ApiServer,
        namespace: Option<&str>,
    ) -> Result<Option<Vec<String>>, RequestError> {
        for version in self.versions {
            let collection = path::collection(version, self.plural, namespace);
            let of_object = |mut object: Value| {
                // The API server omits these fields from the items in a list of a built-in kind.
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

    /// Returns the message for a kind that could not be listed.
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

    /// Returns the plural name with its group, a form that `kubectl get` accepts.
    fn full_name(&self) -> String {
        match self.versions[0].split_once('/') {
            Some((group, _)) => format!("{}.{group}", self.plural),
            None => self.plural.to_owned(),
        }
    }
}

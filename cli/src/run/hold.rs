//! Holds a run after its last task (`--hold`): the tasks' pages and the local API server stay available until a signal
//! arrives.

use std::collections::BTreeMap;

use gleaner_proto::message::Phase;
use gleaner_proto::path::{FINISH_STEP, TOKEN_FILE};
use gleaner_proto::route;
use gleaner_runtime::shutdown::Signals;
use serde_json::Value;

use super::cluster::Cluster;
use super::directory::RunDirectory;
use super::outcome::SHUTDOWN_TIMEOUT;
use super::plan::{Plan, needs_no_quotes};
use super::progress::Progress;
use super::sidecar_process::SidecarProcess;
use crate::failure::Failure;

/// A finished task whose sidecar is still running.
#[derive(Debug)]
pub(crate) struct Held {
    sidecar: SidecarProcess,
    /// The name of the pipeline task; `None` without a pipeline.
    task: Option<String>,
    /// The command that requests the submission, if the submission waits only for this request.
    submit: Option<String>,
}

impl Held {
    /// Returns the held task for `plan`. If nothing was created because no submit request arrived, `phase` is the sidecar's
    /// phase.
    pub(crate) fn new(sidecar: SidecarProcess, plan: &Plan, phase: Option<Phase>) -> Self {
        let token = plan.directory.own_run(FINISH_STEP).join(TOKEN_FILE);
        let submit = (phase == Some(Phase::Resolved)).then(|| {
            format!(
                "curl -sS -X POST -H \"Authorization: Bearer $(cat {})\" {}{}",
                quoted(&token.to_string_lossy()),
                sidecar.page.trim_end_matches('/'),
                route::SUBMIT
            )
        });
        Self {
            sidecar,
            task: plan.pipeline_task.clone(),
            submit,
        }
    }
}

/// Prints how to inspect the run, waits for a signal, and then shuts down the sidecars.
///
/// # Errors
/// Fails if the kubeconfig of the local API server cannot be written.
pub(crate) async fn until_signal(
    held: Vec<Held>,
    cluster: &Cluster,
    directory: &RunDirectory,
    objects: &[Value],
    interrupt: &mut Signals,
) -> Result<(), Failure> {
    let access = cluster.kubectl(directory.path())?;
    Progress::requested("the run finished; press Ctrl-C to exit");
    for one in &held {
        let of_task = one.task.iter().map(|task| format!(" of task {task}"));
        let of_task: String = of_task.collect();
        Progress::requested(&format!("page{of_task}: {}", one.sidecar.page));
        if let Some(command) = &one.submit {
            Progress::requested(&format!(
                "command to create the objects{of_task}: {command}"
            ));
        }
    }
    if let Some(file) = &access.file {
        Progress::requested(&format!("kubeconfig: {}", file.path().display()));
    }
    for command in commands(&access.arguments, &cluster.namespace, objects) {
        Progress::requested(&command);
    }
    interrupt.next().await;
    let ends = async {
        for one in held {
            one.sidecar.end(SHUTDOWN_TIMEOUT).await;
        }
    };
    tokio::select! {
        () = ends => {}
        // A second signal ends the wait for the shutdown. The sidecars that are still running are killed when they are dropped.
        _ = interrupt.next() => {}
    }
    Ok(())
}

/// Returns the `kubectl` commands that show `objects`, one for each namespace. `access` contains the flags that select the
/// cluster, and `namespace` is the default namespace of `kubectl`.
fn commands(access: &[String], namespace: &str, objects: &[Value]) -> Vec<String> {
    let mut by_namespace: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for object in objects {
        let text = |value: &'static str| object[value].as_str().unwrap_or_default();
        let metadata = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
        let group = text("apiVersion").split_once('/');
        let group: String = group
            .map(|(group, _)| format!(".{group}"))
            .into_iter()
            .collect();
        let target = format!("{}{group}/{}", text("kind"), metadata("name"));
        let of_namespace = by_namespace.entry(metadata("namespace")).or_default();
        of_namespace.push(quoted(&target));
    }
    let words = access.iter().map(|word| quoted(word));
    let kubectl = words.fold("kubectl".to_owned(), |all, word| format!("{all} {word}"));
    if by_namespace.is_empty() {
        return vec![format!("{kubectl} api-resources")];
    }
    let commands = by_namespace.into_iter().map(|(own, targets)| {
        let selects = !own.is_empty() && own != namespace;
        let option = if selects {
            format!(" -n {own}")
        } else {
            String::new()
        };
        format!("{kubectl} get{option} {}", targets.join(" "))
    });
    commands.collect()
}

/// Returns the word. If a shell would not read it as one word, adds quotation marks.
fn quoted(word: &str) -> String {
    match needs_no_quotes(word.as_ref()) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_command_shows_all_objects_of_a_namespace() {
        let object = |version: &str, kind: &str, namespace: Option<&str>, name: &str| json!({"apiVersion": version, "kind": kind, "metadata": {"namespace": namespace, "name": name}});
        let objects = [
            object("v1", "ConfigMap", Some("ci"), "a"),
            object("apps/v1", "Deployment", Some("ci"), "b"),
            object("v1", "ConfigMap", Some("other"), "c"),
            object(
                "rbac.authorization.k8s.io/v1",
                "ClusterRole",
                None,
                "system:x",
            ),
        ];
        let access = ["--context".to_owned(), "it's mine".to_owned()];
        assert_eq!(
            commands(&access, "ci", &objects),
            [
                r"kubectl --context 'it'\''s mine' get ClusterRole.rbac.authorization.k8s.io/system:x",
                r"kubectl --context 'it'\''s mine' get ConfigMap/a Deployment.apps/b",
                r"kubectl --context 'it'\''s mine' get -n other ConfigMap/c",
            ]
        );
        assert_eq!(commands(&[], "ci", &[]), ["kubectl api-resources"]);
    }
}

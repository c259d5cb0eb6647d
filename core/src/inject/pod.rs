//! Adds the redirector and the sidecar to a pod that declares outputs, or whose Task declares them.
//!
//! | module | contents |
//! | --- | --- |
//! | `taskrun` | pods that Tekton creates: completes the sidecar, and inserts the redirector into each step |
//! | [`job`] | Jobs that own pods |
//! | [`restarts`] | containers that may restart, and would then post twice |
//! | `pod_resources` | fits the sidecar's resources into those of the pod |
//! | `removal` | removes the redirector and the sidecar from a pod |
//! | `plain` | any other pod with the annotation; the containers are the steps |
//! | `entrypoint` | inserts the redirector between Tekton's entrypoint and the step's command |
//! | `scripts` | makes the redirector the interpreter of scripts with Tekton's artifact variables |
//! | `sidecar` | the sidecar's container |
//! | `kubelet_expansion` | escapes `$` in arguments, because the kubelet expands `$(NAME)` |

mod entrypoint;
pub(crate) mod job;
mod kubelet_expansion;
mod plain;
mod pod_resources;
mod removal;
pub(crate) mod restarts;
mod scripts;
mod sidecar;
mod taskrun;

use std::collections::HashSet;

use crate::document::diagnostic::Diagnostic;
pub(crate) use removal::remove;

use crate::document::{Cursor, Diagnostics, Node, Place};
use gleaner_proto::kubernetes::{SIDECAR_CONTAINER, annotation, label};
use gleaner_proto::path;
use serde_json::Value;

use crate::inject::list;
use crate::inject::messages;
use crate::inject::mounts;
use crate::inject::outcome::{Outcome, Refusal, Skip};
use crate::inject::settings::Settings;
use crate::inject::shape;
use crate::inject::stray;
use crate::task::step::STEPS_MAX;

/// The lists of containers in a pod's spec.
const LISTS: [&str; 2] = ["initContainers", "containers"];

/// The maximum number of containers in a pod, including init containers. Twice the maximum number of steps, because other
/// injectors add containers too.
const CONTAINERS_MAX: usize = 2 * STEPS_MAX;

/// The form of a pod outside Tekton.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// A Pod, whose owner is known.
    Pod,
    /// A pod template. The sidecar receives these properties of the pod's Job in environment variables.
    Template(&'static [job::Property]),
}

/// Injects Gleaner into a pod at creation. Rejects annotations without effect if a user wrote them on the pod, but not if a
/// controller copied them from another object.
///
/// # Errors
/// Fails if [`inject_containers`] fails, and returns an error for each annotation that has no effect.
pub fn inject(pod: &Value, settings: &Settings) -> Result<Outcome, Refusal> {
    let mut found = Diagnostics::default();
    let leaves = pod.pointer("/metadata/deletionTimestamp").is_some();
    if !leaves && !list::has_controller(pod) && label_of(pod, label::TASK_RUN).is_none() {
        stray::find(&Node::from(pod), &HashSet::new(), &mut found);
    }
    match inject_containers(pod, Form::Pod, settings) {
        Ok(outcome) => Ok(found.finish(outcome)?),
        Err(refusal) => {
            found.extend(refusal.diagnostics);
            Err(found.into_vec().into())
        }
    }
}

/// Injects into a pod, or into a pod template.
///
/// Injection is idempotent, and does not depend on what other injectors add before or after it.
///
/// # Errors
/// Returns the reasons why Gleaner cannot be injected into the pod.
pub(crate) fn inject_containers(
    pod: &Value,
    form: Form,
    settings: &Settings,
) -> Result<Outcome, Refusal> {
    if pod.pointer("/metadata/deletionTimestamp").is_some() {
        return Ok(Outcome::Skipped(Skip::Deleting));
    }
    let declaration = &pod["metadata"]["annotations"][annotation::OUTPUTS];
    let declaration = Some(declaration).filter(|declaration| !declaration.is_null());
    let sidecar = sidecar::find(pod);
    let sidecar = sidecar.map(|place| (place, sidecar::state(pod, place)));
    let asks =
        declaration.is_some() || !matches!(sidecar, None | Some((_, sidecar::State::Foreign)));
    let windows = windows(&pod["spec"], &Place::from(["spec"]));
    let count: usize = LISTS.iter().map(|list| containers(pod, list).len()).sum();
    let injected = match (sidecar, declaration) {
        (Some((place, sidecar::State::InPod(args))), _) => {
            taskrun::check_kinds(place, &args, settings)?;
            let again = again(pod, place);
            if again == *pod {
                return Ok(Outcome::Skipped(Skip::Done));
            }
            again
        }
        (Some((_, sidecar::State::Foreign)), None) => return Ok(Outcome::Skipped(Skip::NotAsked)),
        _ if asks && count > CONTAINERS_MAX => return Err(Refusal::new(too_many(count))),
        _ if asks && !misshapen(pod).is_empty() => return Err(misshapen(pod).into()),
        (_, Some(_)) | (Some(_), None) if windows.is_some() => {
            return Err(windows.into_iter().collect::<Vec<_>>().into());
        }
        (Some((place, sidecar::State::Foreign)), Some(_)) => {
            return Err(Refusal::new(name_taken(place)));
        }
        (Some((place, sidecar::State::InTask(args))), _) => {
            taskrun::inject(pod, place, &args, settings)?
        }
        (None, None) => return Ok(Outcome::Skipped(Skip::NotAsked)),
        (None, Some(_)) if is_affinity_assistant(pod) => {
            return Ok(Outcome::Skipped(Skip::NotAsked));
        }
        (None, Some(_)) if label_of(pod, label::TASK_RUN).is_some() => {
            return Err(Refusal::new(not_injected()));
        }
        (None, Some(_)) => {
            let changed = plain::inject(pod, form, settings)?;
            return Ok(Outcome::Changed(changed));
        }
    };
    Ok(Outcome::Changed(injected.into()))
}

/// Removes the injected parts from a pod that does not belong to a TaskRun, but keeps any edits that a user made after injection.
/// Returns any other pod unchanged.
pub(crate) fn original(pod: &Value) -> Value {
    let mut original = pod.clone();
    let is_injected = sidecar::find(pod)
        .is_some_and(|place| matches!(sidecar::state(pod, place), sidecar::State::InPod(_)));
    if is_injected && label_of(pod, label::TASK_RUN).is_none() {
        remove(&mut original);
    }
    original
}

/// Adapts an injected pod, with its sidecar at `place`, to the changes that other webhooks made: updates the number of
/// containers, and restores the sidecar's restart policy.
fn again(pod: &Value, place: (&'static str, usize)) -> Value {
    let mut again = pod.clone();
    let containers = messages::count_again(&mut again);
    scripts::change_flags(&mut again, |flags| {
        messages::count_in(flags, containers);
    });
    sidecar::restore(&mut again, place);
    again
}

/// Reports the fields that injection reads, if they have the wrong type.
fn misshapen(pod: &Value) -> Vec<Diagnostic> {
    let node = Node::from(pod);
    let mut found = Diagnostics::default();
    shape::pod(&Cursor::root(&node), &mut found);
    found.into_vec()
}

/// Reports mounts of Gleaner's volumes in a pod that is not injected yet.
fn borrowed_mounts(pod: &Value) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for list in LISTS {
        for (index, container) in containers(pod, list).iter().enumerate() {
            let place = Place::from(["spec", list]).index(index);
            found.extend(mounts::borrowed(container, &place));
        }
    }
    found
}

fn too_many(containers: usize) -> Diagnostic {
    let message =
        format!("the pod has {containers} containers, but Gleaner allows at most {CONTAINERS_MAX}");
    Diagnostic::new(["spec", "containers"], None, message).help("split it into several pods")
}

/// Returns the error to report for a TaskRun's pod if the Task was not injected: either the Task was applied without the webhook,
/// or the annotation is on the Pipeline or a run instead of the Task. Tekton copies annotations from the Pipeline to the
/// PipelineRun, then to the TaskRun, and then to the pod.
fn not_injected() -> Diagnostic {
    let place = Place::of_annotation(annotation::OUTPUTS);
    let message = "this TaskRun declares outputs, but Gleaner's webhook did not inject its Task";
    Diagnostic::new(place, None, message).help(
        "apply the Task again now that Gleaner is installed; if the annotation is on a Pipeline, or on a run that refers to a Task, \
         move it to the Task, because Tekton copies it only to the pods",
    )
}

/// Returns an error if any of the fields that select the operating system selects Windows. `spec`, at `place`, is a pod's spec or
/// a Tekton pod template.
pub(crate) fn windows(spec: &Value, place: &Place) -> Option<Diagnostic> {
    let fields = [["os", "name"], ["nodeSelector", "kubernetes.io/os"]];
    let field = fields
        .into_iter()
        .find(|[map, key]| spec[map][key] == "windows")?;
    let message = "this pod is for Windows, where Gleaner's redirector and sidecar do not run";
    let place = place.join(&Place::from(field));
    let help = "produce the outputs in a step on Linux, or remove the annotation";
    Some(Diagnostic::new(place, None, message).help(help))
}

fn name_taken((list, index): (&str, usize)) -> Diagnostic {
    let place = Place::from(["spec", list]).index(index).key("name");
    let message =
        format!("the container '{SIDECAR_CONTAINER}' has a name that is reserved for Gleaner");
    Diagnostic::new(place, None, message).help("rename it")
}

/// Returns true for affinity assistants, the pods that keep workspaces on one node. These pods have the annotations of a
/// PipelineRun, but no steps (`pkg/reconciler/pipelinerun/affinity_assistant.go`).
fn is_affinity_assistant(pod: &Value) -> bool {
    label_of(pod, "app.kubernetes.io/component") == Some("affinity-assistant")
}

fn label_of<'a>(pod: &'a Value, key: &str) -> Option<&'a str> {
    let value = pod["metadata"]["labels"][key].as_str();
    value.filter(|value| !value.is_empty())
}

/// Returns the redirector and its arguments, up to and including the `--` before the command, escaped for the kubelet.
fn prefix(flags: &[String]) -> Vec<String> {
    let flags = flags.iter().map(|flag| kubelet_expansion::escape(flag));
    std::iter::once(path::REDIRECTOR.to_owned())
        .chain(flags)
        .chain(["--".to_owned()])
        .collect()
}

/// Returns the containers in the field `list` of a pod's spec.
fn containers<'a>(pod: &'a Value, list: &str) -> &'a [Value] {
    list::items(&pod["spec"], list)
}

/// Returns the containers in the field `list` of a pod's spec. If the field does not exist, creates it.
fn containers_mut<'a>(pod: &'a mut Value, list: &str) -> &'a mut Vec<Value> {
    let list = &mut pod["spec"][list];
    if !list.is_array() {
        *list = Value::Array(Vec::new());
    }
    list.as_array_mut()
        .expect("invariant: it was created above")
}

fn name_of(container: &Value) -> &str {
    container["name"].as_str().unwrap_or_default()
}

fn texts(container: &Value, key: &str) -> Vec<String> {
    list::texts(container, key).map(str::to_owned).collect()
}

//! Pods of TaskRuns.

use crate::declaration::{Declaration, Scope};
use crate::document::diagnostic::Diagnostic;
use crate::document::{Diagnostics, Place};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gleaner_proto::arguments::{Arguments, RunValues, TERMINATION_SHARE, UNWRAPPED_VARIABLE};
use gleaner_proto::kubernetes::label;
use gleaner_proto::path::FINISH_STEP;
use gleaner_proto::redirector::{FINISH_COMMAND, INJECTED};
use gleaner_termination::Share;
use serde_json::Value;

use super::{containers, containers_mut, entrypoint, label_of, name_of, prefix, scripts, sidecar};
use crate::inject::messages::{Messages, ResultsFrom};
use crate::inject::redirector_flags::{self, Paths, Step};
use crate::inject::settings::Settings;
use crate::inject::{list, messages, mounts};

/// Tekton's prefix for the container names of steps (`pkg/pod/pod.go`).
const STEP_PREFIX: &str = "step-";

/// Injects into the pod of an injected Task. The pod's sidecar is at `place` and has the arguments `args`. Fails if the pod is
/// not in the form that Tekton generates.
pub(super) fn inject(
    pod: &Value,
    place: (&'static str, usize),
    args: &[String],
    settings: &Settings,
) -> Result<Value, Vec<Diagnostic>> {
    let (list, index) = place;
    let at = Place::from(["spec", list]).index(index).key("args");
    let arguments = Arguments::parse(args)
        .map_err(|error| vec![Diagnostic::new(&at, None, error.to_string())])?;
    let declaration = declaration(&arguments, &at)?;
    // The check is repeated here, because the Task may have been created without the webhook, or the list of allowed kinds
    // may have changed since.
    let refused = settings.kinds.check(&declaration);
    if !refused.is_empty() {
        return Err(refused);
    }
    let mut changed = pod.clone();
    let Value::Object(mut injected) = containers_mut(&mut changed, list).remove(index) else {
        return Err(vec![mismatch("the sidecar is not a valid container")]);
    };
    if let Some(Value::Array(variables)) = injected.get_mut("env") {
        variables.retain(|variable| variable["name"] != UNWRAPPED_VARIABLE);
    }
    let borrowed = super::borrowed_mounts(&changed);
    if !borrowed.is_empty() {
        return Err(borrowed);
    }
    let results_from = results_from(pod);
    let share = messages::share(pod, added(&arguments), results_from);
    wrap_steps(&mut changed, &declaration, &arguments, share, settings)?;
    list::push(&mut changed["spec"], "volumes", mounts::volume());
    let mut arguments = encoded(pod, arguments);
    if results_from != ResultsFrom::SidecarLogs {
        arguments
            .others
            .push(format!("{TERMINATION_SHARE}={share}"));
    }
    sidecar::place(&mut changed, injected, &arguments, settings)?;
    Ok(changed)
}

/// Checks the declared kinds in a pod that is already injected, because it is possible that no webhook has checked these kinds
/// yet. The sidecar itself rejects a declaration that cannot be parsed.
pub(super) fn check_kinds(
    (list, index): (&'static str, usize),
    args: &[String],
    settings: &Settings,
) -> Result<(), Vec<Diagnostic>> {
    let at = Place::from(["spec", list]).index(index).key("args");
    let Ok(arguments) = Arguments::parse(args) else {
        return Ok(());
    };
    let Ok(declaration) = declaration(&arguments, &at) else {
        return Ok(());
    };
    match settings.kinds.check(&declaration) {
        refused if refused.is_empty() => Ok(()),
        refused => Err(refused),
    }
}

fn declaration(arguments: &Arguments, place: &Place) -> Result<Declaration, Vec<Diagnostic>> {
    let bytes = STANDARD.decode(&arguments.declaration).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let message = "the declaration is not base64-encoded text";
    let text = text.ok_or_else(|| vec![Diagnostic::new(place, None, message)])?;
    // The positions of errors are removed, because they do not refer to a user's file. The scope is empty, because the
    // declaration was checked against the Task when the Task was injected.
    Declaration::parse(&text, &Scope::default()).map_err(|mut found| {
        found.iter_mut().for_each(|diagnostic| diagnostic.at = None);
        found
    })
}

/// Returns the source of the pod's results; Tekton passes the same source to every step.
fn results_from(pod: &Value) -> ResultsFrom {
    let mut all = containers(pod, "containers").iter();
    let step = all.find(|container| name_of(container).starts_with(STEP_PREFIX));
    step.map(entrypoint::results_from).unwrap_or_default()
}

/// Returns the number of Gleaner's containers in the pod: the sidecar, and the finish step if it was added.
fn added(arguments: &Arguments) -> usize {
    1 + arguments
        .steps
        .iter()
        .filter(|step| *step == FINISH_STEP)
        .count()
}

/// Injects into each step. Containers and steps are matched by their order, because Tekton truncates names that are too long for
/// containers (`pkg/names/generate.go`).
fn wrap_steps(
    pod: &mut Value,
    declaration: &Declaration,
    arguments: &Arguments,
    share: Share,
    settings: &Settings,
) -> Result<(), Vec<Diagnostic>> {
    let all = containers(pod, "containers").iter().enumerate();
    let steps = all.filter(|(_, container)| name_of(container).starts_with(STEP_PREFIX));
    let steps: Vec<usize> = steps.map(|(index, _)| index).collect();
    if steps.len() != arguments.steps.len() {
        let (found, injected) = (steps.len(), arguments.steps.len());
        let message =
            format!("the pod has {found} steps, but the Task had {injected} when it was injected");
        return Err(vec![mismatch(&message)]);
    }
    let last = arguments.steps.last().map(String::as_str);
    let paths = Paths::of(&arguments.paths);
    let mut wrong = Diagnostics::default();
    for (order, (index, name)) in steps.into_iter().zip(&arguments.steps).enumerate() {
        let place = Place::from(["spec", "containers"]).index(index);
        let container = &mut containers_mut(pod, "containers")[index];
        let step = Step {
            name,
            is_first: order == 0,
            finishes: Some(name.as_str()) == last,
            termination_message: None,
            messages: entrypoint::messages(container, share),
        };
        wrong.extend(mounts::in_the_way(container, &place));
        mounts::add_to_step(container, name);
        let wrapped = if name == FINISH_STEP {
            complete_finish_step(container, &step.messages, settings, &place)
        } else {
            let flags = redirector_flags::flags(declaration, &step, &paths);
            let script = entrypoint::lone_command(container).map(str::to_owned);
            if script.is_some_and(|script| scripts::interpret(pod, &script, &flags)) {
                Ok(())
            } else {
                let container = &mut containers_mut(pod, "containers")[index];
                entrypoint::inject(container, &prefix(&flags), &place)
            }
        };
        wrong.extend(wrapped.err());
    }
    wrong.finish(())
}

/// Sets the image and the flags in the finish step to those of this release. The step already runs the redirector.
fn complete_finish_step(
    container: &mut Value,
    messages: &Messages,
    settings: &Settings,
    place: &Place,
) -> Result<(), Diagnostic> {
    if let Value::Object(container) = container {
        settings.set_image(container);
    }
    let args = [FINISH_COMMAND, INJECTED].map(str::to_owned).into_iter();
    entrypoint::set_args(container, args.chain(messages.flags()), place)
}

/// Encodes all values from Tekton or the pod as one base64 argument, so that the kubelet does not expand `$` in them.
fn encoded(pod: &Value, arguments: Arguments) -> Arguments {
    let mut context: std::collections::BTreeMap<_, _> = arguments.context.iter().cloned().collect();
    // The API server's data about the pod takes precedence over values that Tekton substituted.
    if let Some(run) = owning_run(pod) {
        for key in ["name", "uid"] {
            if let Some(value) = run[key].as_str() {
                context.insert(format!("taskRun.{key}"), value.to_owned());
            }
        }
    }
    if let Some(name) = label_of(pod, label::PIPELINE_RUN) {
        context.insert("pipelineRun.name".to_owned(), name.to_owned());
        if let Some(namespace) = context.get("taskRun.namespace").cloned() {
            context.insert("pipelineRun.namespace".to_owned(), namespace);
        }
    }
    if let Some(uid) = label_of(pod, label::PIPELINE_RUN_UID) {
        context.insert("pipelineRun.uid".to_owned(), uid.to_owned());
    }
    let pipeline_task = label_of(pod, label::PIPELINE_TASK);
    let labels = pipeline_task.map(|task| (label::PIPELINE_TASK.to_owned(), task.to_owned()));
    let values = RunValues {
        params: arguments.params(),
        context,
        labels: labels.into_iter().collect(),
    };
    let json = serde_json::to_vec(&values).expect("invariant: maps of text and JSON are JSON");
    Arguments {
        unwrapped: false,
        context: Vec::new(),
        params: Vec::new(),
        paths: Vec::new(),
        values: STANDARD.encode(json),
        ..arguments
    }
}

/// Returns the owner reference to the pod's TaskRun.
fn owning_run(pod: &Value) -> Option<&Value> {
    let mut owners = list::items(&pod["metadata"], "ownerReferences").iter();
    owners.find(|owner| {
        let version = owner["apiVersion"].as_str().unwrap_or_default();
        version.starts_with("tekton.dev/") && owner["kind"] == "TaskRun"
    })
}

fn mismatch(message: &str) -> Diagnostic {
    Diagnostic::new(["spec", "containers"], None, message)
        .help("apply the Task again, so that Gleaner's webhook injects it")
}

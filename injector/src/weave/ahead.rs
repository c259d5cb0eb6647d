//! Everything that a pod needs, in the TaskSpec itself: for clusters where nobody may install a webhook.
//!
//! What a webhook does to the pod can be said in a TaskSpec too, as long as a step has a `command` or a `script`: the
//! image's own command is known to Tekton's controller alone. A command moves behind the redirector's `--`. A script stays
//! Tekton's to deliver (it substitutes its variables and shields it from the kubelet), but its first line makes the
//! redirector its interpreter, and its second holds the redirector's flags:
//!
//! ```text
//! #!/gleaner/bin/redirector --script
//! #gleaner: ["--step=build","--output=digest"]
//! #!/usr/bin/env python3
//! ```

use gleaner_proto::declaration::Declaration;
use gleaner_proto::diagnostic::Diagnostic;
use gleaner_proto::path::{self, FINISH_STEP};
use gleaner_task::{Action, Step, TaskSpec};
use serde_json::{Map, Value, json};

use super::finish::Finish;
use crate::parts::redirector::{self, Step as Redirected};
use crate::parts::{mounts, readiness};

/// How Tekton begins a script that has no `#!` of its own (`pkg/pod/script.go`).
const PREAMBLE: &str = "#!/bin/sh\nset -e\n";

/// Puts the redirector before the steps of `spec`, which was read as `read`, and gives them and the pod what it needs.
///
/// # Errors
/// Steps whose command is not to be seen here, and mounts that are in the way.
pub(super) fn wrap_steps(
    spec: &mut Map<String, Value>,
    read: &TaskSpec,
    declaration: &Declaration,
    finish: Finish,
    place: &str,
) -> Result<(), Vec<Diagnostic>> {
    let mut wrong = Vec::new();
    let last = read.steps.len().saturating_sub(1);
    let items = spec.get_mut("steps").and_then(Value::as_array_mut);
    for (index, item) in items.into_iter().flatten().enumerate() {
        let place = format!("{place}.steps[{index}]");
        let Some(step) = read.steps.get(index) else {
            // Gleaner's own, behind those of the Task.
            wrong.extend(mounts::add_to_step(item, FINISH_STEP, &place).err());
            continue;
        };
        if is_wrapped(item) {
            continue;
        }
        let redirected = Redirected {
            name: &step.name,
            is_first: index == 0,
            finishes: index == last && finish == Finish::LastStep,
            termination_message: None,
        };
        let flags = redirector::flags(declaration, &redirected, &[]);
        let flags = flags.into_iter().map(|flag| shielded(&flag)).collect();
        let wrapped = wrap_step(item, step, flags, &place);
        let mounted = mounts::add_to_step(item, &step.name, &place);
        wrong.extend(wrapped.err().into_iter().chain(mounted.err()));
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let volumes = spec.get("volumes").and_then(Value::as_array);
    if !volumes
        .into_iter()
        .flatten()
        .any(|volume| *volume == mounts::volume())
    {
        super::push(spec, "volumes", mounts::volume());
    }
    Ok(())
}

/// Gives the sidecar what the pod's wrapping would have given it.
pub(super) fn complete_sidecar(sidecar: &mut Map<String, Value>) {
    sidecar.insert("volumeMounts".to_owned(), json!([mounts::of_sidecar()]));
    sidecar.insert("readinessProbe".to_owned(), readiness::probe());
}

fn wrap_step(
    item: &mut Value,
    step: &Step,
    flags: Vec<String>,
    place: &str,
) -> Result<(), Diagnostic> {
    let unknown = |message: String, help: &str| {
        Err(Diagnostic::new(place, None, message).help(format!(
            "{help}, or install Gleaner's injector, which sees the pod"
        )))
    };
    match &step.action {
        Action::Command(command) => {
            let behind = ["--".to_owned()];
            let args = flags.into_iter().chain(behind);
            let args = args.chain(command.iter().chain(&step.args).cloned());
            item["args"] = args.collect();
            item["command"] = json!([path::REDIRECTOR]);
            Ok(())
        }
        Action::Script(script) if script.starts_with("#!win") => {
            unknown("a script for Windows".to_owned(), "use a step on Linux")
        }
        Action::Script(script) => {
            let preamble = if script.starts_with("#!") {
                ""
            } else {
                PREAMBLE
            };
            let flags = Value::from(flags);
            item["script"] = format!(
                "#!{} --script\n#gleaner: {flags}\n{preamble}{script}",
                path::REDIRECTOR
            )
            .into();
            Ok(())
        }
        Action::Image(_) => unknown(
            format!(
                "the step '{}' runs its image's own command, which is not known here",
                step.name
            ),
            "write it as the step's command",
        ),
        Action::Reference(name) => unknown(
            format!(
                "the step '{}' runs the StepAction '{name}', which is not known here",
                step.name
            ),
            "write its command into the step",
        ),
    }
}

/// Whether the redirector is there already.
fn is_wrapped(item: &Value) -> bool {
    let script = item
        .get("script")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let command = item.get("command").and_then(|command| command.get(0));
    command.is_some_and(|command| command == path::REDIRECTOR)
        || script.starts_with(&format!("#!{}", path::REDIRECTOR))
}

/// Tekton's variables stay; a doubled sign survives the kubelet.
fn shielded(flag: &str) -> String {
    flag.replace("$$", "$$$$")
}

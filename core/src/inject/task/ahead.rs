//! Injection ahead of time, into the TaskSpec itself, for clusters without a webhook.
//!
//! A TaskSpec can express the changes that the webhook makes to a pod if each step has a `command` or a `script`; a step without
//! either runs its image's own command, which only Tekton's controller knows. A command moves after the redirector's `--`. A
//! script remains a script, so that Tekton still substitutes its variables and protects it from the kubelet's expansion, but its
//! first line makes the redirector the interpreter, and its second line contains the redirector's flags:
//!
//! ```text
//! #!/gleaner/bin/redirector --script
//! #gleaner: ["--injected","--step=build","--output=digest"]
//! #!/usr/bin/env python3
//! ```

use crate::declaration::Declaration;
use crate::document::Place;
use crate::document::diagnostic::Diagnostic;
use crate::task::step::{SCRIPT_PREAMBLE, has_interpreter};
use crate::task::{Action, Step, TaskSpec};
use gleaner_proto::path::{self, FINISH_STEP};
use gleaner_proto::redirector::{INJECTED, SCRIPT_FLAGS, SCRIPT_INTERPRETER, STEP};
use serde_json::{Map, Value, json};

use crate::finish::Finish;
use crate::inject::messages::OfTask;
use crate::inject::redirector_flags::{self, Paths, Step as Redirected};
use crate::inject::{list, mounts, readiness};

/// Inserts the redirector before each step's command in `spec`, and adds Gleaner's volume and the steps' mounts. `read` is the
/// parsed form of `spec`. Fails if a step's command is unknown, or if mounts conflict.
pub(super) fn wrap_steps(
    spec: &mut Value,
    read: &TaskSpec,
    declaration: &Declaration,
    finish: Finish,
    messages: &OfTask,
    place: &Place,
) -> Result<(), Vec<Diagnostic>> {
    let mut wrong = Vec::new();
    let last = read.steps.len().saturating_sub(1);
    let items = spec.get_mut("steps").and_then(Value::as_array_mut);
    for (index, item) in items.into_iter().flatten().enumerate() {
        let place = place.key("steps").index(index);
        let Some(step) = read.steps.get(index) else {
            // This is the finish step, which Gleaner added. Its arguments get the flags for its termination message.
            for flag in messages.of_step(index, &[]).flags() {
                list::push(item, "args", flag.into());
            }
            mounts::add_to_step(item, FINISH_STEP);
            continue;
        };
        let redirected = Redirected {
            name: &step.name,
            is_first: index == 0,
            finishes: index == last && finish == Finish::LastStep,
            termination_message: None,
            messages: messages.of_step(index, &step.results),
        };
        let flags = redirector_flags::flags(declaration, &redirected, &Paths::default());
        let flags = flags.into_iter().map(|flag| shielded(&flag)).collect();
        wrong.extend(wrap_step(item, step, flags, &place).err());
        mounts::add_to_step(item, &step.name);
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    list::push(spec, "volumes", mounts::volume());
    Ok(())
}

/// Removes the redirector from the steps, and returns the number of changed steps. The original division into command and
/// arguments is lost, which makes no difference to Tekton.
pub(super) fn unwrap_steps(spec: &mut Value) -> usize {
    let mut count = 0;
    let steps = spec.get_mut("steps").and_then(Value::as_array_mut);
    for step in steps.into_iter().flatten() {
        let script = step["script"].as_str().unwrap_or_default();
        let lines: Vec<&str> = script.splitn(3, '\n').collect();
        if let [interpreter, flags, script] = lines[..]
            && interpreter == SCRIPT_INTERPRETER
            && flags.starts_with(SCRIPT_FLAGS)
        {
            // If the user wrote the same preamble, it is removed too. That changes nothing, because Tekton adds the preamble
            // again.
            let script = script.strip_prefix(SCRIPT_PREAMBLE).unwrap_or(script);
            step["script"] = Value::from(script);
        } else if is_redirected(step)
            && let Some(Value::Array(args)) = step.get_mut("args")
            && let Some(end) = args.iter().position(|argument| argument == "--")
        {
            let mut command = args.split_off(end + 1);
            args.clear();
            if !command.is_empty() {
                let rest = command.split_off(1);
                step["command"] = command.into();
                step["args"] = rest.into();
            }
        } else {
            continue;
        }
        mounts::remove(step, "volumeMounts");
        count += 1;
    }
    count
}

/// Adds those parts of the sidecar that injection into a pod would otherwise add.
pub(super) fn complete_sidecar(sidecar: &mut Map<String, Value>) {
    sidecar.insert("volumeMounts".to_owned(), json!([mounts::of_sidecar()]));
    sidecar.insert("readinessProbe".to_owned(), readiness::probe());
}

fn wrap_step(
    item: &mut Value,
    step: &Step,
    flags: Vec<String>,
    place: &Place,
) -> Result<(), Diagnostic> {
    let unknown = |message: String, help: &str| {
        Err(Diagnostic::new(place, None, message).help(format!(
            "{help}, or install Gleaner's injector, which can inspect the pod"
        )))
    };
    let name = &step.name;
    match &step.action {
        Action::Command(command) => {
            let args = flags.into_iter().chain(["--".to_owned()]);
            let args = args.chain(command.iter().chain(&step.args).cloned());
            item["args"] = args.collect();
            item["command"] = json!([path::REDIRECTOR]);
            Ok(())
        }
        Action::Script(script) if script.trim_start().starts_with("#!win") => unknown(
            "Gleaner cannot inject into a Windows script".to_owned(),
            "use a step on Linux",
        ),
        Action::Script(script) => {
            if let Some(output) = flags.iter().find(|flag| flag.contains("$(")) {
                // Reject such a path, because Tekton would insert the variable's value into the script, and a quote in the value
                // would corrupt the flags.
                let message = format!(
                    "the path in {output} must not contain a variable, because the step '{name}' is a script"
                );
                let help =
                    "pass the script as arguments of a command, or use a path without variables";
                return unknown(message, help);
            }
            // A script that begins with a variable gets no preamble, because its first line may name an interpreter after the
            // substitution. The redirector receives the substituted script.
            let preamble = match has_interpreter(script) || begins_with_parameter(script) {
                true => "",
                false => SCRIPT_PREAMBLE,
            };
            let flags = Value::from(flags);
            item["script"] =
                format!("{SCRIPT_INTERPRETER}\n{SCRIPT_FLAGS}{flags}\n{preamble}{script}").into();
            Ok(())
        }
        Action::Image(_) => unknown(
            format!("the step '{name}' runs its image's own command, which is unknown"),
            "set it as the step's command",
        ),
        Action::Reference(action) => unknown(
            format!("the step '{name}' runs the StepAction '{action}', whose command is unknown"),
            "copy its command into the step",
        ),
    }
}

/// Returns true if the script begins with a parameter, whose value is not known yet.
fn begins_with_parameter(script: &str) -> bool {
    let roots = ["$(params.", "$(params[", "$(inputs.params."];
    let script = script.trim_start();
    roots.iter().any(|root| script.starts_with(root))
}

/// Returns true if a step's command is the redirector, with the flags that every injected command begins with.
fn is_redirected(step: &Value) -> bool {
    let step_name = step["args"][1].as_str().unwrap_or_default();
    step["command"][0] == path::REDIRECTOR
        && step["args"][0] == INJECTED
        && step_name.starts_with(&STEP.with(""))
}

/// Escapes a flag so that the kubelet's expansion leaves each `$$` in the flag unchanged. Tekton's variables remain unescaped.
fn shielded(flag: &str) -> String {
    flag.replace("$$", "$$$$")
}

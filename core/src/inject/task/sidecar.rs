//! The Tekton sidecar `gleaner`.
//!
//! The sidecar has no `command`, because Tekton stops a sidecar by replacing its image, and the new image would not contain the
//! command (`pkg/pod/entrypoint.go`, `StopSidecars`).

use crate::declaration::Declaration;
use crate::task::{Declared, ParamKind, TaskSpec};
use crate::variable::{Access, Reference};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gleaner_proto::arguments::{
    Arguments, LOG_LEVEL, OutputPath, Param, TERMINATION_SHARE, UNWRAPPED_CONTAINER,
    UNWRAPPED_VARIABLE,
};
use gleaner_proto::kubernetes::{SIDECAR, label};
use gleaner_proto::path::FINISH_STEP;
use serde_json::{Map, Value, json};

use super::ahead;
use crate::finish::Finish;
use crate::inject::messages::{OfTask, ResultsFrom};
use crate::inject::redirector_flags::install;
use crate::inject::settings::Settings;
use crate::inject::traces;

/// The way in which the redirector and the sidecar are added to the pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// The webhook injects into the pod.
    Webhook,
    /// There is no webhook, so the Task contains everything. Tekton in the target cluster reads results from this source.
    AheadOfTime(ResultsFrom),
}

impl Placement {
    /// Returns the source from which Tekton reads results. With the webhook, only the pod shows this source, so the default is
    /// returned.
    pub(super) fn results_from(self) -> ResultsFrom {
        match self {
            Self::Webhook => ResultsFrom::default(),
            Self::AheadOfTime(results_from) => results_from,
        }
    }
}

/// The names of the run's properties that Tekton substitutes for `$(context.NAME)`.
const CONTEXT: [&str; 5] = [
    "taskRun.name",
    "taskRun.namespace",
    "taskRun.uid",
    "task.name",
    "task.retry-count",
];

/// The properties that only the pod has. Each entry contains the NAME in `$(context.NAME)`, the name of the sidecar's environment
/// variable, which the kubelet sets, and the key of the pod's label.
const OF_POD: [(&str, &str, &str); 2] = [
    ("pipelineRun.name", "PIPELINE_RUN", label::PIPELINE_RUN),
    (
        "pipelineRun.uid",
        "PIPELINE_RUN_UID",
        label::PIPELINE_RUN_UID,
    ),
];

pub(super) fn sidecar(
    declared: &Declared,
    spec: &TaskSpec,
    finish: Finish,
    settings: &Settings,
    placement: Placement,
    messages: &OfTask,
    resources: &str,
) -> Value {
    let mut arguments = Arguments {
        unwrapped: placement == Placement::Webhook,
        declaration: STANDARD.encode(declared.document.to_json_text()),
        steps: spec.step_names(),
        context: CONTEXT
            .iter()
            .map(|name| ((*name).to_owned(), format!("$(context.{name})")))
            .collect(),
        params: params(&declared.declaration, spec),
        ..Arguments::default()
    };
    if finish == Finish::OwnStep {
        arguments.steps.push(FINISH_STEP.to_owned());
    }
    let mut sidecar = Map::from_iter([("name".to_owned(), Value::from(SIDECAR))]);
    sidecar.extend(settings.container(resources));
    match placement {
        Placement::Webhook => {
            arguments.paths = paths(&declared.declaration);
            sidecar.insert("env".to_owned(), until_wrapped());
        }
        Placement::AheadOfTime(_) => {
            let share = messages.share().into_iter();
            let share = share.map(|share| format!("{TERMINATION_SHARE}={share}"));
            arguments.others.extend(share);
            let of_pod = OF_POD.iter();
            arguments.context.extend(
                of_pod.map(|(name, variable, _)| ((*name).to_owned(), format!("$({variable})"))),
            );
            sidecar.insert("env".to_owned(), environment());
            arguments.others.extend(install());
            ahead::complete_sidecar(&mut sidecar);
            traces::add(&mut sidecar, settings);
        }
    }
    if let Some(level) = &settings.log_level {
        arguments.others.push(format!("{LOG_LEVEL}={level}"));
    }
    sidecar.insert("args".to_owned(), arguments.to_args().into());
    sidecar.into()
}

/// Returns [`UNWRAPPED_VARIABLE`], which prevents the kubelet from creating the sidecar's container in a pod that was not
/// injected.
fn until_wrapped() -> Value {
    let from =
        json!({"containerName": UNWRAPPED_CONTAINER, "resource": "limits.cpu", "divisor": "0"});
    json!([{"name": UNWRAPPED_VARIABLE, "valueFrom": {"resourceFieldRef": from}}])
}

/// Returns the environment variables for [`OF_POD`]. A variable is empty if the pod does not have the corresponding label.
fn environment() -> Value {
    let variable = |(_, name, label): &(&str, &str, &str)| {
        let path = format!("metadata.labels['{label}']");
        json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}})
    };
    OF_POD.iter().map(variable).collect()
}

/// Returns the parameters that the templates use, in the order in which the Task declares them. Each value is a variable that
/// Tekton substitutes.
fn params(declaration: &Declaration, spec: &TaskSpec) -> Vec<Param> {
    let used = declaration.variables();
    let reference = |name: &str, access: Vec<Access>| {
        let name = name.to_owned();
        format!("$({})", Reference::Param { name, access })
    };
    let mut params = Vec::new();
    for param in &spec.params {
        let name = &param.name;
        let root = Reference::Param {
            name: name.clone(),
            access: Vec::new(),
        };
        if !used.contains(&root) {
            continue;
        }
        match &param.kind {
            ParamKind::String => params.push(Param::Text {
                name: name.clone(),
                value: reference(name, Vec::new()),
            }),
            ParamKind::Array => params.push(Param::Array {
                name: name.clone(),
                items: vec![reference(name, vec![Access::All])],
            }),
            ParamKind::Object { keys } => params.extend(keys.iter().map(|key| Param::Key {
                name: name.clone(),
                key: key.clone(),
                value: reference(name, vec![Access::Key(key.clone())]),
            })),
        }
    }
    params
}

/// Returns the output files whose paths contain Tekton variables.
fn paths(declaration: &Declaration) -> Vec<OutputPath> {
    let outputs = declaration
        .steps
        .iter()
        .flat_map(|(step, outputs)| outputs.iter().map(move |output| (step, output)));
    let with_variables = outputs.filter_map(|(step, output)| {
        let path = output.spec.path.as_ref()?;
        path.contains("$(").then(|| OutputPath {
            step: step.to_string(),
            output: output.spec.name.to_string(),
            path: path.clone(),
        })
    });
    with_variables.collect()
}

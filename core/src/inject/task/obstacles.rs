//! Conflicts between Gleaner's names and mounts and those of the Task. These conflicts are reported when the Task is
//! applied, before Kubernetes would reject the pod.

use crate::document::Place;
use crate::document::diagnostic::Diagnostic;
use gleaner_proto::path::FINISH_STEP;
use serde_json::Value;

use crate::finish::Finish;
use crate::inject::{list, mounts, pod};

use super::task_specs::Host;

/// Reports all conflicts in the TaskSpec at `place`.
pub(super) fn all(spec: &Value, finish: Finish, place: &Place) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    let items = |list: &str| list::items(spec, list).iter().enumerate();
    for (list, what) in [("steps", "step"), ("sidecars", "sidecar")] {
        for (index, item) in items(list) {
            let place = place.key(list).index(index);
            if item["name"] == FINISH_STEP {
                let message =
                    format!("the {what} '{FINISH_STEP}' has a name that is reserved for Gleaner");
                wrong.push(Diagnostic::new(place.key("name"), None, message).help("rename it"));
            }
            wrong.extend(mounts::borrowed(item, &place));
        }
    }
    wrong.extend(mounts::reserved(spec, place));
    wrong.extend(mounts::workspaces_in_the_way(spec, place));
    for (index, step) in items("steps") {
        wrong.extend(mounts::in_the_way(step, &place.key("steps").index(index)));
    }
    if let Some(template) = spec.get("stepTemplate") {
        let place = place.key("stepTemplate");
        wrong.extend(mounts::in_the_way(template, &place));
        wrong.extend(mounts::borrowed(template, &place));
        if finish == Finish::OwnStep {
            wrong.extend(unfit_for_finish(template, &place));
        }
    }
    wrong
}

/// Reports each pod template in a TaskRun or PipelineRun that an injected pod cannot use. `hosts` are the run's TaskSpecs that
/// have a declaration.
pub(super) fn of_run(run: &Value, hosts: &[Host]) -> Vec<Diagnostic> {
    let spec = Place::from(["spec"]);
    let own = [
        spec.key("podTemplate"),
        spec.key("taskRunTemplate").key("podTemplate"),
    ];
    let specs = list::items(&run["spec"], "taskRunSpecs").iter().enumerate();
    let of_hosts = specs.filter(|(_, one)| {
        let task = one["pipelineTaskName"].as_str().unwrap_or_default();
        hosts.iter().any(|host| name_of(run, host) == Some(task))
    });
    let special: Vec<Place> = of_hosts
        .flat_map(|(index, _)| {
            let place = spec.key("taskRunSpecs").index(index);
            ["podTemplate", "taskPodTemplate"].map(|key| place.key(key))
        })
        .filter(|place| run.pointer(&place.pointer()).is_some())
        .collect();
    let mut wrong = Vec::new();
    for (place, is_default) in own
        .iter()
        .map(|place| (place, true))
        .chain(special.iter().map(|place| (place, false)))
    {
        let Some(template) = run.pointer(&place.pointer()) else {
            continue;
        };
        wrong.extend(mounts::reserved(template, place));
        // The default template is checked only if no task has a template of its own, which may select other nodes.
        if !is_default || special.is_empty() {
            wrong.extend(pod::windows(template, place));
        }
    }
    wrong
}

/// Returns the name of the pipeline task that contains the TaskSpec of `host`.
fn name_of<'a>(run: &'a Value, host: &Host) -> Option<&'a str> {
    let task = host.place.parent()?;
    run.pointer(&task.key("name").pointer())?.as_str()
}

/// Reports the capability SYS_ADMIN in the step template. Tekton merges the template into the step that Gleaner adds, and
/// Kubernetes rejects a container that has this capability but does not allow privilege escalation
/// (`k8s.io/kubernetes/pkg/apis/core/validation`, `ValidateSecurityContext`).
fn unfit_for_finish(template: &Value, place: &Place) -> Option<Diagnostic> {
    let mut added = list::texts(&template["securityContext"]["capabilities"], "add");
    let too_much = added.any(|name| name.trim_start_matches("CAP_") == "SYS_ADMIN");
    too_much.then(|| {
        let place = place.join(&Place::from(["securityContext", "capabilities", "add"]));
        let message = "the capability SYS_ADMIN would also apply to the step that Gleaner adds, and Kubernetes rejects it there because this step does not allow privilege escalation";
        Diagnostic::new(place, None, message).help("add it only to the steps that need it")
    })
}

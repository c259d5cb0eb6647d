//! What of a Task's own stands in the way, said when it is applied rather than by Kubernetes when it runs.

use crate::document::Place;
use crate::document::diagnostic::Diagnostic;
use gleaner_proto::path::FINISH_STEP;
use serde_json::Value;

use crate::finish::Finish;
use crate::inject::{list, mounts};

/// Everything that is in the way of injecting into the TaskSpec at `place`.
pub(super) fn all(spec: &Value, finish: Finish, place: &Place) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    let items = |list: &str| list::items(spec, list).iter().enumerate();
    for (list, what) in [("steps", "step"), ("sidecars", "sidecar")] {
        for (index, item) in items(list) {
            if item["name"] == FINISH_STEP {
                let message = format!(
                    "the {what} '{FINISH_STEP}' has the name that Gleaner needs for its own"
                );
                let place = place.key(list).index(index).key("name");
                wrong.push(Diagnostic::new(place, None, message).help("rename it"));
            }
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
        if finish == Finish::OwnStep {
            wrong.extend(unfit_for_finish(template, &place));
        }
    }
    wrong
}

/// Tekton merges the template into Gleaner's own step too, and Kubernetes refuses a container that may not gain privileges and
/// has this capability (`k8s.io/kubernetes/pkg/apis/core/validation`, `ValidateSecurityContext`).
fn unfit_for_finish(template: &Value, place: &Place) -> Option<Diagnostic> {
    let mut added = list::texts(&template["securityContext"]["capabilities"], "add");
    let too_much = added.any(|name| name.trim_start_matches("CAP_") == "SYS_ADMIN");
    too_much.then(|| {
        let place = place.join(&Place::from(["securityContext", "capabilities", "add"]));
        let message = "the capability SYS_ADMIN would also reach the step that Gleaner adds, which runs without privileges";
        Diagnostic::new(place, None, message).help("give it to the steps that need it")
    })
}

//! Conflicts with a Task's own names and mounts, reported when it is applied instead of by Kubernetes when it runs.

use crate::document::Place;
use crate::document::diagnostic::Diagnostic;
use gleaner_proto::path::FINISH_STEP;
use serde_json::Value;

use crate::finish::Finish;
use crate::inject::{list, mounts};

/// Reports all conflicts in the TaskSpec at `place`.
pub(super) fn all(spec: &Value, finish: Finish, place: &Place) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    let items = |list: &str| list::items(spec, list).iter().enumerate();
    for (list, what) in [("steps", "step"), ("sidecars", "sidecar")] {
        for (index, item) in items(list) {
            if item["name"] == FINISH_STEP {
                let message =
                    format!("the {what} '{FINISH_STEP}' has a name that is reserved for Gleaner");
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

/// Reports a capability in the step template, which Tekton also merges into the added step: Kubernetes rejects a
/// container with this capability that may not gain privileges (`k8s.io/kubernetes/pkg/apis/core/validation`,
/// `ValidateSecurityContext`).
fn unfit_for_finish(template: &Value, place: &Place) -> Option<Diagnostic> {
    let mut added = list::texts(&template["securityContext"]["capabilities"], "add");
    let too_much = added.any(|name| name.trim_start_matches("CAP_") == "SYS_ADMIN");
    too_much.then(|| {
        let place = place.join(&Place::from(["securityContext", "capabilities", "add"]));
        let message = "the capability SYS_ADMIN would also apply to the step that Gleaner adds, which does not allow privilege escalation";
        Diagnostic::new(place, None, message).help("add it only to the steps that need it")
    })
}

//! Containers that are started again: each posts once, and the second time would be another value.

use crate::document::Place;
use crate::document::diagnostic::Diagnostic;
use serde_json::Value;

use super::{LISTS, containers, name_of};
use crate::inject::list;

const HELP: &str = "use Never; a Job starts another pod, as often as its backoffLimit says";

/// Everything by which a container that plays one of `steps` is started again: the pod's policy, its own
/// (Kubernetes 1.29 for init containers, 1.34 for others, KEP-5307), or the rules of any container that restart the whole pod in place
/// (KEP-5532).
pub(super) fn all(pod: &Value, steps: &[String]) -> Vec<Diagnostic> {
    // A template may leave it out; a pod on its way to creation has it.
    let policy = pod["spec"]["restartPolicy"].as_str().unwrap_or("Always");
    if policy != "Never" {
        let message = format!(
            "the pod's containers are started again (restartPolicy: {policy}), and each of them posts once"
        );
        let place = Place::from(["spec", "restartPolicy"]);
        return vec![Diagnostic::new(place, None, message).help(HELP)];
    }
    let mut found = Vec::new();
    for list in LISTS {
        for (index, container) in containers(pod, list).iter().enumerate() {
            let place = Place::from(["spec", list]).index(index);
            let name = name_of(container);
            let is_step = list == "containers" && steps.iter().any(|step| step == name);
            found.extend(own_policy(container, name, &place).filter(|_| is_step));
            found.extend(rules(container, name, is_step, &place));
        }
    }
    found
}

fn own_policy(container: &Value, name: &str, place: &Place) -> Option<Diagnostic> {
    let policy = container["restartPolicy"].as_str()?;
    (policy != "Never").then(|| {
        let message = format!(
            "the container '{name}' is started again (restartPolicy: {policy}), and it posts once"
        );
        Diagnostic::new(place.key("restartPolicy"), None, message).help(HELP)
    })
}

fn rules(container: &Value, name: &str, is_step: bool, place: &Place) -> Vec<Diagnostic> {
    let rules = list::items(container, "restartPolicyRules").iter();
    let restarting = rules.enumerate().filter_map(|(index, rule)| {
        let message = match rule["action"].as_str() {
            Some("RestartAllContainers") => {
                format!("a rule of the container '{name}' starts all containers again, and each of them posts once")
            }
            // An action that is not known here is likely to be another restart.
            action if is_step => {
                let action = action.unwrap_or("Restart");
                format!("the container '{name}' is started again (action: {action}), and it posts once")
            }
            _ => return None,
        };
        let place = place.key("restartPolicyRules").index(index);
        let help = "remove the rule; a Job starts another pod, as often as its backoffLimit says";
        Some(Diagnostic::new(place, None, message).help(help))
    });
    restarting.collect()
}

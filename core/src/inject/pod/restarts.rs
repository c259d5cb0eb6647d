//! Containers that may restart. Each step may post only once, because a second execution may produce different outputs.

use crate::document::Place;
use crate::document::diagnostic::{Diagnostic, Part};
use gleaner_proto::kubernetes::annotation;
use serde_json::Value;

use super::{LISTS, containers, name_of};
use crate::inject::list;

const HELP: &str = "use Never, and let a Job replace failed pods, up to its backoffLimit";

/// The kinds whose pods always restart their containers, by API group. Each of these kinds rejects any other `restartPolicy`
/// (`k8s.io/kubernetes/pkg/apis/apps/validation`, `ValidatePodTemplateSpecForRC`; Rollouts and Knative do the same).
const RESTARTING: [(&str, &[&str]); 4] = [
    (
        "apps",
        &["Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"],
    ),
    ("", &["ReplicationController"]),
    ("argoproj.io", &["Rollout"]),
    ("serving.knative.dev", &["Service", "Configuration"]),
];

/// Returns an error if pods of this kind always restart their containers, and therefore cannot declare outputs.
pub(crate) fn of_kind(group: &str, kind: &str) -> Option<Diagnostic> {
    let mut known = RESTARTING.iter();
    let (_, kinds) = known.find(|(known, _)| *known == group)?;
    kinds.contains(&kind).then(|| {
        let message = format!(
            "a {kind} always restarts its containers, but each can post its outputs only once"
        );
        let place = Place::of_annotation(annotation::OUTPUTS);
        Diagnostic::new(place, None, message)
            .help("move the containers that produce outputs to a Job or a Task")
            .about(Part::Key)
    })
}

/// Reports every setting that may restart the container of any of the `steps`: the pod's restart policy, the container's own
/// restart policy (Kubernetes 1.29 for init containers, 1.34 for other containers, KEP-5307), and the rules in any container
/// that restart the whole pod in place (KEP-5532).
pub(super) fn all(pod: &Value, steps: &[String]) -> Vec<Diagnostic> {
    // Only a pod template can omit the policy, because the API server sets the default in a pod before it calls the webhook.
    let policy = pod["spec"]["restartPolicy"].as_str().unwrap_or("Always");
    if policy != "Never" {
        let message = format!(
            "the pod's containers may restart (restartPolicy: {policy}), but each can post its outputs only once"
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
            "the container '{name}' may restart (restartPolicy: {policy}), but it can post its outputs only once"
        );
        Diagnostic::new(place.key("restartPolicy"), None, message).help(HELP)
    })
}

fn rules(container: &Value, name: &str, is_step: bool, place: &Place) -> Vec<Diagnostic> {
    let rules = list::items(container, "restartPolicyRules").iter();
    let restarting = rules.enumerate().filter_map(|(index, rule)| {
        let message = match rule["action"].as_str() {
            Some("RestartAllContainers") => {
                format!("a rule of the container '{name}' restarts all containers, but each can post its outputs only once")
            }
            // An unknown action is reported too, because it probably restarts the container in some other way.
            action if is_step => {
                let action = action.unwrap_or("Restart");
                format!("the container '{name}' may restart (action: {action}), but it can post its outputs only once")
            }
            _ => return None,
        };
        let place = place.key("restartPolicyRules").index(index);
        let help = "remove the rule, and let a Job replace failed pods, up to its backoffLimit";
        Some(Diagnostic::new(place, None, message).help(help))
    });
    restarting.collect()
}

//! Kubernetes' validation rules that involve several fields of one object (`pkg/apis/*/validation` in k8s.io/kubernetes).

use std::collections::HashSet;

use super::types::{entries, literal};
use crate::document::diagnostic::{Diagnostic, Part};
use crate::document::{Cursor, Diagnostics};

/// The data keys that each type of Secret requires: at least one key from each list.
const SECRETS: [(&str, &[&[&str]]); 5] = [
    ("kubernetes.io/basic-auth", &[&["username", "password"]]),
    ("kubernetes.io/dockercfg", &[&[".dockercfg"]]),
    ("kubernetes.io/dockerconfigjson", &[&[".dockerconfigjson"]]),
    ("kubernetes.io/ssh-auth", &[&["ssh-privatekey"]]),
    ("kubernetes.io/tls", &[&["tls.crt"], &["tls.key"]]),
];

/// The bounds for the fields in a schedule: minute, hour, day of the month, month, day of the week.
const SCHEDULE: [(u32, u32); 5] = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];

/// Checks an object that is created. Applied objects are exempt, because the existing object may already have the missing fields.
pub(super) fn check(version: &str, kind: &str, object: &Cursor<'_>, found: &mut Diagnostics) {
    let Some(spec) = object.field("spec") else {
        if (version, kind) == ("v1", "Secret") {
            check_secret(object, found);
        }
        return;
    };
    let pod = spec.descend(&["template", "spec"]);
    match (version, kind) {
        ("v1", "Pod") => check_mounts(&spec, found),
        ("v1", "Service") => check_ports(&spec, found),
        ("apps/v1", "DaemonSet" | "Deployment" | "ReplicaSet" | "StatefulSet") => {
            check_selector(&spec, found);
            if let Some(pod) = pod {
                check_restart(&pod, kind, found);
                // The mounts of a StatefulSet are not checked, because the StatefulSet adds a volume for each of its
                // volumeClaimTemplates.
                if kind != "StatefulSet" {
                    check_mounts(&pod, found);
                }
            }
        }
        ("v1", "ReplicationController") => {
            if let Some(pod) = pod {
                check_restart(&pod, kind, found);
                check_mounts(&pod, found);
            }
        }
        ("batch/v1", "Job") => check_job(&spec, found),
        ("batch/v1", "CronJob") => {
            if let Some(schedule) = spec.field("schedule") {
                check_schedule(&schedule, found);
            }
            if let Some(job) = spec.descend(&["jobTemplate", "spec"]) {
                check_job(&job, found);
            }
        }
        _ => {}
    }
}

fn check_job(spec: &Cursor<'_>, found: &mut Diagnostics) {
    if let Some(pod) = spec.descend(&["template", "spec"]) {
        check_job_restart(&pod, found);
        check_mounts(&pod, found);
    }
}

/// Checks the restart policy of a controller's pods. Only `Always` is allowed, because the pods run until the controller deletes
/// them.
fn check_restart(pod: &Cursor<'_>, kind: &str, found: &mut Diagnostics) {
    let Some(field) = pod.field("restartPolicy") else {
        return;
    };
    if literal(&field).is_some_and(|policy| matches!(policy.as_str(), "Never" | "OnFailure")) {
        let message = format!("the pods of a {kind} must have restartPolicy: Always");
        found.refuse(
            &field,
            message,
            "remove restartPolicy, or use a Job instead",
        );
    }
}

/// Checks the restart policy of a Job's pods. A Job cannot use the default for pods, `Always`, because the Job's pods must
/// finish.
fn check_job_restart(pod: &Cursor<'_>, found: &mut Diagnostics) {
    const HELP: &str = "use Never, or OnFailure to restart a failed container in its pod";
    match pod.field("restartPolicy") {
        None if pod.node.mapping().is_some() => {
            let message =
                "'restartPolicy' is missing, but Kubernetes requires it for the pods of a Job";
            found.refuse(pod, message, HELP);
        }
        Some(field)
            if literal(&field).is_some_and(|policy| policy.is_empty() || policy == "Always") =>
        {
            let message = "the pods of a Job cannot have restartPolicy: Always";
            found.refuse(&field, message, HELP);
        }
        _ => {}
    }
}

/// Checks that the selector matches the pods created from the template.
fn check_selector(spec: &Cursor<'_>, found: &mut Diagnostics) {
    const HELP: &str =
        "add the labels of spec.selector.matchLabels to spec.template.metadata.labels";
    let (Some(selector), Some(template)) = (
        spec.descend(&["selector", "matchLabels"]),
        spec.field("template"),
    ) else {
        return;
    };
    let labels = template.descend(&["metadata", "labels"]);
    let is_open = |map: Option<&Cursor<'_>>| map.is_some_and(|map| map.node.mapping().is_none());
    if is_open(labels.as_ref()) || is_open(template.field("metadata").as_ref()) {
        return;
    }
    for (key, wanted) in entries(&selector) {
        let given = labels.as_ref().and_then(|labels| labels.field(key));
        let Some(given) = given else {
            found.push_with(|_| {
                let message =
                    format!("the pod template does not have the selector's label '{key}'");
                let diagnostic = Diagnostic::new(&wanted.place, None, message).help(HELP);
                diagnostic.about(Part::Key)
            });
            continue;
        };
        if let (Some(wanted_text), Some(given)) = (literal(&wanted), literal(&given))
            && wanted_text != given
        {
            let message =
                format!("the selector does not match the pod template's label {key}: '{given}'");
            found.refuse(&wanted, message, HELP);
        }
    }
}

/// Checks that each mounted volume is one of the pod's volumes.
fn check_mounts(pod: &Cursor<'_>, found: &mut Diagnostics) {
    let mut volumes = HashSet::new();
    if let Some(list) = pod.field("volumes") {
        for volume in pod.list_of("volumes") {
            match volume.field("name").and_then(|name| literal(&name)) {
                Some(name) => volumes.insert(name),
                // If a volume's name contains variables, no mounts are checked, because that volume may match any mount.
                None => return,
            };
        }
        if list.node.sequence().is_none() {
            return;
        }
    }
    let lists = ["initContainers", "containers"];
    for container in lists.iter().flat_map(|list| pod.list_of(list)) {
        for mount in container.list_of("volumeMounts") {
            let Some(field) = mount.field("name") else {
                continue;
            };
            let Some(name) = literal(&field).filter(|name| !volumes.contains(name)) else {
                continue;
            };
            found.push_with(|found| {
                let help = found.suggestion(&name, volumes.iter().map(String::as_str));
                let help = help.unwrap_or_else(|| "declare it in the pod's volumes".to_owned());
                field
                    .diagnostic(format!("the pod has no volume '{name}'"))
                    .help(help)
            });
        }
    }
}

/// If a Service has several ports, checks that each port has a unique name.
fn check_ports(spec: &Cursor<'_>, found: &mut Diagnostics) {
    let ports = spec.list_of("ports");
    // If an item is a variable, the number of ports is unknown, because the variable may be replaced by any number of items.
    if ports.len() < 2 || ports.iter().any(|port| port.node.mapping().is_none()) {
        return;
    }
    let mut names = HashSet::new();
    for port in &ports {
        match port.field("name") {
            None => {
                let message =
                    "'name' is missing, but Kubernetes requires it if a Service has several ports";
                found.refuse(port, message, "add a name, such as name: http");
            }
            Some(field) => {
                if let Some(name) = literal(&field).filter(|name| !names.insert(name.clone())) {
                    let message = format!("another port has the name '{name}'");
                    found.refuse(&field, message, "rename one of them");
                }
            }
        }
    }
}

/// Checks that a Secret has the keys that its type requires.
fn check_secret(secret: &Cursor<'_>, found: &mut Diagnostics) {
    let Some(field) = secret.field("type") else {
        return;
    };
    let Some(own) = literal(&field) else { return };
    let maps: Vec<_> = ["data", "stringData"]
        .iter()
        .filter_map(|map| secret.field(map))
        .collect();
    let Some((_, required)) = SECRETS.iter().find(|(known, _)| *known == own) else {
        return;
    };
    if maps.iter().any(|map| map.node.mapping().is_none()) {
        return;
    }
    for keys in *required {
        let has = |key: &&str| maps.iter().any(|map| map.node.get(key).is_some());
        if !keys.iter().any(has) {
            let keys = keys.join("' or '");
            let message = format!("a Secret of type {own} needs the key '{keys}'");
            found.refuse(
                &field,
                message,
                "rename a key of data or stringData, or remove the type",
            );
        }
    }
}

/// Checks a schedule against the syntax of `ParseStandard` in `github.com/robfig/cron/v3`.
fn check_schedule(field: &Cursor<'_>, found: &mut Diagnostics) {
    let Some(schedule) = literal(field) else {
        return;
    };
    let parts: Vec<&str> = schedule.split_whitespace().collect();
    let fits = match schedule.strip_prefix('@') {
        Some(word) => {
            word.starts_with("every ")
                || [
                    "yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly",
                ]
                .contains(&word)
        }
        // A time zone in the schedule passes this check, because the API server rejects it for a reason that the message below
        // does not give.
        None if schedule.starts_with("TZ=") || schedule.starts_with("CRON_TZ=") => true,
        None => parts.len() == SCHEDULE.len() && parts.iter().zip(SCHEDULE).all(is_part),
    };
    if !fits {
        let message = format!("Kubernetes rejects the schedule '{schedule}'");
        let help = "use minute, hour, day of the month, month and day of the week, such as '30 2 * * 1', or @daily";
        found.refuse(field, message, help);
    }
}

/// Returns true if the numbers in a field of a schedule are within the field's bounds. Names of months and days are not checked.
fn is_part((part, (least, most)): (&&str, (u32, u32))) -> bool {
    part.split(',').all(|range| {
        let (range, step) = range.split_once('/').unwrap_or((range, "1"));
        let is_number = |text: &str| text.parse::<u32>();
        let is_bound = |bound: &str| match is_number(bound) {
            Ok(number) => (least..=most).contains(&number),
            Err(_) => {
                matches!(bound, "*" | "?")
                    || most <= 12
                        && bound.len() == 3
                        && bound.bytes().all(|b| b.is_ascii_alphabetic())
            }
        };
        is_number(step).is_ok_and(|step| step > 0) && range.split('-').all(is_bound)
    })
}

//! Pod-level resources (KEP-2837), which all containers of the pod share. The API server rejects a pod if its containers together
//! request more than the pod, or if one container has a higher limit than the pod (`k8s.io/kubernetes/pkg/apis/core/validation`,
//! `validatePodResourceConsistency`).

use crate::document::Place;
use crate::document::diagnostic::Diagnostic;
use gleaner_proto::kubernetes::annotation;
use serde_json::{Map, Value};

use super::containers;
use crate::inject::quantity;

/// Each resource with the annotations that set the sidecar's request and limit.
const RESOURCES: [(&str, &str, &str); 2] = [
    ("cpu", annotation::CPU_REQUEST, annotation::CPU_LIMIT),
    (
        "memory",
        annotation::MEMORY_REQUEST,
        annotation::MEMORY_LIMIT,
    ),
];

/// Reduces the resources of `container`, the future sidecar of `pod`, so that they fit into the pod-level resources. If the other
/// containers use up the pod-level request, the sidecar requests nothing, because the scheduler uses only the pod-level request.
/// Fails if a request or limit that an annotation sets does not fit.
pub(super) fn fit(pod: &Value, container: &mut Map<String, Value>) -> Result<(), Vec<Diagnostic>> {
    let own = &pod["spec"]["resources"];
    let mut fitted = container.get("resources").cloned().unwrap_or_default();
    let mut wrong = Vec::new();
    for (resource, request, limit) in RESOURCES {
        if let Some(whole) = quantity_of(&own["limits"], resource)
            && quantity_of(&fitted["limits"], resource)
                .is_some_and(|wanted| quantity::is_more(&wanted, &whole))
        {
            wrong.extend(asked(
                pod,
                limit,
                &format!("the pod's own {resource} limit is {whole}"),
            ));
            fitted["limits"][resource] = whole.into();
        }
        // If the pod has a limit but no request, the limit is also the request.
        let whole = quantity_of(&own["requests"], resource);
        let Some(whole) = whole.or_else(|| quantity_of(&own["limits"], resource)) else {
            continue;
        };
        let mut together: Vec<String> = requests(pod, resource);
        let wanted = quantity_of(&fitted["requests"], resource);
        let wanted = wanted.or_else(|| quantity_of(&fitted["limits"], resource));
        together.extend(wanted);
        if quantity::is_sum_more(&together, &whole) {
            let message = format!(
                "the pod's containers together would request more {resource} than the pod itself, which requests {whole}"
            );
            wrong.extend(asked(pod, request, &message));
            fitted["requests"][resource] = "0".into();
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    if !fitted.is_null() {
        container.insert("resources".to_owned(), fitted);
    }
    Ok(())
}

/// If the pod has the annotation, returns an error about the annotation's value.
fn asked(pod: &Value, annotation: &str, message: &str) -> Option<Diagnostic> {
    let given = pod["metadata"]["annotations"].get(annotation)?;
    let message = format!("{given} is too high: {message}");
    let place = Place::of_annotation(annotation);
    Some(
        Diagnostic::new(place, None, message)
            .help("raise the pod's spec.resources, or remove the annotation"),
    )
}

/// Returns the requests of the containers that run at the same time. If a container has a limit but no request, the limit
/// counts as its request.
fn requests(pod: &Value, resource: &str) -> Vec<String> {
    let sidecars = containers(pod, "initContainers").iter();
    let sidecars = sidecars.filter(|container| container["restartPolicy"] == "Always");
    let all = containers(pod, "containers").iter().chain(sidecars);
    let requests = all.filter_map(|container| {
        let own = &container["resources"];
        quantity_of(&own["requests"], resource).or_else(|| quantity_of(&own["limits"], resource))
    });
    requests.collect()
}

/// Returns the quantity of `resource` as text; an unquoted quantity such as `2` is a number in the object.
fn quantity_of(list: &Value, resource: &str) -> Option<String> {
    match list.get(resource)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

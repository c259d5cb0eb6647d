//! Rendered objects for tests, and helpers that submit them.

use std::collections::BTreeMap;
use std::convert::Infallible;

use gleaner_core::declaration::Policy;
use gleaner_core::render::{Disclosure, Rendered};
use gleaner_proto::name::ResourceName;
use gleaner_submission::{Report, Submission, SubmissionError, Submitter};
use serde_json::{Value, json};

use crate::mock::{NAMESPACE, OWNER_UID, RUN_UID};

pub(crate) const IMAGES: &str = "/apis/tekton.dev/v1alpha1/namespaces/ci/pipelineresources";

/// Returns the path of the object with this name.
pub(crate) fn path(name: &str) -> String {
    format!("{IMAGES}/{name}")
}

/// Returns an owned PipelineResource with a static name.
pub(crate) fn image(resource: &str, name: &str, digest: &str) -> Rendered {
    Rendered {
        resource: ResourceName::new(resource).unwrap(),
        policy: Policy::Create,
        owned: true,
        derived_name: false,
        wait_for: None,
        results: Vec::new(),
        disclosure: Disclosure::Full,
        leaves: Vec::new(),
        object: json!({
            "apiVersion": "tekton.dev/v1alpha1",
            "kind": "PipelineResource",
            "metadata": {
                "name": name,
                "annotations": {
                    "gleaner.dev/run-uid": RUN_UID,
                    "gleaner.dev/resource": resource,
                    "gleaner.dev/content": format!("hash of {digest}"),
                },
                "ownerReferences": [{
                    "apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": "build", "uid": OWNER_UID,
                    "controller": true, "blockOwnerDeletion": true,
                }],
            },
            "spec": {"type": "image", "params": [{"name": "digest", "value": digest}]},
        }),
    }
}

/// Returns the same object without an owner.
pub(crate) fn unowned(mut rendered: Rendered) -> Rendered {
    rendered.owned = false;
    let metadata = rendered.object["metadata"].as_object_mut().unwrap();
    metadata.remove("ownerReferences");
    rendered
}

/// Returns a cluster-scoped object.
pub(crate) fn namespace(name: &str) -> Rendered {
    let mut rendered = unowned(image("ns", name, "-"));
    rendered.object["apiVersion"] = "v1".into();
    rendered.object["kind"] = "Namespace".into();
    rendered
}

/// Returns an object that has a different owner.
pub(crate) fn foreign(name: &str) -> Value {
    json!({
        "apiVersion": "tekton.dev/v1alpha1",
        "kind": "PipelineResource",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "ownerReferences": [{"kind": "PipelineRun", "name": "nightly", "uid": "u", "controller": true}],
        },
    })
}

/// Submits objects that do not have to be rendered again.
pub(crate) async fn submit(
    submitter: &Submitter,
    rendered: Vec<Rendered>,
) -> Result<Submission, SubmissionError> {
    submit_reporting(submitter, rendered, &|_| {}).await
}

/// Like [`submit`], but also passes the progress to `report`.
pub(crate) async fn submit_reporting(
    submitter: &Submitter,
    rendered: Vec<Rendered>,
    report: Report<'_>,
) -> Result<Submission, SubmissionError> {
    let render = |_: &BTreeMap<ResourceName, u32>| Ok::<_, Infallible>(rendered.clone());
    submitter.submit(render, report).await
}

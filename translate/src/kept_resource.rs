//! Checks the PipelineResources that the output includes unchanged. Reports the errors that would cause an API server with
//! Gleaner's CRD to reject the PipelineResource (`charts/gleaner/files/pipelineresources.yaml`).

use gleaner_core::document::suggestion::suggestion;
use gleaner_core::document::{Cursor, Diagnostics};
use gleaner_proto::kubernetes::PIPELINE_RESOURCE_TYPES;

use crate::catalogue::NO_SPEC;

/// Reports unknown fields, missing or unknown types, and duplicate params.
pub(crate) fn check(document: &Cursor<'_>, found: &mut Diagnostics) {
    document.fields(&["apiVersion", "kind", "metadata", "spec", "status"], found);
    let Some(spec) = document
        .field("spec")
        .filter(|spec| spec.node.mapping().is_some())
    else {
        return found.refuse(document, "the PipelineResource has no spec", NO_SPEC);
    };
    spec.fields(
        &["type", "description", "optional", "params", "secrets"],
        found,
    );
    match spec.field("type") {
        None => found.refuse(
            &spec,
            "the PipelineResource has no type",
            "use git or image",
        ),
        Some(kind) => {
            let text = kind.text(found).unwrap_or("git");
            if !PIPELINE_RESOURCE_TYPES.contains(&text) {
                let message = format!("'{text}' is not a PipelineResource type");
                found.add(&kind, message, suggestion(text, PIPELINE_RESOURCE_TYPES));
            }
        }
    }
    let mut names: Vec<String> = Vec::new();
    for param in spec.items_at("params", found) {
        param.fields(&["name", "value"], found);
        let Some(name) = param.name(found) else {
            continue;
        };
        // Compare the names case-insensitively, as Tekton did (`strings.EqualFold`).
        if names.iter().any(|other| other.eq_ignore_ascii_case(&name)) {
            let message = format!("the param '{name}' already exists");
            found.refuse(&param, message, "remove one of them");
        }
        names.push(name);
    }
    for secret in spec.items_at("secrets", found) {
        secret.fields(&["fieldName", "secretName", "secretKey"], found);
    }
}

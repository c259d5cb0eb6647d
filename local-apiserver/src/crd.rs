//! Kinds that CRDs define. The CRDs are read from files or created by a client.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::cause::Cause;
use crate::kind::{self, Kind, Schema};
use crate::names::NameRule;
use crate::{builtin, metadata};

/// An error in a CRD file.
#[derive(Debug, thiserror::Error)]
pub enum CrdError {
    /// The text is not valid YAML.
    #[error("cannot read the CRD: {0}")]
    Unreadable(#[from] serde_saphyr::Error),
    /// A document is not a CRD, or a required field is missing or has a wrong value.
    #[error("document {index} is not a complete CustomResourceDefinition: {source}")]
    Incomplete {
        /// The number of the document in the file, counted from 1.
        index: usize,
        /// The parser's error, which names the field.
        source: serde_json::Error,
    },
}

#[derive(Deserialize)]
#[serde(tag = "kind")]
enum Document {
    CustomResourceDefinition(Crd),
}

#[derive(Deserialize)]
#[serde(tag = "apiVersion")]
enum Crd {
    #[serde(rename = "apiextensions.k8s.io/v1")]
    V1 { spec: CrdSpec },
}

#[derive(Deserialize)]
struct CrdSpec {
    group: String,
    scope: Scope,
    names: Names,
    versions: Vec<Version>,
}

#[derive(Deserialize, PartialEq, Eq)]
enum Scope {
    Namespaced,
    Cluster,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Names {
    kind: String,
    plural: String,
    singular: Option<String>,
    #[serde(default)]
    short_names: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
}

#[derive(Deserialize)]
struct Version {
    name: String,
    #[serde(default)]
    served: bool,
    #[serde(default)]
    schema: Validation,
    #[serde(default)]
    subresources: Subresources,
}

#[derive(Deserialize, Default)]
struct Validation {
    #[serde(rename = "openAPIV3Schema")]
    open_api: Value,
}

#[derive(Deserialize, Default)]
struct Subresources {
    status: Option<Value>,
}

/// The API group to which CRDs themselves belong.
const GROUP: &str = "apiextensions.k8s.io";

/// Returns true if `kind` is `CustomResourceDefinition`.
pub(crate) fn is_kind(kind: &Kind) -> bool {
    kind.group == GROUP && kind.plural == "customresourcedefinitions"
}

/// Returns one kind for each served version of a CRD, or none if the CRD is incomplete. Validation rejects an incomplete CRD.
pub(crate) fn kinds(object: &Value) -> Vec<Arc<Kind>> {
    match serde_json::from_value::<CrdSpec>(object["spec"].clone()) {
        Ok(spec) => spec.into_kinds().map(Arc::new).collect(),
        Err(_) => Vec::new(),
    }
}

/// Returns the resource name under which objects of the CRD's kind are stored, such as `widgets.example.com`. In a valid CRD,
/// this is also the name of the CRD.
pub(crate) fn resource(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let spec = &object["spec"];
    kind::qualified(&text(&spec["names"]["plural"]), &text(&spec["group"]))
}

/// Returns the errors in a CRD that are not detected by the schema for CRDs.
pub(crate) fn faults(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let resource = resource(object);
    let name = metadata::text(object, "name");
    if name != resource {
        let rule = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", name, rule));
    }
    let versions = object["spec"]["versions"].as_array();
    let stored = versions
        .into_iter()
        .flatten()
        .filter(|version| version["storage"] == true);
    if stored.count() != 1 {
        let rule = "must have exactly one version marked as storage version";
        let found = object["spec"]["versions"].clone();
        causes.push(Cause::invalid("spec.versions", found, rule));
    }
    causes
}

/// Returns the CRD with the status that Kubernetes' CRD controller would set.
pub(crate) fn established(object: &Value) -> Value {
    let mut object = object.clone();
    let condition = |name: &str, reason: &str| {
        json!({
            "type": name, "status": "True", "reason": reason, "message": "",
            "lastTransitionTime": metadata::now(),
        })
    };
    object["status"] = json!({
        "acceptedNames": object["spec"]["names"],
        "conditions": [
            condition("NamesAccepted", "NoConflicts"),
            condition("Established", "InitialNamesAccepted"),
        ],
    });
    object
}

/// Parses the CRDs in a YAML text that contains one or more documents. Skips empty documents. Returns one kind for each served
/// version. Errors: the text is not valid YAML, or a document is not a complete CRD.
pub(crate) fn parse(yaml: &str) -> Result<Vec<Arc<Kind>>, CrdError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml)?;
    let mut kinds = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        if document.is_null() {
            continue;
        }
        let document = serde_json::from_value(document);
        let index = index + 1;
        let Document::CustomResourceDefinition(Crd::V1 { spec }) =
            document.map_err(|source| CrdError::Incomplete { index, source })?;
        kinds.extend(spec.into_kinds().map(Arc::new));
    }
    Ok(kinds)
}

impl CrdSpec {
    fn into_kinds(self) -> impl Iterator<Item = Kind> {
        let served = self.versions.into_iter().filter(|version| version.served);
        served.map(move |version| Kind {
            group: self.group.clone(),
            version: version.name,
            kind: self.names.kind.clone(),
            plural: self.names.plural.clone(),
            singular: match &self.names.singular {
                Some(singular) => singular.clone(),
                None => self.names.kind.to_lowercase(),
            },
            short_names: self.names.short_names.clone(),
            categories: self.names.categories.clone(),
            namespaced: self.scope == Scope::Namespaced,
            has_status: version.subresources.status.is_some(),
            built_in: false,
            name_rule: NameRule::Subdomain,
            schema: Schema::new(Box::new(move || whole(version.schema.open_api))),
        })
    }
}

/// Returns the schema of a whole object. Adds the fields that all objects have in common and that the schema in a CRD omits.
fn whole(mut schema: Value) -> Value {
    if !schema.is_object() {
        schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    }
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    for name in ["apiVersion", "kind"] {
        schema["properties"][name] = json!({ "type": "string" });
    }
    schema["properties"]["metadata"] = builtin::metadata();
    schema
}

#[cfg(test)]
mod tests;

//! Kinds from CRD files.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::kind::{Form, Kind, NameRule};

/// Why a CRD file was not understood.
#[derive(Debug, thiserror::Error)]
pub enum CrdError {
    /// The text is no YAML, or no CRD.
    #[error("cannot read the CRD: {0}")]
    Unreadable(#[from] serde_saphyr::Error),
    /// The document is something else.
    #[error(
        "document {index} is a {kind:?}, not a CustomResourceDefinition of apiextensions.k8s.io/v1"
    )]
    NotACrd {
        /// Place in the file, from 1.
        index: usize,
        /// What it says it is.
        kind: String,
    },
    /// The document lacks something a CRD must have.
    #[error("document {index} is no complete CustomResourceDefinition: {source}")]
    Incomplete {
        /// Place in the file, from 1.
        index: usize,
        /// What is missing or of the wrong type.
        source: serde_json::Error,
    },
}

#[derive(Deserialize)]
struct Crd {
    spec: CrdSpec,
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
    served: bool,
    #[serde(default)]
    schema: Schema,
    #[serde(default)]
    subresources: Subresources,
}

#[derive(Deserialize, Default)]
struct Schema {
    #[serde(rename = "openAPIV3Schema")]
    open_api: Value,
}

#[derive(Deserialize, Default)]
struct Subresources {
    status: Option<Value>,
}

/// The served versions of the CRDs in a YAML text of one or more documents.
///
/// # Errors
///
/// When the text is not YAML, or one of its documents is not a complete CRD. Empty documents are passed over.
pub(crate) fn parse(yaml: &str) -> Result<Vec<Kind>, CrdError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml)?;
    let mut kinds = Vec::new();
    for (index, document) in documents
        .into_iter()
        .enumerate()
        .filter(|(_, d)| !d.is_null())
    {
        let index = index + 1;
        if document["kind"] != "CustomResourceDefinition"
            || document["apiVersion"] != "apiextensions.k8s.io/v1"
        {
            let kind = document["kind"].as_str().unwrap_or_default().to_owned();
            return Err(CrdError::NotACrd { index, kind });
        }
        let crd: Crd = serde_json::from_value(document)
            .map_err(|source| CrdError::Incomplete { index, source })?;
        kinds.extend(crd.spec.into_kinds());
    }
    Ok(kinds)
}

impl CrdSpec {
    fn into_kinds(self) -> impl Iterator<Item = Kind> {
        let Self {
            group,
            scope,
            names,
            versions,
        } = self;
        versions
            .into_iter()
            .filter(|v| v.served)
            .map(move |version| Kind {
                group: group.clone(),
                version: version.name,
                kind: names.kind.clone(),
                plural: names.plural.clone(),
                singular: names
                    .singular
                    .clone()
                    .unwrap_or_else(|| names.kind.to_lowercase()),
                short_names: names.short_names.clone(),
                categories: names.categories.clone(),
                namespaced: scope == Scope::Namespaced,
                has_status: version.subresources.status.is_some(),
                name_rule: NameRule::Subdomain,
                form: Form::Custom(Arc::new(version.schema.open_api)),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crds_of_the_house_parse() {
        let kinds = parse(crate::TEKTON_CRDS).unwrap();
        let names: Vec<String> = kinds
            .iter()
            .map(|k| format!("{} {}", k.api_version(), k.plural))
            .collect();
        assert_eq!(
            names,
            [
                "tekton.dev/v1alpha1 pipelineresources",
                "tekton.dev/v1 taskruns",
                "tekton.dev/v1 pipelineruns"
            ]
        );
        assert!(kinds.iter().all(|k| k.namespaced && k.has_status));
    }

    #[test]
    fn what_is_no_crd_is_named() {
        let error = parse("---\nkind: ConfigMap\napiVersion: v1\n").unwrap_err();
        assert!(error.to_string().contains("\"ConfigMap\""), "{error}");
    }
}

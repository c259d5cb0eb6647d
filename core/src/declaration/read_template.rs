//! Reads a [`Template`] from YAML: a PipelineResource in `resources`, or any object in `objects`.

use std::collections::HashSet;

use indexmap::{IndexMap, IndexSet};

use super::field_path::FieldPath;
use super::model::{GIVEN_RESULTS, Naming, Origin, Policy, Template};
use super::read_wait;
use crate::document::diagnostic::Part;
use crate::document::{Content, Cursor, Diagnostics};
use crate::variable::{Tree, Use};
use gleaner_proto::kubernetes::{
    PIPELINE_RESOURCE_API_VERSION, PIPELINE_RESOURCE_KIND, PIPELINE_RESOURCE_TYPES,
};
use gleaner_proto::name::{OutputName, ResourceName};

pub(super) const RESOURCE: [&str; 3] = ["name", "metadata", "spec"];
pub(super) const RESOURCE_METADATA: [&str; 3] = ["name", "labels", "annotations"];
pub(super) const RESOURCE_SPEC: [&str; 5] =
    ["type", "params", "secrets", "description", "optional"];
pub(super) const OBJECT: [&str; 6] = [
    "name",
    "policy",
    "owned",
    "waitFor",
    "results",
    "resourceTemplate",
];
const POLICIES: [(&str, Policy); 2] = [("Create", Policy::Create), ("Apply", Policy::Apply)];
/// The metadata fields that the API server sets itself, or rejects in a create request.
const SERVER_SIDE: [&str; 6] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "selfLink",
];

pub(super) fn pipeline_resource(
    item: &Cursor<'_>,
    uses: &mut Vec<Use>,
    findings: &mut Diagnostics,
) -> Option<Template> {
    item.fields(&RESOURCE, findings);
    let name = item
        .required("name", "img", findings)?
        .parsed(str::parse::<ResourceName>, findings)?;
    let spec = item.required("spec", "{type: image, params: []}", findings)?;
    spec.fields(&RESOURCE_SPEC, findings);
    let kind = spec.required("type", "image", findings)?;
    let kind = resource_type(&kind, findings)?.to_owned();
    let params = spec
        .field("params")
        .map(|params| check_resource_params(&params, findings))
        .unwrap_or_default();
    let mut naming = Naming::Derived;
    let mut metadata = IndexMap::new();
    if let Some(cursor) = item.field("metadata") {
        cursor.fields(&RESOURCE_METADATA, findings);
        metadata = read_metadata(&cursor, &mut naming, uses, findings);
    }
    let fields = [
        (
            "apiVersion",
            Tree::Fixed(PIPELINE_RESOURCE_API_VERSION.into()),
        ),
        ("kind", Tree::Fixed(PIPELINE_RESOURCE_KIND.into())),
        ("metadata", Tree::map(metadata)),
        ("spec", Tree::read(&spec, uses, findings)),
    ];
    let fields = fields.map(|(key, field)| (key.to_owned(), field));
    Some(Template {
        name,
        place: item.place.clone(),
        at: item.at(),
        origin: Origin::PipelineResource { kind, params },
        api_version: PIPELINE_RESOURCE_API_VERSION.to_owned(),
        kind: PIPELINE_RESOURCE_KIND.to_owned(),
        naming,
        policy: Policy::Create,
        owned: true,
        wait_for: None,
        results: IndexMap::new(),
        uses: Vec::new(),
        tree: Tree::map(IndexMap::from(fields)),
    })
}

/// Reads the type of a PipelineResource. The type must be literal, because it is part of the object's name. The type is checked
/// here, because the API server would reject an unknown type only after the steps have run.
fn resource_type<'a>(field: &Cursor<'a>, findings: &mut Diagnostics) -> Option<&'a str> {
    let kind = field.text(findings)?;
    if !PIPELINE_RESOURCE_TYPES.contains(&kind) {
        let known = PIPELINE_RESOURCE_TYPES.join(", ");
        let message = format!("'{kind}' is not a PipelineResource type");
        let literal = Some(kind).filter(|kind| !kind.contains("$("));
        let help = literal.and_then(|kind| findings.suggestion(kind, PIPELINE_RESOURCE_TYPES));
        let help = help.unwrap_or_else(|| format!("write one of {known}, without variables"));
        findings.refuse(field, message, help);
    }
    Some(kind)
}

/// Checks the params of a PipelineResource and returns their names.
fn check_resource_params(params: &Cursor<'_>, findings: &mut Diagnostics) -> IndexSet<String> {
    let (mut names, mut folded) = (IndexSet::new(), HashSet::new());
    for param in params.items(findings) {
        param.fields(&["name", "value"], findings);
        if let Some(value) = param.required("value", "$(params.imageUrl)", findings) {
            value.text(findings);
        }
        let Some(cursor) = param.required("name", "url", findings) else {
            continue;
        };
        let Some(name) = cursor.text(findings) else {
            continue;
        };
        // The names of a PipelineResource's params are case-insensitive (tektoncd/pipeline v0.6,
        // pkg/apis/pipeline/v1alpha1/image_resource.go).
        if !folded.insert(name.to_ascii_lowercase()) {
            let message = format!("duplicate param '{name}'");
            findings.refuse(&cursor, message, "remove one");
        }
        if name.contains("$(") {
            let message = "the name of a param must not contain variables";
            findings.refuse(&cursor, message, "for example name: url");
        }
        names.insert(name.to_owned());
    }
    names
}

pub(super) fn object(
    item: &Cursor<'_>,
    uses: &mut Vec<Use>,
    findings: &mut Diagnostics,
) -> Option<Template> {
    item.fields(&OBJECT, findings);
    let name = item
        .required("name", "service", findings)?
        .parsed(str::parse::<ResourceName>, findings)?;
    let policy = item.word_at("policy", &POLICIES, findings);
    let owned = item.flag_at("owned", findings);
    let results = item
        .field("results")
        .map(|results| read_results(&results, findings))
        .unwrap_or_default();
    let example = "{apiVersion: v1, kind: ConfigMap}";
    let template = item.required("resourceTemplate", example, findings)?;
    let entries = template.entries(findings);
    let api_version = literal(&template, "apiVersion", "apps/v1", findings);
    let kind = literal(&template, "kind", "Deployment", findings);
    let wait_for = item.field("waitFor").and_then(|wait| {
        let kind = (api_version.as_deref(), kind.as_deref());
        read_wait::read(&wait, kind, findings)
    });
    let mut naming = Naming::Derived;
    let mut tree = IndexMap::new();
    for (key, field) in entries {
        let value = if key == "metadata" {
            Tree::map(read_metadata(&field, &mut naming, uses, findings))
        } else {
            Tree::read(&field, uses, findings)
        };
        tree.insert(key.to_owned(), value);
    }
    // Rendering adds labels and the owner to `metadata`, so the field is added if it is missing.
    tree.entry("metadata".to_owned())
        .or_insert_with(|| Tree::map(IndexMap::new()));
    // Another check reports an invalid name, so this check requires only that a name exists.
    let metadata = template.node.present("metadata");
    let is_named = metadata.is_some_and(|metadata| metadata.get("name").is_some());
    if !is_named && policy == Policy::Apply && template.node.mapping().is_some() {
        let message = "an object with policy Apply needs a name, because each run would otherwise create a new object";
        findings.refuse(&template, message, "set metadata.name");
    }
    Some(Template {
        name,
        place: item.place.clone(),
        at: item.at(),
        origin: Origin::Object,
        api_version: api_version?,
        kind: kind?,
        naming,
        policy,
        owned,
        wait_for,
        results,
        uses: Vec::new(),
        tree: Tree::map(tree),
    })
}

/// Reads a field that must not contain variables, because the checks before the run depend on its value.
fn literal(
    template: &Cursor<'_>,
    key: &str,
    example: &str,
    findings: &mut Diagnostics,
) -> Option<String> {
    let field = template.required(key, example, findings)?;
    let text = field.text_or(findings, |_| format!("for example {key}: {example}"))?;
    if text.is_empty() || text.contains('$') {
        let message = match text.is_empty() {
            true => format!("'{key}' must not be empty"),
            false => format!("'{key}' must not contain variables"),
        };
        findings.refuse(&field, message, format!("for example {key}: {example}"));
    }
    Some(text.to_owned())
}

/// Reads `metadata`. Stores the name in `naming` and returns the other fields.
fn read_metadata(
    metadata: &Cursor<'_>,
    naming: &mut Naming,
    uses: &mut Vec<Use>,
    findings: &mut Diagnostics,
) -> IndexMap<String, Tree> {
    let mut rest = IndexMap::new();
    if metadata.node.content == Content::Null {
        return rest;
    }
    for (key, field) in metadata.entries(findings) {
        match key {
            // Null fields are skipped, because the API server treats them as absent. For example, exported objects contain
            // `creationTimestamp: null`.
            key if key != "name" && field.node.content == Content::Null => {}
            "name" | "generateName" => {
                if field.text(findings).is_none() {
                    continue;
                }
                let errors = findings.count();
                let text = Tree::read(&field, uses, findings);
                if findings.count() > errors {
                    // The name is ignored, because an error in one of its variables was already reported.
                    continue;
                }
                match (key, &*naming) {
                    ("name", _) => *naming = Naming::Static(text),
                    // `name` takes precedence over `generateName`, as on the API server.
                    (_, Naming::Static(_)) => {}
                    _ => *naming = Naming::Prefix(text),
                }
            }
            key if SERVER_SIDE.contains(&key) => {
                let message = format!("metadata.{key} is set by the API server");
                findings.refuse(&field, message, "remove it");
            }
            "ownerReferences" => {
                let help = "remove the field; use `owned: true` to let the run own the object";
                findings.refuse(&field, "owner references are set by Gleaner", help);
            }
            "labels" | "annotations" => {
                for (_, value) in field.entries(findings) {
                    value.text(findings);
                }
                rest.insert(key.to_owned(), Tree::read(&field, uses, findings));
            }
            _ => {
                rest.insert(key.to_owned(), Tree::read(&field, uses, findings));
            }
        }
    }
    rest
}

fn read_results(results: &Cursor<'_>, findings: &mut Diagnostics) -> IndexMap<String, FieldPath> {
    let mut read = IndexMap::new();
    for (name, field) in results.entries(findings) {
        if GIVEN_RESULTS.contains(&name) {
            let message = format!("'{name}' is always one of the results");
            findings.refuse(&field, message, "remove it");
            continue;
        }
        if let Err(error) = OutputName::new(name) {
            findings.push_with(|_| field.diagnostic(error.to_string()).about(Part::Key));
        }
        if let Some(path) = field.parsed(str::parse::<FieldPath>, findings) {
            read.insert(name.to_owned(), path);
        }
    }
    read
}

//! The object results that Gleaner adds, one for each resource in the declaration. The next task uses a result to find the
//! created object.

use std::collections::HashMap;

use crate::declaration::{Declaration, Origin, Template};
use crate::document::diagnostic::Diagnostic;
use crate::document::{Diagnostics, Place};
use crate::inject::list;
use crate::results;
use serde_json::{Map, Value};

/// The beginning of each description that Gleaner writes. It distinguishes the results that Gleaner adds from the Task's own.
const DESCRIPTION: &str = "Created by Gleaner: ";

/// Adds the results that the Task does not already declare.
pub(super) fn add(spec: &mut Value, declaration: &Declaration) {
    let own = own(spec);
    let templates = declaration.templates.iter();
    let lacking = templates.filter(|template| !own.contains_key(template.name.as_str()));
    let added: Vec<Value> = lacking.map(result).collect();
    for result in added {
        list::push(spec, "results", result);
    }
}

/// Reports invalid results that the Task itself declares under a resource's name. Tekton fails a TaskRun if a result is not of
/// the declared type or lacks a declared key (`pkg/apis/pipeline/v1/result_validation.go`).
pub(super) fn conflicts(spec: &Value, declaration: &Declaration, place: &Place) -> Vec<Diagnostic> {
    let mut wrong = Diagnostics::default();
    let own = own(spec);
    for template in &declaration.templates {
        let name = &template.name;
        let Some((index, declared)) = own.get(name.as_str()) else {
            continue;
        };
        let place = place.key("results").index(*index);
        let help = format!("remove the result '{name}', because Gleaner declares it");
        let properties = declared["properties"].as_object();
        let is_object = declared
            .get("type")
            .map_or(properties.is_some(), |kind| kind == "object");
        if !is_object {
            let message = format!(
                "the result '{name}' describes the resource '{name}', so its type must be object"
            );
            wrong.push(Diagnostic::new(place, None, message).help(help));
            continue;
        }
        let known = results::keys(template);
        for key in properties.into_iter().flatten().map(|(key, _)| key) {
            if !known.contains(key) {
                wrong.push_with(|_| {
                    let message = format!("the result of the resource '{name}' has no key '{key}'");
                    let place = place.key("properties").key(key);
                    let list: Vec<&str> = known.iter().map(String::as_str).collect();
                    let help = format!("its keys are {}; {help}", list.join(", "));
                    Diagnostic::new(place, None, message).help(help)
                });
            }
        }
    }
    wrong.into_vec()
}

/// Returns true if Gleaner added the result.
pub(super) fn is_added(result: &Value) -> bool {
    let description = result["description"].as_str();
    description.is_some_and(|description| description.starts_with(DESCRIPTION))
}

/// Returns the results that the Task itself declares, by name, each with its index. If several have the same name, only the first
/// is returned.
fn own(spec: &Value) -> HashMap<&str, (usize, &Value)> {
    let mut own = HashMap::new();
    for (index, result) in list::items(spec, "results").iter().enumerate() {
        if let Some(name) = result["name"].as_str() {
            own.entry(name).or_insert((index, result));
        }
    }
    own
}

fn result(template: &Template) -> Value {
    let what = match &template.origin {
        Origin::PipelineResource { kind, .. } => format!("{} of type {kind}", template.kind),
        Origin::Object => format!("{} ({})", template.kind, template.api_version),
    };
    let of_text = || Value::Object(Map::from_iter([("type".to_owned(), "string".into())]));
    let properties = results::keys(template).into_iter();
    let properties: Map<String, Value> = properties.map(|key| (key, of_text())).collect();
    // Built without `json!`, which would copy the properties; there may be thousands of results.
    let fields = [
        ("name", template.name.as_str().into()),
        ("type", "object".into()),
        ("description", format!("{DESCRIPTION}{what}").into()),
        ("properties", properties.into()),
    ];
    let fields = fields.map(|(key, value): (&str, Value)| (key.to_owned(), value));
    Map::from_iter(fields).into()
}

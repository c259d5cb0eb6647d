//! One object result for each output resource: how the next task gets at what was created.

use crate::declaration::{Declaration, Origin, Template};
use crate::document::Place;
use crate::document::diagnostic::Diagnostic;
use crate::inject::list;
use crate::results;
use serde_json::{Map, Value, json};

/// How the description of a result begins that Gleaner has added: what tells it from the Task's own.
const DESCRIPTION: &str = "Created by Gleaner: ";

/// Adds the results that the Task does not declare itself.
pub(super) fn add(spec: &mut Value, declaration: &Declaration) {
    for template in &declaration.templates {
        if own(spec, template.name.as_str()).is_none() {
            list::push(spec, "results", result(template));
        }
    }
}

/// What is wrong with results that the Task declares under a resource's name. Tekton lets a TaskRun fail whose result is
/// not of the declared type or lacks a declared key (`pkg/apis/pipeline/v1/result_validation.go`).
pub(super) fn conflicts(spec: &Value, declaration: &Declaration, place: &Place) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    for template in &declaration.templates {
        let name = &template.name;
        let Some((index, declared)) = own(spec, name.as_str()) else {
            continue;
        };
        let place = place.key("results").index(index);
        let help = format!("remove the result '{name}'; Gleaner declares it");
        let properties = declared["properties"].as_object();
        let is_object = declared
            .get("type")
            .map_or(properties.is_some(), |kind| kind == "object");
        if !is_object {
            let message = format!("the result of the resource '{name}' is an object");
            wrong.push(Diagnostic::new(place, None, message).help(help));
            continue;
        }
        let known = results::keys(template);
        for key in properties.into_iter().flatten().map(|(key, _)| key) {
            if !known.contains(key) {
                let message = format!("the result of the resource '{name}' has no key '{key}'");
                let place = place.key("properties").key(key);
                let list: Vec<&str> = known.iter().map(String::as_str).collect();
                let help = format!("it has {}; {help}", list.join(", "));
                wrong.push(Diagnostic::new(place, None, message).help(help));
            }
        }
    }
    wrong
}

/// Whether Gleaner has added it.
pub(super) fn is_added(result: &Value) -> bool {
    let description = result["description"].as_str();
    description.is_some_and(|description| description.starts_with(DESCRIPTION))
}

fn own<'a>(spec: &'a Value, name: &str) -> Option<(usize, &'a Value)> {
    let mut results = list::items(spec, "results").iter().enumerate();
    results.find(|(_, result)| result["name"] == name)
}

fn result(template: &Template) -> Value {
    let what = match &template.origin {
        Origin::PipelineResource { kind, .. } => format!("{} of type {kind}", template.kind),
        Origin::Object => format!("{} ({})", template.kind, template.api_version),
    };
    let properties: Map<String, Value> = results::keys(template)
        .into_iter()
        .map(|key| (key, json!({"type": "string"})))
        .collect();
    json!({
        "name": template.name.as_str(),
        "type": "object",
        "description": format!("{DESCRIPTION}{what}"),
        "properties": properties,
    })
}

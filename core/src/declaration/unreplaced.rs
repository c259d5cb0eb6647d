//! Reports variables in fields that Gleaner takes literally.

use serde_json::Value;

use super::constraint::Pattern;
use super::model::{Declaration, WaitTarget};
use crate::document::diagnostic::Diagnostic;
use crate::document::{Cursor, Diagnostics, Place};
use crate::variable::{Reference, Text};

/// Reports the first variable in the default and in the pattern of the output at `item`.
pub(super) fn in_output(item: &Cursor<'_>, found: &mut Diagnostics) {
    if let Some(default) = item.field("default")
        && let Some(variable) = first(&default.node.to_json())
    {
        let message =
            format!("`$({variable})` is not replaced: a default does not support variables");
        let help = "write the value, or use the variable in the template";
        found.refuse(&default, message, help);
    }
    if let Some(pattern) = item.field("pattern")
        && let Some(variable) = pattern.node.as_str().and_then(in_text)
        && Pattern::new(pattern.node.as_str().unwrap_or_default()).is_ok()
    {
        let message =
            format!("`$({variable})` is not replaced: a pattern does not support variables");
        found.refuse(&pattern, message, "write the regular expression");
    }
}

/// Reports the first variable in each state of a `waitFor`.
pub(super) fn in_waits(declaration: &Declaration, found: &mut Diagnostics) {
    for template in &declaration.templates {
        let Some(wait) = &template.wait_for else {
            continue;
        };
        let place = template.place.key("waitFor");
        target(&wait.target, &place, found);
        if let Some(failure) = &wait.failure {
            target(failure, &place.key("failure"), found);
        }
    }
}

fn target(target: &WaitTarget, place: &Place, found: &mut Diagnostics) {
    let (key, texts) = match target {
        WaitTarget::Conditions(conditions) => ("condition", conditions.as_slice()),
        WaitTarget::Field { value, .. } => ("value", value.as_slice()),
        WaitTarget::Rollout => return,
    };
    if let Some(variable) = texts.iter().find_map(|text| in_text(text)) {
        let message =
            format!("`$({variable})` is not replaced: waitFor does not support variables");
        let error = Diagnostic::new(place.key(key), None, message);
        found.push(error.help("write the value"));
    }
}

/// Returns the first variable in the strings of `value`.
fn first(value: &Value) -> Option<Reference> {
    match value {
        Value::String(text) => in_text(text),
        Value::Array(items) => items.iter().find_map(first),
        Value::Object(entries) => entries.values().find_map(first),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Returns the first variable in `text`.
fn in_text(text: &str) -> Option<Reference> {
    if !text.contains("$(") {
        return None;
    }
    Text::parse(text).ok()?.references().next().cloned()
}

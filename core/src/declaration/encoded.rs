//! Warnings about outputs in the `data` of a Secret. Kubernetes accepts only base64 there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::check::is_secret_data;
use super::model::Declaration;
use crate::document::Diagnostics;
use crate::variable::Reference;

/// Adds a warning for each output in `data` of a Secret, unless the output has a pattern, which suggests that the step
/// encodes the value.
pub(super) fn find(declaration: &Declaration, warnings: &mut Diagnostics) {
    for template in &declaration.templates {
        for usage in &template.uses {
            let Reference::Output { step, output, .. } = &usage.reference else {
                continue;
            };
            let inside = usage.place.within(&template.place).unwrap_or_default();
            let is_encoded = inside.starts_with(&["resourceTemplate", "data"]);
            let has_pattern = declaration
                .output(step, output)
                .is_none_or(|output| output.pattern.is_some());
            if is_encoded && is_secret_data(template, &inside) && !has_pattern {
                warnings.push_with(|_| {
                    let message = format!(
                        "`$({})` must be base64, because the data of a Secret is encoded",
                        usage.reference
                    );
                    let help = "put it under stringData, which accepts plain text; if the step encodes it, declare a pattern \
                                such as '^[A-Za-z0-9+/]*={0,2}$'";
                    usage.diagnostic(message).help(help)
                });
            }
        }
    }
}

/// If `object` is a Secret, returns the keys in its `data` whose values are not valid base64. Otherwise, returns an empty list.
pub fn undecodable(object: &Value) -> Vec<&str> {
    let is_secret = object["apiVersion"] == "v1" && object["kind"] == "Secret";
    let data = object["data"].as_object().filter(|_| is_secret);
    let wrong = data.into_iter().flatten().filter(|(_, value)| {
        let text = value.as_str();
        text.is_some_and(|text| !is_base64(text))
    });
    wrong.map(|(key, _)| key.as_str()).collect()
}

/// Returns true if Kubernetes can decode `text` as base64. Go's decoder ignores line breaks.
pub(crate) fn is_base64(text: &str) -> bool {
    let text: String = text.split(['\r', '\n']).collect();
    STANDARD.decode(text).is_ok()
}

//! The `caBundle`s of a webhook configuration. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::content::Certificate;

/// The JSON patch that makes every webhook of `configuration` trust `bundle` and nothing else; none when they do.
///
/// It tests the version that was read: against a configuration that has changed since, it fails as a whole.
pub fn repair(configuration: &Value, bundle: &str) -> Option<Value> {
    let webhooks = configuration["webhooks"].as_array();
    let wrong = webhooks
        .into_iter()
        .flatten()
        .enumerate()
        .filter(|(_, webhook)| {
            let held = webhook["clientConfig"]["caBundle"]
                .as_str()
                .unwrap_or_default();
            STANDARD.decode(held).ok().as_deref() != Some(bundle.as_bytes())
        });
    let bundle = STANDARD.encode(bundle);
    let mut patch = wrong
        .map(|(index, _)| {
            // `add` takes the place of what is there.
            json!({"op": "add", "path": format!("/webhooks/{index}/clientConfig/caBundle"), "value": bundle})
        })
        .collect::<Vec<_>>();
    if patch.is_empty() {
        return None;
    }
    let version = &configuration["metadata"]["resourceVersion"];
    patch.insert(
        0,
        json!({"op": "test", "path": "/metadata/resourceVersion", "value": version}),
    );
    Some(Value::Array(patch))
}

/// The authorities that `configuration` holds: what API servers trust at the moment.
pub fn authorities(configuration: &Value) -> Vec<Certificate> {
    let webhooks = configuration["webhooks"].as_array();
    let mut found = Vec::new();
    for webhook in webhooks.into_iter().flatten() {
        let held = webhook["clientConfig"]["caBundle"]
            .as_str()
            .unwrap_or_default();
        let held = STANDARD
            .decode(held)
            .ok()
            .and_then(|pem| Certificate::all(&pem));
        for authority in held.into_iter().flatten() {
            if !found.contains(&authority) {
                found.push(authority);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;

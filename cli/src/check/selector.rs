//! Evaluates label selectors as the API server does for webhooks.

use serde_json::Value;

/// Returns true if the labels match the selector. An empty selector matches everything.
pub(super) fn matches(selector: &Value, labels: &Value) -> bool {
    let equal = selector["matchLabels"].as_object();
    let expressions = selector["matchExpressions"].as_array();
    equal.is_none_or(|equal| equal.iter().all(|(key, value)| labels[key] == *value))
        && expressions.is_none_or(|all| all.iter().all(|one| holds(one, labels)))
}

fn holds(expression: &Value, labels: &Value) -> bool {
    let value = &labels[expression["key"].as_str().unwrap_or_default()];
    let values = expression["values"].as_array();
    let is_listed = values.is_some_and(|values| values.contains(value));
    match expression["operator"].as_str() {
        Some("In") => is_listed,
        Some("NotIn") => !is_listed,
        Some("Exists") => !value.is_null(),
        Some("DoesNotExist") => value.is_null(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_match_as_on_the_api_server() {
        let labels = json!({"a": "x", "b": "y"});
        let by = |operator: &str, key: &str| {
            let expression = json!({"key": key, "operator": operator, "values": ["x"]});
            matches(&json!({"matchExpressions": [expression]}), &labels)
        };
        assert!(by("In", "a") && !by("In", "b") && !by("In", "c"));
        assert!(!by("NotIn", "a") && by("NotIn", "b") && by("NotIn", "c"));
        assert!(by("Exists", "a") && !by("Exists", "c"));
        assert!(!by("DoesNotExist", "a") && by("DoesNotExist", "c"));
        assert!(matches(&json!({}), &labels) && matches(&Value::Null, &Value::Null));
        assert!(matches(&json!({"matchLabels": {"a": "x"}}), &labels));
        assert!(!matches(&json!({"matchLabels": {"a": "y"}}), &labels));
    }
}

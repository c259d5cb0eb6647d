//! Converts the results of a task to the values that later tasks receive.

use gleaner_core::declaration::Declaration;
use gleaner_core::document::Node;
use gleaner_core::task::param::value;
use gleaner_core::task::spec::TaskResult;
use serde_json::Value;

use super::model::Results;

/// Parses the content of a step's result file in the same way as Tekton's entrypoint: as a list of strings, a map of strings, or
/// a string (`loadStepResult` in `pkg/entrypoint/entrypointer.go`).
pub(crate) fn result_value(text: &str) -> Value {
    let json = text.trim();
    if !json.starts_with(['[', '{', '"']) {
        return Value::String(text.to_owned());
    }
    match serde_json::from_str::<Value>(json) {
        Ok(json) => match value(&Node::from(&json)) {
            // Tekton treats other JSON, such as a list of numbers, as a string.
            Value::String(_) if !json.is_string() => Value::String(text.to_owned()),
            typed => typed,
        },
        Err(_) => Value::String(text.to_owned()),
    }
}

/// Converts the results from strings to their types. The result for an object in the declaration becomes a map, and a result that
/// the Task declares gets the declared type.
pub(crate) fn typed(
    texts: &Results,
    declared: &[TaskResult],
    declaration: &Declaration,
) -> Results {
    let typed = texts.iter().map(|(name, value)| {
        let of_task = declared.iter().find(|result| result.name == *name);
        let is_structured = match of_task {
            Some(result) => ["array", "object"].contains(&result.kind.as_str()),
            None => declaration.template(name).is_some(),
        };
        let typed = match value.as_str() {
            Some(text) if is_structured => result_value(text),
            _ => value.clone(),
        };
        (name.clone(), typed)
    });
    typed.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_result_is_parsed_as_by_tekton() {
        assert_eq!(result_value("[\"a\",\"b\"]\n"), json!(["a", "b"]));
        assert_eq!(result_value("{\"k\":\"v\"}"), json!({"k": "v"}));
        assert_eq!(result_value("\"quoted\""), "quoted");
        for text in ["5", "true", "text\n", "[1, 2]", "{\"k\": 1}", "[not json"] {
            assert_eq!(result_value(text), text);
        }
    }
}

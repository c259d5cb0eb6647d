//! Replaces context variables in values, and follows access paths into values.

use std::convert::Infallible;

use gleaner_core::variable::{Access, Reference};
use serde_json::Value;

pub(crate) use gleaner_core::variable::occurrence::{
    Occurrence, key, misspelt, occurrences, parts, replace, root,
};

/// Replaces the context variables in all strings of `value`. `known` maps a name without `context.` to its value.
pub(crate) fn replace_context<'k>(value: &mut Value, known: &impl Fn(&str) -> Option<&'k String>) {
    match value {
        Value::String(text) => {
            let replaced: Result<String, Infallible> = replace(text, |inner| {
                let name = inner.strip_prefix("context.");
                Ok(name.and_then(known).cloned())
            });
            let Ok(replaced) = replaced;
            *text = replaced;
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| replace_context(item, known)),
        Value::Object(entries) => entries
            .values_mut()
            .for_each(|value| replace_context(value, known)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Returns the part of `value` to which the access path leads. `inner` is the variable, without `$(` and `)`.
///
/// # Errors
/// Returns a message with the variable and the reason why the part does not exist.
pub(crate) fn reach<'a>(
    inner: &str,
    access: &[Access],
    value: &'a Value,
) -> Result<&'a Value, String> {
    let whole = Reference::Param {
        name: String::new(),
        access: access.to_vec(),
    };
    whole
        .reach(value)
        .map_err(|error| match error.split_once("`: ") {
            Some((_, reason)) => format!("`$({inner})`: {reason}"),
            None => error,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_path_selects_a_part_of_a_value() {
        let found = parts("tasks.build.results.img.url").unwrap();
        let value = serde_json::json!({"url": "u"});
        assert_eq!(reach("x", &found[4..], &value).unwrap(), "u");
        let error =
            reach("x", &parts("a[3]").unwrap()[1..], &serde_json::json!(["a"])).unwrap_err();
        assert_eq!(
            error,
            "`$(x)`: the value has no item 3, because its length is 1"
        );
    }
}

//! Tekton's `$(...)` in what a step says.
//!
//! Tekton replaces what it knows and leaves everything else standing, for `$(date)` is a shell's. This is another
//! language than that of templates (`gleaner_core::variable`), where an unknown variable is an error.

use std::collections::BTreeMap;

use gleaner_core::document::diagnostic::suggestion;
use gleaner_core::variable::{Access, Reference};
use serde_json::Value;

use crate::values::as_text;
use gleaner_core::task::consistency::dotted;

/// What stands for what.
#[derive(Debug, Clone, Default)]
pub(crate) struct Substitution {
    /// The parameters.
    pub(crate) params: BTreeMap<String, Value>,
    /// Everything else, by what stands between `$(` and `)`.
    pub(crate) named: BTreeMap<String, String>,
}

/// Why a text cannot be substituted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SubstitutionError {
    #[error("`$({reference})`: the Task has no parameter '{name}'{}", .help.as_ref().map(|help| format!("; {help}")).unwrap_or_default())]
    Unknown {
        reference: String,
        name: String,
        help: Option<String>,
    },
    #[error(
        "`$({0})` is an array: let it stand alone as an item of command or args, or write [0] behind it"
    )]
    NotAlone(String),
    #[error("`$({0})` is an object: name one of its keys, as Tekton takes no whole object here")]
    WholeObject(String),
    #[error("{0}")]
    Absent(String),
}

impl Substitution {
    /// Adds a variable.
    pub(crate) fn name(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.named.insert(name.into(), value.into());
    }

    /// Replaces the variables in one text.
    pub(crate) fn text(&self, text: &str) -> Result<String, SubstitutionError> {
        let mut replaced = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("$(") {
            replaced.push_str(&rest[..start]);
            let inside = &rest[start + 2..];
            let variable = inside.find(')').map(|end| &inside[..end]);
            match variable
                .map(|variable| Ok((variable, self.lookup(variable)?)))
                .transpose()?
            {
                Some((variable, Some(value))) => {
                    replaced.push_str(&value);
                    rest = &inside[variable.len() + 1..];
                }
                _ => {
                    replaced.push_str("$(");
                    rest = inside;
                }
            }
        }
        replaced.push_str(rest);
        Ok(replaced)
    }

    /// Replaces the variables in items of `command` or `args`, where an array that stands alone becomes as many items.
    pub(crate) fn items(&self, items: &[String]) -> Result<Vec<String>, SubstitutionError> {
        let mut replaced = Vec::with_capacity(items.len());
        for item in items {
            match self.whole_array(item) {
                Some(values) => replaced.extend(values.iter().map(as_text)),
                None => replaced.push(self.text(item)?),
            }
        }
        Ok(replaced)
    }

    /// The array, when the item is nothing but an array parameter.
    fn whole_array(&self, item: &str) -> Option<&[Value]> {
        let inside = item.strip_prefix("$(")?.strip_suffix(')')?;
        match Reference::parse(inside).ok()? {
            Reference::Param { name, access } if access.is_empty() || access == [Access::All] => {
                self.params.get(&name)?.as_array().map(Vec::as_slice)
            }
            _ => None,
        }
    }

    /// What stands for a variable; nothing when it is none of Tekton's.
    fn lookup(&self, variable: &str) -> Result<Option<String>, SubstitutionError> {
        let Ok(reference @ Reference::Param { .. }) = Reference::parse(variable) else {
            return Ok(self.named.get(&dotted(variable)).cloned());
        };
        let Reference::Param { name, .. } = &reference else {
            return Ok(None);
        };
        let value = self
            .params
            .get(name)
            .ok_or_else(|| SubstitutionError::Unknown {
                reference: reference.to_string(),
                name: name.clone(),
                help: suggestion(name, self.params.keys().map(String::as_str)),
            })?;
        match reference.reach(value).map_err(SubstitutionError::Absent)? {
            Value::Array(_) => Err(SubstitutionError::NotAlone(reference.to_string())),
            Value::Object(_) => Err(SubstitutionError::WholeObject(reference.to_string())),
            scalar => Ok(Some(as_text(scalar))),
        }
    }
}

/// The kubelet's own `$(NAME)` in `command`, `args` and the values of variables: environment variables that the
/// container declares. `$$` is a `$` (`k8s.io/kubernetes/third_party/forked/golang/expansion`).
pub(crate) fn expand(text: &str, environment: &[(String, String)]) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        expanded.push_str(&rest[..start]);
        let behind = &rest[start + 1..];
        if let Some(after) = behind.strip_prefix('$') {
            expanded.push('$');
            rest = after;
            continue;
        }
        let name = behind
            .strip_prefix('(')
            .and_then(|inside| inside.split_once(')'));
        // The last declaration of a name counts.
        let found = name.and_then(|(name, after)| {
            let (_, value) = environment.iter().rfind(|(other, _)| other == name)?;
            Some((value, after))
        });
        match found {
            Some((value, after)) => {
                expanded.push_str(value);
                rest = after;
            }
            None => {
                expanded.push('$');
                rest = behind;
            }
        }
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn substitution() -> Substitution {
        let params = json!({"url": "a$(params.b)", "list": ["x", "y z"], "none": [], "o": {"k": "v"}, "a.b": "dots"});
        let params = serde_json::from_value(params).unwrap();
        let mut substitution = Substitution {
            params,
            ..Substitution::default()
        };
        substitution.name("workspaces.src.path", "/src");
        substitution
    }

    #[test]
    fn what_tekton_knows_is_replaced_and_the_rest_stays() {
        for (text, replaced) in [
            ("--to=$(params.url)", "--to=a$(params.b)"),
            ("$(inputs.params.url)", "a$(params.b)"),
            ("$(params[\"a.b\"]) $(params['a.b'])", "dots dots"),
            ("$(params.list[1]) $(params.o.k)", "y z v"),
            (
                "$(workspaces.src.path) $(workspaces[\"src\"].path)",
                "/src /src",
            ),
            ("$(date) $(echo $(params.o.k)) $(", "$(date) $(echo v) $("),
            ("$$(params.o.k)", "$v"),
        ] {
            assert_eq!(substitution().text(text).as_deref(), Ok(replaced));
        }
    }

    #[test]
    fn an_array_alone_becomes_items() {
        let items = ["$(params.list[*])", "$(params.none)", "$(params.list)!"].map(str::to_owned);
        assert_eq!(substitution().items(&items[..2]).unwrap(), ["x", "y z"]);
        assert_eq!(
            substitution().items(&items),
            Err(SubstitutionError::NotAlone("params.list".into()))
        );
    }

    #[test]
    fn a_parameter_that_is_not_there_is_an_error() {
        let error = substitution().text("$(params.ulr)").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`$(params.ulr)`: the Task has no parameter 'ulr'; did you mean 'url'?"
        );
        assert!(substitution().text("$(params.list[7])").is_err());
        assert!(substitution().text("$(params.o)").is_err());
    }

    #[test]
    fn the_kubelet_expands_declared_variables() {
        let environment = [
            ("A".to_owned(), "1".to_owned()),
            ("A".to_owned(), "2".to_owned()),
        ];
        assert_eq!(
            expand("$(A) $(B) $$(A) $A 5$", &environment),
            "2 $(B) $(A) $A 5$"
        );
    }
}

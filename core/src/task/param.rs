//! Declared parameters.

use std::collections::HashSet;

use serde_json::{Number, Value};

use crate::document::{Content, Node};
use crate::document::{Cursor, Diagnostics};

/// The maximum total number of keys in a Task's object parameters. This limit also bounds the length of the sidecar's command
/// line, because each key may become an argument.
const KEYS_MAX: usize = 4000;

/// A parameter of a Task.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamSpec {
    /// The name of the parameter.
    pub name: String,
    /// The type of the parameter's value.
    pub kind: ParamKind,
    /// The default value.
    pub default: Option<Value>,
    /// The allowed values; if empty, any value is allowed.
    pub choices: Vec<String>,
    /// The parameter's description.
    pub description: Option<String>,
}

/// The type of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParamKind {
    /// A string.
    String,
    /// A list of strings.
    Array,
    /// A map of strings.
    Object {
        /// The declared keys; each must have a value.
        keys: Vec<String>,
    },
}

impl ParamKind {
    /// Returns the name of the type, as in the field `type`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Array => "array",
            Self::Object { .. } => "object",
        }
    }
}

impl ParamSpec {
    /// Reads the parameters of a TaskSpec or PipelineSpec: `params` and, in v1alpha1, `inputs.params`.
    pub fn read_all(spec: &Cursor<'_>, found: &mut Diagnostics) -> Vec<Self> {
        let (mut params, mut names) = (Vec::<Self>::new(), HashSet::new());
        let mut keys = 0;
        for parent in std::iter::once(spec.clone()).chain(spec.field("inputs")) {
            for item in parent.items_at("params", found) {
                let before = keys;
                keys += Self::keys_of(item.node);
                if keys > KEYS_MAX {
                    if before <= KEYS_MAX {
                        let message = format!(
                            "with this parameter, the object parameters have {keys} keys in total, but a Task may have at most {KEYS_MAX}"
                        );
                        let help = "combine some of them in an array";
                        found.refuse(&item, message, help);
                    }
                    continue;
                }
                let Some(param) = Self::read(&item, found) else {
                    continue;
                };
                if !names.insert(param.name.clone()) {
                    let message = format!("the parameter '{}' is declared twice", param.name);
                    found.refuse(&item, message, "remove or rename one of them");
                } else {
                    params.push(param);
                }
            }
        }
        params
    }

    /// Returns the number of keys in the default, value and properties of a parameter; a key counts each time it occurs.
    pub(crate) fn keys_of(param: &Node) -> usize {
        let fields = ["default", "value", "properties"].into_iter();
        let maps = fields.filter_map(|field| param.get(field)?.mapping());
        maps.map(<[_]>::len).sum()
    }

    /// Reads the parameters that a TaskSpec inherits from the objects around it, innermost first (Tekton's "propagated
    /// parameters", `docs/taskruns.md`). A run's parameters have no declared type, so the type is inferred from the value.
    pub(crate) fn read_around(around: &[&Node], own: &[Self]) -> Vec<Self> {
        let mut params: Vec<Self> = Vec::new();
        let mut names: HashSet<String> = own.iter().map(|param| param.name.clone()).collect();
        let lists = around
            .iter()
            .filter_map(|node| node.get("params")?.sequence());
        for node in lists.flatten() {
            // Errors in inherited parameters are ignored, because Tekton reports them.
            let param = match node.present("value") {
                Some(value) => Self::of_value(node, value),
                None => Self::read(&Cursor::root(node), &mut Diagnostics::default()),
            };
            let Some(param) = param else { continue };
            if names.insert(param.name.clone()) {
                params.push(param);
            }
        }
        params
    }

    fn of_value(node: &Node, value: &Node) -> Option<Self> {
        let kind = match &value.content {
            Content::Sequence(_) => ParamKind::Array,
            Content::Mapping(entries) => ParamKind::Object {
                keys: entries.iter().map(|(key, _)| key.name.clone()).collect(),
            },
            // The value is another parameter as a whole (`[*]`). Its type is not known here, so the parameter is skipped.
            Content::String(text) if text.trim_end().ends_with("[*])") => return None,
            _ => ParamKind::String,
        };
        Some(Self {
            name: node.get("name")?.as_str()?.to_owned(),
            kind,
            default: None,
            choices: Vec::new(),
            description: None,
        })
    }

    fn read(param: &Cursor<'_>, found: &mut Diagnostics) -> Option<Self> {
        let name = param.name(found)?;
        let default = param.node.present("default");
        let kind = match param.text_at("type", found).as_deref() {
            Some("string") => ParamKind::String,
            Some("array") => ParamKind::Array,
            Some("object") => object(param, found),
            Some(other) => {
                let message = format!("'{other}' is not a valid parameter type");
                let help = "use string, array or object";
                let field = param.field("type");
                let field = field.as_ref().unwrap_or(param);
                found.refuse(field, message, help);
                return None;
            }
            // Like Tekton, infer the type from the default or the properties.
            None => match default.map(value) {
                Some(Value::Array(_)) => ParamKind::Array,
                Some(Value::Object(_)) => object(param, found),
                None if param.field("properties").is_some() => object(param, found),
                _ => ParamKind::String,
            },
        };
        Some(Self {
            name,
            kind,
            default: default.map(value),
            choices: param.texts_at("enum", found),
            description: param.text_at("description", found),
        })
    }
}

/// Reads a parameter's value in the same way as Tekton (`ParamValue.UnmarshalJSON` in `pkg/apis/pipeline/v1/param_types.go`): as
/// a list of strings, a map of strings, or a string. Other values become their JSON text: `4`, `false`, `[1,2]`.
pub fn value(node: &Node) -> Value {
    let json = node.to_json();
    let is_text = |value: &Value| value.is_string() || value.is_null();
    let text = |value: Value| match value {
        Value::Null => Value::String(String::new()),
        text => text,
    };
    match json {
        Value::Array(items) if items.iter().all(is_text) => items.into_iter().map(text).collect(),
        Value::Object(map) if map.values().all(is_text) => {
            let entries = map.into_iter().map(|(key, value)| (key, text(value)));
            Value::Object(entries.collect())
        }
        Value::String(_) => json,
        other => Value::String(go_json(&other)),
    }
}

/// Returns a value as compact JSON with numbers formatted as in Go, because Tekton gets values from the API server in this form.
/// Go writes whole numbers without `.0`, and exponents only for numbers of at least 1e21 or below 1e-6 (`encoding/json`,
/// `floatEncoder`).
fn go_json(value: &Value) -> String {
    match value {
        Value::Number(number) => go_number(number),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_json).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), go_json(value)));
            let entries: Vec<String> = entries.collect();
            format!("{{{}}}", entries.join(","))
        }
        other => other.to_string(),
    }
}

fn go_number(number: &Number) -> String {
    let Some(double) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    if double == 0.0 {
        return "0".to_owned();
    }
    if (1e-6..1e21).contains(&double.abs()) {
        return double.to_string();
    }
    let text = format!("{double:e}");
    match text.split_once('e') {
        Some((digits, power)) if !power.starts_with('-') => format!("{digits}e+{power:0>2}"),
        _ => text,
    }
}

fn object(param: &Cursor<'_>, found: &mut Diagnostics) -> ParamKind {
    let (mut keys, mut known) = (Vec::new(), HashSet::new());
    let declared = param.entries_at("properties", found).into_iter();
    let given = param.node.get("default").and_then(Node::mapping);
    let given = given
        .unwrap_or_default()
        .iter()
        .map(|(key, _)| key.name.as_str());
    for key in declared.map(|(key, _)| key).chain(given) {
        if known.insert(key) {
            keys.push(key.to_owned());
        }
    }
    ParamKind::Object { keys }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::yaml;

    #[test]
    fn a_value_is_read_as_tekton_reads_it() {
        let read = |text: &str| value(&yaml::parse(text).unwrap());
        for (yaml, text) in [
            ("4", "4"),
            ("false", "false"),
            ("1.10", "1.1"),
            ("1e3", "1000"),
            ("2.5e-9", "2.5e-9"),
            ("1e21", "1e+21"),
            ("0.0", "0"),
            ("x", "x"),
            ("[1, true, x]", "[1,true,\"x\"]"),
            ("[[a], b]", "[[\"a\"],\"b\"]"),
            ("{a: 1}", "{\"a\":1}"),
        ] {
            assert_eq!(read(yaml), text, "{yaml}");
        }
        assert_eq!(read("[a, 'true']"), serde_json::json!(["a", "true"]));
        assert_eq!(read("{a: b}"), serde_json::json!({"a": "b"}));
    }
}

//! Declared parameters.

use crate::document::diagnostic::Diagnostic;
use crate::document::yaml::{Content, Node};
use serde_json::Value;

use super::reading::{Reading, join, present};

/// A parameter of a Task.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamSpec {
    /// Its name.
    pub name: String,
    /// The type of its value.
    pub kind: ParamKind,
    /// Its value when none is given.
    pub default: Option<Value>,
    /// The values that it may have; any when empty.
    pub choices: Vec<String>,
    /// What it is for.
    pub description: Option<String>,
}

/// The type of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParamKind {
    /// Text.
    String,
    /// A list of texts.
    Array,
    /// Texts by key.
    Object {
        /// The declared keys; each needs a value.
        keys: Vec<String>,
    },
}

impl ParamKind {
    /// The word for it in a Task.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Array => "array",
            Self::Object { .. } => "object",
        }
    }
}

impl ParamSpec {
    /// Reads the parameters of a TaskSpec: `params`, and the `inputs.params` of 2019.
    pub(crate) fn read_all(spec: &Node, place: &str, reading: &mut Reading) -> Vec<Self> {
        let mut params: Vec<Self> = Vec::new();
        let old = present(spec, "inputs").map(|inputs| (inputs, join(place, "inputs")));
        for (parent, place) in std::iter::once((spec, place.to_owned())).chain(old) {
            let items = reading.list_at(parent, "params", &place);
            for (index, node) in items.iter().enumerate() {
                let place = format!("{place}.params[{index}]");
                let Some(param) = Self::read(node, &place, reading) else {
                    continue;
                };
                if params.iter().any(|other| other.name == param.name) {
                    let message = format!("the parameter '{}' is declared twice", param.name);
                    reading
                        .diagnostics
                        .push(Diagnostic::new(place, Some(node.at), message));
                } else {
                    params.push(param);
                }
            }
        }
        params
    }

    /// Parameters that a TaskSpec has without declaring them: those of what it is embedded in, nearest first (Tekton's
    /// "propagated parameters", `docs/taskruns.md`). A run's have a value and no type, which the value tells.
    pub(crate) fn read_around(around: &[&Node], own: &[Self]) -> Vec<Self> {
        let mut params: Vec<Self> = Vec::new();
        let lists = around
            .iter()
            .filter_map(|node| node.get("params")?.sequence());
        for node in lists.flatten() {
            // What is wrong with them is for Tekton to say.
            let param = match present(node, "value") {
                Some(value) => Self::of_value(node, value),
                None => Self::read(node, "", &mut Reading::default()),
            };
            let Some(param) = param else { continue };
            if own
                .iter()
                .chain(&params)
                .all(|other| other.name != param.name)
            {
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
            // It hands on another as a whole, whose type is not to be seen here.
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

    fn read(node: &Node, place: &str, reading: &mut Reading) -> Option<Self> {
        let name = reading.name(node, place)?;
        let default = present(node, "default");
        let kind = match reading.text_at(node, "type", place).as_deref() {
            Some("string") => ParamKind::String,
            Some("array") => ParamKind::Array,
            Some("object") => object(node, place, reading),
            Some(other) => {
                let message = format!("'{other}' is no type of a parameter");
                let node = node.get("type").unwrap_or(node);
                let help = "use string, array or object";
                reading.complain(&join(place, "type"), node, message, help);
                return None;
            }
            // As Tekton does it: the default tells the type.
            None => match default.map(|node| &node.content) {
                Some(Content::Sequence(_)) => ParamKind::Array,
                Some(Content::Mapping(_)) => object(node, place, reading),
                None if present(node, "properties").is_some() => object(node, place, reading),
                _ => ParamKind::String,
            },
        };
        Some(Self {
            name,
            kind,
            default: default.map(Node::to_json),
            choices: reading.texts_at(node, "enum", place),
            description: reading.text_at(node, "description", place),
        })
    }
}

fn object(node: &Node, place: &str, reading: &mut Reading) -> ParamKind {
    let mut keys: Vec<String> = Vec::new();
    let declared = reading.map_at(node, "properties", place);
    let given = node
        .get("default")
        .and_then(Node::mapping)
        .unwrap_or_default();
    for (key, _) in declared.iter().chain(given) {
        if !keys.contains(&key.name) {
            keys.push(key.name.clone());
        }
    }
    ParamKind::Object { keys }
}

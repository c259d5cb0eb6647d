//! Random JSON values.

use arbitrary::{Arbitrary, Result, Unstructured};
use gleaner_core::document::yaml;
use gleaner_proto::number;
use serde_json::{Map, Value};

/// The maximum nesting depth of values.
const DEPTH: usize = 6;

/// Keys and strings that have a meaning in the documents that Gleaner processes.
const WORDS: [&str; 32] = [
    "name",
    "steps",
    "spec",
    "metadata",
    "annotations",
    "gleaner.dev/outputs",
    "params",
    "results",
    "resources",
    "objects",
    "sidecars",
    "taskSpec",
    "pipelineSpec",
    "tasks",
    "command",
    "args",
    "script",
    "image",
    "containers",
    "initContainers",
    "volumes",
    "volumeMounts",
    "env",
    "value",
    "type",
    "string",
    "array",
    "inputs",
    "outputs",
    "$(params.a)",
    "$(steps.a.digest)",
    "gleaner",
];

/// A random JSON value that contains only numbers that the API server stores unchanged.
#[derive(Debug, Clone)]
pub struct Json(pub Value);

impl<'a> Arbitrary<'a> for Json {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        value(u, DEPTH).map(Self)
    }
}

fn value(u: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    let most = if depth == 0 { 5 } else { 7 };
    Ok(match u.int_in_range(0..=most)? {
        0 => Value::Null,
        1 => u.arbitrary::<bool>()?.into(),
        2 => u.arbitrary::<i64>()?.into(),
        3 => {
            let number = yaml::json_number(u.arbitrary()?).filter(number::fits);
            number.unwrap_or_else(|| 0.into()).into()
        }
        4 | 5 => text(u)?.into(),
        6 => {
            let items = 0..u.int_in_range(0..=4)?;
            Value::Array(items.map(|_| value(u, depth - 1)).collect::<Result<_>>()?)
        }
        _ => {
            let mut object = Map::new();
            for _ in 0..u.int_in_range(0..=4)? {
                object.insert(text(u)?, value(u, depth - 1)?);
            }
            object.into()
        }
    })
}

fn text(u: &mut Unstructured<'_>) -> Result<String> {
    if u.arbitrary()? {
        Ok((*u.choose(&WORDS)?).to_owned())
    } else {
        u.arbitrary()
    }
}

/// Returns true if the nesting depth of `value` is below the YAML parser's limit of 40 levels, with a margin for enclosing
/// values.
pub fn is_readable(value: &Value) -> bool {
    fn depth(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
            Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
            _ => 0,
        }
    }
    depth(value) < 38
}

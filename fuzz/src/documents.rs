//! Documents from this repository, with random edits.

use std::sync::LazyLock;

use arbitrary::{Arbitrary, Result, Unstructured};
use gleaner_core::document::yaml;
use serde_json::Value;

use crate::Json;

/// The maximum depth at which a value is edited.
const DEPTH: usize = 10;

/// Files in this repository that contain objects of the kinds that Gleaner processes.
const FILES: [&str; 13] = [
    include_str!("../../examples/build-and-deploy.yaml"),
    include_str!("../../examples/build-and-push.yaml"),
    include_str!("../../examples/build-and-test.yaml"),
    include_str!("../../examples/pipeline-v1beta1.yaml"),
    include_str!("../../examples/secret-output.yaml"),
    include_str!("../../examples/typed-outputs.yaml"),
    include_str!("../seeds/inject/pod-from-plain-job.json"),
    include_str!("../seeds/inject/task-run.json"),
    include_str!("../seeds/inject/injected-pod.json"),
    include_str!("../seeds/translate/inputs-and-outputs.yaml"),
    include_str!("../seeds/translate/pipeline.yaml"),
    include_str!("../seeds/translate/resources.yaml"),
    include_str!("../seeds/translate/task-runs.yaml"),
];

/// The documents in these files.
static BASES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let documents = FILES
        .iter()
        .flat_map(|text| yaml::parse_documents(text).expect("YAML"));
    documents.map(|document| document.to_json()).collect()
});

/// Returns the documents before any edits.
pub fn bases() -> &'static [Value] {
    &BASES
}

/// A document from this repository after at most six random edits.
#[derive(Debug)]
pub struct Edited(pub Value);

impl<'a> Arbitrary<'a> for Edited {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut document = u.choose(bases())?.clone();
        for _ in 0..u.int_in_range(0..=6)? {
            edit(&mut document, u)?;
        }
        Ok(Self(document))
    }
}

/// Changes one value somewhere in `document`.
fn edit(document: &mut Value, u: &mut Unstructured<'_>) -> Result<()> {
    let copied = place(document, u)?.clone();
    let place = place(document, u)?;
    match u.int_in_range(0..=5)? {
        0 => *place = u.arbitrary::<Json>()?.0,
        1 => *place = copied,
        2 => *place = Value::Null,
        3 => match place {
            Value::Array(items) => items.push(copied),
            Value::Object(fields) => {
                let Json(Value::String(key)) = u.arbitrary()? else {
                    return Ok(());
                };
                fields.insert(key, copied);
            }
            Value::String(text) => {
                let at = u.int_in_range(0..=text.len())?;
                if text.is_char_boundary(at) {
                    text.insert_str(at, u.arbitrary()?);
                }
            }
            _ => {}
        },
        4 => match place {
            Value::Array(items) if !items.is_empty() => {
                let index = u.choose_index(items.len())?;
                items.remove(index);
            }
            Value::Object(fields) if !fields.is_empty() => {
                let index = u.choose_index(fields.len())?;
                let key = fields.keys().nth(index).cloned();
                key.map(|key| fields.remove(&key));
            }
            _ => {}
        },
        _ => match place {
            Value::String(text) => {
                let at = u.int_in_range(0..=text.len())?;
                if text.is_char_boundary(at) {
                    text.truncate(at);
                }
            }
            other => *other = Value::String(other.to_string()),
        },
    }
    Ok(())
}

/// Returns `value` or a random value inside it.
fn place<'v>(mut value: &'v mut Value, u: &mut Unstructured<'_>) -> Result<&'v mut Value> {
    for _ in 0..u.int_in_range(0..=DEPTH)? {
        let count = match &*value {
            Value::Array(items) => items.len(),
            Value::Object(fields) => fields.len(),
            _ => 0,
        };
        if count == 0 {
            break;
        }
        let index = u.choose_index(count)?;
        value = match value {
            Value::Array(items) => &mut items[index],
            Value::Object(fields) => fields.values_mut().nth(index).expect("within the bound"),
            _ => unreachable!("counted none above"),
        };
    }
    Ok(value)
}

//! Kubernetes' own kinds, read by the types of `k8s-openapi`: unknown fields and wrong types come out.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::Value;

/// Reads an object as one type; returns the paths of the fields that the type does not have.
pub(crate) type Reader = fn(&Value) -> Result<Vec<FieldPath>, Mismatch>;

/// A path in an object.
pub(crate) type FieldPath = Vec<Step>;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Field(String),
    Item(usize),
}

/// A value that a field cannot hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// `data.key`
    path: String,
    /// What serde says.
    why: String,
}

/// The reader of one of Kubernetes' types.
pub(crate) fn read<T: DeserializeOwned>(object: &Value) -> Result<Vec<FieldPath>, Mismatch> {
    let mut unknown = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(object, &mut track);
    let mut note = |path: Path<'_>| unknown.push(steps(&path));
    let ignored = serde_ignored::Deserializer::new(tracked, &mut note);
    let outcome = T::deserialize(ignored);
    match outcome {
        Ok(_) => Ok(unknown),
        Err(error) => Err(Mismatch {
            path: track.path().to_string(),
            why: error.to_string(),
        }),
    }
}

/// Reads the metadata of an object of any kind.
pub(crate) fn read_metadata(object: &Value) -> Result<Vec<FieldPath>, Mismatch> {
    let Some(metadata) = object
        .get("metadata")
        .filter(|metadata| !metadata.is_null())
    else {
        return Ok(Vec::new());
    };
    let unknown = read::<ObjectMeta>(metadata)?;
    let below = |path: FieldPath| {
        let mut whole = vec![Step::Field("metadata".to_owned())];
        whole.extend(path);
        whole
    };
    Ok(unknown.into_iter().map(below).collect())
}

/// Quantities may be written as numbers (`cpu: 1`); the types know them as text only.
pub(crate) fn quantities_as_text(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    (
                        "limits" | "requests" | "capacity" | "hard" | "min" | "max" | "default"
                        | "defaultRequest",
                        Value::Object(quantities),
                    ) => quantities.values_mut().for_each(number_as_text),
                    ("sizeLimit" | "divisor", value) => number_as_text(value),
                    (_, value) => quantities_as_text(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(quantities_as_text),
        _ => {}
    }
}

fn number_as_text(value: &mut Value) {
    if value.is_number() {
        *value = value.to_string().into();
    }
}

/// Takes the value at a path out of the object.
pub(crate) fn cut(object: &mut Value, path: &[Step]) {
    let Some((Step::Field(last), parents)) = path.split_last() else {
        return;
    };
    let parent = parents.iter().try_fold(object, |value, step| match step {
        Step::Field(name) => value.get_mut(name),
        Step::Item(index) => value.get_mut(*index),
    });
    if let Some(fields) = parent.and_then(Value::as_object_mut) {
        fields.remove(last);
    }
}

/// Takes nulls out of maps: for Kubernetes' own kinds null and absent are one.
pub(crate) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// `spec.containers[0].imagee`
pub(crate) fn shown(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Field(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            Step::Item(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

impl Mismatch {
    /// In the words of Go's decoder, as far as serde's can be put into them; `owner` is the type's name.
    pub(crate) fn shown(&self, owner: &str) -> String {
        let words = self
            .why
            .strip_prefix("invalid type: ")
            .and_then(|rest| rest.split_once(", expected "));
        match words {
            Some((found, expected)) => format!(
                "json: cannot unmarshal {} into Go struct field {owner}.{} of type {}",
                go_value(found),
                self.path,
                go_type(expected),
            ),
            None => format!("{}: {}", self.path, self.why),
        }
    }
}

fn go_value(found: &str) -> &str {
    match found.split([' ', '`']).next().unwrap_or_default() {
        "integer" | "floating" => "number",
        "boolean" => "bool",
        "sequence" => "array",
        "map" => "object",
        other => other,
    }
}

fn go_type(expected: &str) -> &str {
    match expected {
        "a string" => "string",
        "a boolean" => "bool",
        "i32" => "int32",
        "i64" => "int64",
        "a sequence" => "slice",
        "a map" => "map",
        other => other.trim_start_matches("struct "),
    }
}

fn steps(path: &Path<'_>) -> FieldPath {
    let (parent, step) = match path {
        Path::Root => return Vec::new(),
        Path::Seq { parent, index } => (parent, Some(Step::Item(*index))),
        Path::Map { parent, key } => (parent, Some(Step::Field(key.clone()))),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => (parent, None),
    };
    let mut steps = steps(parent);
    steps.extend(step);
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::apps::v1::Deployment;
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    #[test]
    fn unknown_fields_are_found_deep_down() {
        let mut object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "x": 1},
            "spec": {"replica": 2, "selector": {}, "template": {"spec": {"containers": [
                {"name": "a", "imagee": "b", "resources": {"limits": {"cpu": 1}}}]}}},
        });
        quantities_as_text(&mut object);
        let unknown = read::<Deployment>(&object).unwrap();
        let shown: Vec<String> = unknown.iter().map(|path| shown(path)).collect();
        assert_eq!(
            shown,
            [
                "metadata.x",
                "spec.replica",
                "spec.template.spec.containers[0].imagee"
            ]
        );
        for path in &unknown {
            cut(&mut object, path);
        }
        assert_eq!(read::<Deployment>(&object), Ok(Vec::new()));
    }

    #[test]
    fn a_wrong_type_is_named_in_gos_words() {
        let object =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "data": {"a": 1}});
        let mismatch = read::<ConfigMap>(&object).unwrap_err();
        assert_eq!(
            mismatch.shown("ConfigMap"),
            "json: cannot unmarshal number into Go struct field ConfigMap.data.a of type string"
        );
    }
}

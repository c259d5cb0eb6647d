//! `metadata`: the fields that the server sets, and the rules for the other fields.

use serde_json::{Map, Value, json};

use crate::cause::{Cause, Fault};
use crate::kind::Kind;
use crate::names;
use crate::refusal::Refusal;

/// The fields of an object's metadata that only the server sets.
pub(crate) const SERVER_SET: &[&str] = &[
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
];

/// Returns the metadata of an object. [`settle`] must have processed the object.
pub(crate) fn of(object: &mut Value) -> &mut Map<String, Value> {
    object["metadata"]
        .as_object_mut()
        .expect("invariant: settle made the metadata a map")
}

/// Returns the string field `field` of the object's metadata, or an empty string if the field is absent.
pub(crate) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// Sets the object's namespace to `namespace`, or removes the namespace if the kind is cluster-scoped. If `metadata` is missing,
/// adds it first. Must be called before [`of`].
/// Errors: 400 if the metadata is not a map or specifies a different namespace.
pub(crate) fn settle(kind: &Kind, object: &mut Value, namespace: &str) -> Result<(), Refusal> {
    let metadata = &mut object["metadata"];
    if metadata.is_null() {
        *metadata = json!({});
    }
    let Some(metadata) = metadata.as_object_mut() else {
        return Err(Refusal::bad_request("metadata must be a map"));
    };
    let own = metadata.remove("namespace");
    if !kind.namespaced {
        return Ok(());
    }
    if own.is_some_and(|own| own != namespace && own != "" && !own.is_null()) {
        return Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    metadata.insert("namespace".to_owned(), namespace.into());
    Ok(())
}

/// Sets the UID and the creation time of a new object, and removes the other fields that only the server sets, except
/// `managedFields`.
/// Errors: 500 if the system cannot provide random numbers.
pub(crate) fn stamp(object: &mut Value) -> Result<(), Refusal> {
    let uid = uid()?;
    let metadata = of(object);
    metadata.retain(|name, _| name == "managedFields" || !SERVER_SET.contains(&name.as_str()));
    metadata.insert("uid".to_owned(), uid.into());
    metadata.insert("creationTimestamp".to_owned(), now().into());
    Ok(())
}

/// Returns the errors in the name, labels and annotations of an object.
pub(crate) fn faults(kind: &Kind, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let metadata = &object["metadata"];
    let name = text(object, "name");
    if name.is_empty() {
        causes.push(Cause::new("metadata.name", Fault::Required));
    } else if let Some(rule) = kind.name_rule.broken_by(name) {
        causes.push(Cause::invalid("metadata.name", name, rule));
    }
    causes.extend(names::label_faults("metadata.labels", &metadata["labels"]));
    causes.extend(names::key_faults(
        "metadata.annotations",
        &metadata["annotations"],
    ));
    causes
}

/// Returns the current time in Kubernetes' format: UTC, in whole seconds.
pub(crate) fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// Returns a new UID, which is a version 4 UUID.
fn uid() -> Result<String, Refusal> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Refusal::without_reason(format!("cannot generate a UID: {error}")))?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut uid = format!("{:032x}", u128::from_be_bytes(bytes));
    for hyphen in [20, 16, 12, 8] {
        uid.insert(hyphen, '-');
    }
    Ok(uid)
}

#[cfg(test)]
mod tests;

//! `metadata`: what the server stamps into it, and what it refuses.

use serde_json::{Map, Value};

use crate::kind::Kind;
use crate::names;
use crate::status::{Cause, Refusal};

/// The alphabet of generated names: no vowels, so no words; nothing easily misread.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const SUFFIX: usize = 5;
/// A generated name fits a label value.
const LONGEST_GENERATED: usize = 63;

/// Built-in kinds that count changes of their spec in `metadata.generation`.
const COUNTING: &[&str] = &[
    "CronJob",
    "DaemonSet",
    "Deployment",
    "Ingress",
    "Job",
    "NetworkPolicy",
    "Pod",
    "StatefulSet",
];

/// The object's `metadata`, made when it is missing.
pub(crate) fn of(object: &mut Value) -> &mut Map<String, Value> {
    if !object["metadata"].is_object() {
        object["metadata"] = Value::Object(Map::new());
    }
    object["metadata"]
        .as_object_mut()
        .expect("invariant: it was made an object above")
}

/// A text of the object's metadata; empty when absent.
pub(crate) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// Gives the object the namespace of the request.
///
/// # Errors
///
/// 400 when the object names another one.
pub(crate) fn settle_namespace(
    kind: &Kind,
    object: &mut Value,
    namespace: &str,
) -> Result<(), Refusal> {
    let own = text(object, "namespace").to_owned();
    let metadata = of(object);
    if !kind.namespaced {
        metadata.remove("namespace");
        return Ok(());
    }
    if !own.is_empty() && own != namespace {
        return Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    metadata.insert("namespace".to_owned(), namespace.into());
    Ok(())
}

/// Makes a name from `generateName` when there is none.
///
/// # Errors
///
/// 500 when the system has no randomness.
pub(crate) fn settle_name(object: &mut Value) -> Result<(), Refusal> {
    if !text(object, "name").is_empty() || text(object, "generateName").is_empty() {
        return Ok(());
    }
    let mut name = text(object, "generateName").to_owned();
    while name.len() > LONGEST_GENERATED - SUFFIX {
        name.pop();
    }
    for byte in random::<SUFFIX>()? {
        name.push(char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
    }
    of(object).insert("name".to_owned(), name.into());
    Ok(())
}

/// What every new object gets, whatever it says itself: identity, time of birth, generation.
///
/// # Errors
///
/// 500 when the system has no randomness.
pub(crate) fn stamp(kind: &Kind, object: &mut Value) -> Result<(), Refusal> {
    let uid = uid()?;
    let metadata = of(object);
    for foreign in [
        "resourceVersion",
        "selfLink",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        metadata.remove(foreign);
    }
    metadata.insert("uid".to_owned(), uid.into());
    metadata.insert("creationTimestamp".to_owned(), now().into());
    if counts_generations(kind) {
        metadata.insert("generation".to_owned(), 1.into());
    } else {
        metadata.remove("generation");
    }
    Ok(())
}

pub(crate) fn counts_generations(kind: &Kind) -> bool {
    kind.is_custom() || COUNTING.contains(&kind.kind.as_str())
}

/// What is wrong with the metadata of an object that already has its name.
pub(crate) fn faults(kind: &Kind, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let metadata = &object["metadata"];
    let (name, prefix) = (text(object, "name"), text(object, "generateName"));
    for why in names::name_faults(kind.name_rule, prefix, true) {
        if !prefix.is_empty() {
            causes.push(Cause::invalid(
                "metadata.generateName",
                &prefix.into(),
                &why,
            ));
        }
    }
    if name.is_empty() {
        causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else {
        for why in names::name_faults(kind.name_rule, name, false) {
            causes.push(Cause::invalid("metadata.name", &name.into(), &why));
        }
    }
    names::label_faults("metadata.labels", &metadata["labels"], &mut causes);
    names::annotation_faults(
        "metadata.annotations",
        &metadata["annotations"],
        &mut causes,
    );
    owner_faults(&metadata["ownerReferences"], &mut causes);
    causes
}

fn owner_faults(owners: &Value, causes: &mut Vec<Cause>) {
    let mut controllers = Vec::new();
    for owner in owners.as_array().into_iter().flatten() {
        for (field, why) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            let value = owner[field].as_str().unwrap_or_default();
            if value.is_empty() {
                let field = format!("metadata.ownerReferences.{field}");
                causes.push(Cause::invalid(field, &value.into(), why));
            }
        }
        if owner["controller"] == true {
            let text = |field: &str| owner[field].as_str().unwrap_or_default().to_owned();
            controllers.push(format!("{}/{}", text("kind"), text("name")));
        }
    }
    if let [first, second, ..] = controllers.as_slice() {
        let why = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {second}"
        );
        causes.push(Cause::invalid("metadata.ownerReferences", owners, &why));
    }
}

/// The time as Kubernetes writes it: UTC, whole seconds.
pub(crate) fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// A version 4 UUID.
fn uid() -> Result<String, Refusal> {
    let mut bytes = random::<16>()?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = String::with_capacity(36);
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    Ok(text)
}

fn random<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Refusal::internal(format!("no random numbers: {error}")))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_generated_name_keeps_its_prefix_and_fits_a_label() {
        let mut object = json!({"metadata": {"generateName": "x".repeat(80)}});
        settle_name(&mut object).unwrap();
        assert_eq!(text(&object, "name").len(), 63);
        let mut object = json!({"metadata": {"generateName": "a-"}});
        settle_name(&mut object).unwrap();
        let name = text(&object, "name");
        assert!(name.starts_with("a-") && name.len() == 7, "{name}");
    }

    #[test]
    fn a_uid_is_a_version_4_uuid() {
        let uid = uid().unwrap();
        assert_eq!(uid.len(), 36);
        assert_eq!(uid.as_bytes()[14], b'4');
        assert_eq!(
            uid.split('-').map(str::len).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12]
        );
    }
}

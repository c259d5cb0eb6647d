//! DELETE: one object, under preconditions.

use serde_json::{Value, json};

use crate::create::key;
use crate::kind::Kind;
use crate::metadata;
use crate::options::{self, Options};
use crate::status::Refusal;
use crate::store::Store;

/// Removes the object; `body` is a `DeleteOptions` or null.
///
/// An object with finalizers stays, marked by `deletionTimestamp`, until the last of them is taken off. There is no
/// garbage collector: `propagationPolicy` is read by nobody, and owned objects stay.
///
/// # Errors
///
/// 404 when it is not there, 409 when a precondition does not hold, 422 for an unknown dry-run stage.
pub(crate) fn delete(
    store: &Store,
    kind: &Kind,
    namespace: &str,
    name: &str,
    options: &Options,
    body: &Value,
) -> Result<Value, Refusal> {
    let dry_run = options.dry_run || options::dry_run(&body["dryRun"], "DeleteOptions")?;
    let key = key(kind, namespace, name);
    let mut held = store.hold();
    let object = held
        .get(&key)
        .ok_or_else(|| Refusal::not_found(&kind.group, &kind.plural, name))?;
    check_preconditions(kind, name, &object, &body["preconditions"])?;
    let has_finalizers = object["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|list| !list.is_empty());
    if has_finalizers {
        let mut marked = Value::clone(&object);
        let metadata = metadata::of(&mut marked);
        metadata
            .entry("deletionTimestamp")
            .or_insert_with(|| metadata::now().into());
        metadata
            .entry("deletionGracePeriodSeconds")
            .or_insert_with(|| 0.into());
        return Ok(if dry_run {
            marked
        } else {
            Value::clone(&held.put(&key, marked))
        });
    }
    if !dry_run {
        held.remove(&key);
    }
    Ok(json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details(kind, name, metadata::text(&object, "uid")),
    }))
}

fn check_preconditions(
    kind: &Kind,
    name: &str,
    object: &Value,
    wanted: &Value,
) -> Result<(), Refusal> {
    for (field, in_record, label, hint) in [
        (
            "uid",
            "uid",
            "UID",
            "The object might have been deleted and then recreated",
        ),
        (
            "resourceVersion",
            "resourceVersion",
            "ResourceVersion",
            "The object might have been modified",
        ),
    ] {
        let Some(wanted) = wanted[field].as_str() else {
            continue;
        };
        let found = metadata::text(object, in_record);
        if wanted != found {
            return Err(Refusal::precondition(
                kind,
                name,
                &format!(
                    "the {label} in the precondition ({wanted}) does not match the {label} in record ({found}). {hint}"
                ),
            ));
        }
    }
    Ok(())
}

fn details(kind: &Kind, name: &str, uid: &str) -> Value {
    let mut details = json!({ "name": name });
    if !kind.group.is_empty() {
        details["group"] = kind.group.clone().into();
    }
    details["kind"] = kind.plural.clone().into();
    details["uid"] = uid.into();
    details
}

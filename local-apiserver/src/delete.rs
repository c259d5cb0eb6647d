//! DELETE requests: delete one object, subject to preconditions.

use serde_json::{Value, json};

use crate::kind::Kind;
use crate::metadata;
use crate::options::WriteOptions;
use crate::refusal::Refusal;
use crate::store::Store;

/// Deletes the object. `body` is a `DeleteOptions` or null.
///
/// Finalizers and `propagationPolicy` are ignored: the object is deleted immediately, and the objects that it owns remain.
/// Errors: 404 if the object does not exist, 409 if a precondition is not met.
pub(crate) fn delete(
    store: &Store,
    kind: &Kind,
    namespace: &str,
    name: &str,
    options: &WriteOptions,
    body: &Value,
) -> Result<Value, Refusal> {
    let dry_run = options.dry_run || body["dryRun"] == json!(["All"]);
    let key = kind.key(namespace, name);
    let mut contents = store.lock();
    let object = contents
        .get(&key)
        .ok_or_else(|| Refusal::not_found(&kind.group, &kind.plural, name))?;
    for (field, shown) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
        let Some(wanted) = body["preconditions"][field].as_str() else {
            continue;
        };
        let found = metadata::text(object, field);
        if wanted != found {
            let why = format!(
                "the {shown} in the precondition ({wanted}) does not match the {shown} in record ({found})"
            );
            return Err(Refusal::conflict(kind, name, &why));
        }
    }
    let status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {
            "name": name,
            "group": kind.group,
            "kind": kind.plural,
            "uid": metadata::text(object, "uid"),
        },
    });
    if !dry_run {
        contents.remove(&key);
    }
    Ok(status)
}

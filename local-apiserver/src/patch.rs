//! PATCH: JSON merge patch (RFC 7386) and server-side apply.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::create;
use crate::decode::{self, Decoded};
use crate::fields::{self, Conflict, Manager, Operation, Shape};
use crate::kind::Kind;
use crate::metadata;
use crate::options::Options;
use crate::status::{Cause, Refusal};
use crate::store::Store;
use crate::update::{self, Scope};

/// What a patch did.
pub(crate) struct Patched {
    pub(crate) object: Arc<Value>,
    /// An apply made the object: answered with 201.
    pub(crate) created: bool,
    pub(crate) warnings: Vec<String>,
}

/// One request's patch: which object, which part of it, how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) kind: &'a Kind,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) scope: Scope,
}

/// Merges a JSON merge patch into the object.
///
/// # Errors
///
/// 400 for a patch that is no object, 404, 409 for a `resourceVersion` that has passed, 422 for what comes out of it.
pub(crate) fn merge(
    store: &Store,
    place: Place<'_>,
    patch: &Value,
    options: &Options,
) -> Result<Patched, Refusal> {
    let Place {
        kind,
        namespace,
        name,
        scope,
    } = place;
    if !patch.is_object() {
        return Err(Refusal::bad_request(
            "error decoding patch: it is no object",
        ));
    }
    let mut held = store.hold();
    let current = update::current(&held, kind, namespace, name)?;
    let mut object = Value::clone(&current.object);
    merge_into(&mut object, patch);
    update::same_name(&object, name)?;
    if metadata::text(&object, "uid") != metadata::text(&current.object, "uid") {
        let uid = object["metadata"]["uid"].clone();
        let cause = Cause::invalid("metadata.uid", &uid, "field is immutable");
        return Err(Refusal::invalid(&kind.group, &kind.kind, name, &[cause]));
    }
    let shown = Value::String(object.to_string());
    let Decoded { object, warnings } = decode::decode(kind, object, options.field_validation)
        .map_err(|refusal| {
            // The real server blames the patch, and shows the whole result with it.
            let why = refusal.message();
            let why = why.split_once(": ").map_or(why, |(_, rest)| rest);
            Refusal::invalid("", "", "", &[Cause::invalid("patch", &shown, why)])
        })?;
    let object = update::replace(&mut held, kind, &current, object, scope, options)?;
    Ok(Patched {
        object,
        created: false,
        warnings,
    })
}

/// Applies a configuration in the name of a field manager; makes the object when it is not there.
///
/// # Errors
///
/// 400, 404 (namespace), 409 for fields that others own, 422 for what comes out of it; and, as on a real server, 500
/// without a reason for fields that the kind does not have.
pub(crate) fn apply(
    store: &Store,
    place: Place<'_>,
    mut wanted: Value,
    options: &Options,
) -> Result<Patched, Refusal> {
    let Place {
        kind,
        namespace,
        name,
        scope,
    } = place;
    if wanted["metadata"].get("managedFields").is_some() {
        return Err(Refusal::bad_request("metadata.managedFields must be nil"));
    }
    if metadata::text(&wanted, "name").is_empty() {
        metadata::of(&mut wanted).insert("name".to_owned(), name.into());
    }
    update::same_name(&wanted, name)?;
    let given_namespace = metadata::text(&wanted, "namespace").to_owned();
    metadata::settle_namespace(kind, &mut wanted, namespace)?;
    let wanted = decode::decode_applied(kind, wanted, &format!("{given_namespace}/{name}"))?;
    let manager = Manager {
        name: options.field_manager.clone().unwrap_or_default(),
        operation: Operation::Apply,
        api_version: kind.api_version(),
        subresource: scope.subresource().to_owned(),
    };
    let shape = Shape::of(kind);
    let mut held = store.hold();
    create::namespace_exists(&held, namespace)?;
    let current = match update::current(&held, kind, namespace, name) {
        Ok(current) => current,
        Err(not_found) if scope == Scope::Status => return Err(not_found),
        Err(_) => {
            let uid = metadata::text(&wanted, "uid");
            if !uid.is_empty() {
                let why = format!(
                    "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
                );
                return Err(Refusal::conflict(kind, name, &why));
            }
            let record = |object: &mut Value| {
                let applied = fields::apply(shape, &json!({}), &wanted, &manager, true);
                if let Ok(fields::Applied { object: applied }) = applied {
                    object["metadata"]["managedFields"] =
                        applied["metadata"]["managedFields"].clone();
                }
            };
            let object = create::insert(&mut held, kind, wanted.clone(), options, record)?;
            return Ok(Patched {
                object,
                created: true,
                warnings: Vec::new(),
            });
        }
    };
    let applied = fields::apply(shape, &current.object, &wanted, &manager, options.force)
        .map_err(|conflicts| conflict_refusal(&conflicts))?
        .object;
    let managed = applied["metadata"]["managedFields"].clone();
    let object = update::settle(
        &mut held,
        kind,
        &current,
        applied,
        scope,
        options,
        |_, _, after| {
            after["metadata"]["managedFields"] = managed;
        },
    )?;
    Ok(Patched {
        object,
        created: false,
        warnings: Vec::new(),
    })
}

/// RFC 7386: objects merge, null removes, everything else replaces.
fn merge_into(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(fields) = target.as_object_mut() else {
        return;
    };
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge_into(fields.entry(name).or_insert(Value::Null), change);
        }
    }
}

fn conflict_refusal(conflicts: &[Conflict]) -> Refusal {
    let causes: Vec<Cause> = conflicts
        .iter()
        .flat_map(|conflict| {
            conflict.paths.iter().map(|path| Cause {
                reason: "FieldManagerConflict",
                field: path.clone(),
                message: format!("conflict with {}", conflict.manager),
            })
        })
        .collect();
    let text = match (causes.as_slice(), conflicts) {
        ([only], _) => format!("{}: {}", only.message, only.field),
        _ => conflicts
            .iter()
            .map(|conflict| {
                let paths: String = conflict.paths.iter().map(|p| format!("\n- {p}")).collect();
                format!("conflicts with {}:{paths}", conflict.manager)
            })
            .collect::<Vec<_>>()
            .join("\n"),
    };
    let plural = if causes.len() == 1 { "" } else { "s" };
    Refusal::apply_conflict(
        format!(
            "Apply failed with {} conflict{plural}: {text}",
            causes.len()
        ),
        &causes,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_patch_merges_removes_and_replaces() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "d": [1], "e": 1});
        merge_into(
            &mut target,
            &json!({"a": {"b": null, "x": {"y": null}}, "d": [2], "e": {"f": 1}}),
        );
        assert_eq!(
            target,
            json!({"a": {"c": 2, "x": {}}, "d": [2], "e": {"f": 1}})
        );
    }
}

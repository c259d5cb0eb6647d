//! POST: a new object.

use std::sync::Arc;

use serde_json::Value;

use crate::decode::{self, Decoded};
use crate::defaults;
use crate::fields::{self, Manager, Operation, Shape};
use crate::kind::{Form, Kind};
use crate::metadata;
use crate::options::Options;
use crate::rules;
use crate::schema;
use crate::status::{Cause, Refusal};
use crate::store::{Held, Key, Store};

/// Makes the object, or only says what would be made.
///
/// The order of the checks is the real server's: what is the caller's own mistake in the object comes before what
/// the store knows.
///
/// # Errors
///
/// 400, 404 (namespace), 409 (name), 422: see the messages.
pub(crate) fn create(
    store: &Store,
    kind: &Kind,
    namespace: &str,
    object: Value,
    options: &Options,
) -> Result<(Arc<Value>, Vec<String>), Refusal> {
    let Decoded {
        mut object,
        warnings,
    } = decode::decode(kind, object, options.field_validation)?;
    metadata::settle_namespace(kind, &mut object, namespace)?;
    metadata::settle_name(&mut object)?;
    let mut held = store.hold();
    namespace_exists(&held, namespace)?;
    let made = insert(&mut held, kind, object, options, |object| {
        let manager = Manager {
            name: options.field_manager.clone().unwrap_or_default(),
            operation: Operation::Update,
            api_version: kind.api_version(),
            subresource: String::new(),
        };
        fields::record_update(Shape::of(kind), &Value::Null, object, &manager);
    })?;
    Ok((made, warnings))
}

/// The second half of a creation, shared with a server-side apply that finds nothing: stamp, check, store.
/// `record` writes the managed fields.
pub(crate) fn insert(
    held: &mut Held<'_>,
    kind: &Kind,
    mut object: Value,
    options: &Options,
    record: impl FnOnce(&mut Value),
) -> Result<Arc<Value>, Refusal> {
    if !metadata::text(&object, "resourceVersion").is_empty() {
        return Err(Refusal::without_reason(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    metadata::stamp(kind, &mut object)?;
    if kind.has_status
        && let Some(fields) = object.as_object_mut()
    {
        fields.remove("status");
    }
    defaults::fill(kind, &mut object);
    let name = metadata::text(&object, "name").to_owned();
    let causes = faults(kind, &object);
    if !causes.is_empty() {
        return Err(Refusal::invalid(&kind.group, &kind.kind, &name, &causes));
    }
    let key = key(kind, metadata::text(&object, "namespace"), &name);
    if held.get(&key).is_some() {
        return Err(Refusal::already_exists(kind, &name));
    }
    record(&mut object);
    if options.dry_run {
        return Ok(Arc::new(object));
    }
    storable(&object)?;
    Ok(held.put(&key, object))
}

/// Everything that makes an object invalid.
pub(crate) fn faults(kind: &Kind, object: &Value) -> Vec<Cause> {
    let mut causes = metadata::faults(kind, object);
    match &kind.form {
        Form::Custom(schema) => {
            causes.extend(schema::validate(schema, object));
            if schema::has_rules(schema) && causes.iter().any(Cause::keeps_rules_from_running) {
                causes.push(Cause::rules_not_checked());
            }
        }
        Form::BuiltIn(_) => causes.extend(rules::faults(kind, object)),
    }
    causes
}

/// The bounds of a real server's storage: they are met when an object is written, never in a dry run.
///
/// # Errors
///
/// Past etcd's 1.5 MiB, in the words of etcd or of its client: a bare 500.
pub(crate) fn storable(object: &Value) -> Result<(), Refusal> {
    const REQUEST: usize = 1_572_864;
    const MESSAGE: usize = 2_097_152;
    let bytes = object.to_string().len();
    if bytes > MESSAGE {
        return Err(Refusal::without_reason(format!(
            "rpc error: code = ResourceExhausted desc = trying to send message larger than max ({bytes} vs. {MESSAGE})"
        )));
    }
    if bytes > REQUEST {
        return Err(Refusal::without_reason("etcdserver: request is too large"));
    }
    Ok(())
}

/// The place of an object in the store.
pub(crate) fn key(kind: &Kind, namespace: &str, name: &str) -> Key {
    Key {
        resource: kind.qualified_plural(),
        namespace: if kind.namespaced {
            namespace.to_owned()
        } else {
            String::new()
        },
        name: name.to_owned(),
    }
}

/// # Errors
///
/// 404 for a namespace that is not there; cluster-scoped objects have none.
pub(crate) fn namespace_exists(held: &Held<'_>, namespace: &str) -> Result<(), Refusal> {
    let key = Key {
        resource: "namespaces".to_owned(),
        namespace: String::new(),
        name: namespace.to_owned(),
    };
    if namespace.is_empty() || held.get(&key).is_some() {
        return Ok(());
    }
    Err(Refusal::not_found("", "namespaces", namespace))
}

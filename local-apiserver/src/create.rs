//! POST requests: create objects.

use serde_json::Value;

use crate::fields::{self, Manager, Operation};
use crate::kind::Kind;
use crate::options::WriteOptions;
use crate::refusal::Refusal;
use crate::store::{Contents, Key, Store};
use crate::{defaults, metadata, schema, validation};

/// The largest object that etcd stores, in bytes.
const LARGEST: usize = 1_572_864;

/// Creates the object, or returns it without storing it in a dry run. Errors: 400; 404 if the namespace does not exist; 409 if
/// the name is taken; 422 if the object is invalid.
pub(crate) fn create(
    store: &Store,
    kind: &Kind,
    namespace: &str,
    mut object: Value,
    options: &WriteOptions,
) -> Result<Value, Refusal> {
    metadata::settle(kind, &mut object, namespace)?;
    schema::normalize(&kind.schema, &mut object);
    ignore_status(kind, &mut object);
    let name = options.field_manager.as_deref().unwrap_or("unknown");
    let manager = Manager::new(name, Operation::Update, kind);
    fields::created(&mut object, &manager);
    let mut contents = store.lock();
    require_namespace(&contents, namespace)?;
    insert(&mut contents, kind, object, options)
}

/// Checks and stores an object whose managed fields are set. Server-side apply also uses this function to create objects.
/// Errors: 400, 409, 422, and 500 for an object that is too large.
pub(crate) fn insert(
    contents: &mut Contents,
    kind: &Kind,
    mut object: Value,
    options: &WriteOptions,
) -> Result<Value, Refusal> {
    if !metadata::text(&object, "resourceVersion").is_empty() {
        return Err(Refusal::without_reason(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    metadata::stamp(&mut object)?;
    complete(kind, &mut object)?;
    let name = metadata::text(&object, "name");
    let key = kind.key(metadata::text(&object, "namespace"), name);
    if contents.get(&key).is_some() {
        return Err(Refusal::already_exists(kind, name));
    }
    put(contents, key, object, options)
}

/// Removes the status that a client sent for a kind whose status has a separate endpoint.
pub(crate) fn ignore_status(kind: &Kind, object: &mut Value) {
    if kind.has_status
        && let Some(fields) = object.as_object_mut()
    {
        fields.remove("status");
    }
}

/// Checks an object, and fills in its defaults.
/// Errors: 400 and 422.
pub(crate) fn complete(kind: &Kind, object: &mut Value) -> Result<(), Refusal> {
    schema::fill_defaults(&kind.schema, object);
    validation::check(kind, object)?;
    // Defaults are filled in after the check, because that code relies on the types being correct.
    defaults::fill(kind, object);
    Ok(())
}

/// Stores an object, except in a dry run, and returns it. Errors: 500 over [`LARGEST`], with etcd's message and no details.
pub(crate) fn put(
    contents: &mut Contents,
    key: Key,
    object: Value,
    options: &WriteOptions,
) -> Result<Value, Refusal> {
    if options.dry_run {
        return Ok(object);
    }
    if object.to_string().len() > LARGEST {
        return Err(Refusal::without_reason("etcdserver: request is too large"));
    }
    Ok(contents.put(key, object))
}

/// Checks that the namespace exists; `namespace` is empty for cluster-scoped objects.
/// Errors: 404 if the namespace does not exist.
pub(crate) fn require_namespace(contents: &Contents, namespace: &str) -> Result<(), Refusal> {
    let key = Key {
        resource: "namespaces".to_owned(),
        namespace: String::new(),
        name: namespace.to_owned(),
    };
    if namespace.is_empty() || contents.get(&key).is_some() {
        return Ok(());
    }
    Err(Refusal::not_found("", "namespaces", namespace))
}

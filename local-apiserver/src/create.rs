//! POST requests: create objects.

use serde_json::Value;

use crate::fields::{self, Manager, Operation};
use crate::kind::Kind;
use crate::options::WriteOptions;
use crate::refusal::Refusal;
use crate::store::{Contents, Key, Store};
use crate::{defaults, metadata, schema, validation};

/// The maximum size in bytes of an object that etcd stores.
const LARGEST: usize = 1_572_864;

/// Creates the object and returns it. A dry run does not store the object. Errors: 400 for invalid metadata; 404 if the namespace
/// does not exist; 409 if an object with this name exists; 422 if the object is invalid.
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

/// Checks and stores a new object, whose managed fields the caller has set. Server-side apply also uses this function to create
/// objects.
/// Errors: 400, 409 and 422 as in [`create`], and 500 for an object that has a `resourceVersion` or is too large.
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

/// If the kind has the subresource `status`, removes the status that a client sent.
pub(crate) fn ignore_status(kind: &Kind, object: &mut Value) {
    if kind.has_status
        && let Some(fields) = object.as_object_mut()
    {
        fields.remove("status");
    }
}

/// Checks an object, and sets missing fields to their defaults. Errors: 400 and 422.
pub(crate) fn complete(kind: &Kind, object: &mut Value) -> Result<(), Refusal> {
    schema::fill_defaults(&kind.schema, object);
    validation::check(kind, object)?;
    // These defaults are set after the check, because the code that sets them relies on the types of other fields.
    defaults::fill(kind, object);
    Ok(())
}

/// Stores an object, except in a dry run, and returns it. Errors: 500 if the object exceeds [`LARGEST`], with etcd's message and
/// without details.
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

/// Checks that the namespace exists. For cluster-scoped objects, `namespace` is empty and there is nothing to check.
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

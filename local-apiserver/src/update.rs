//! PUT, and the end of every patch: a new state for an object that is there.

use std::sync::Arc;

use serde_json::Value;

use crate::create::{faults, key, storable};
use crate::defaults;
use crate::fields::{self, Manager, Operation, Shape};
use crate::kind::Kind;
use crate::metadata;
use crate::options::Options;
use crate::status::{Cause, Refusal};
use crate::store::{Held, Key};

/// Which part of an object a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everything but the status, if the kind has one of its own.
    Main,
    Status,
}

impl Scope {
    pub(crate) fn subresource(self) -> &'static str {
        match self {
            Self::Main => "",
            Self::Status => "status",
        }
    }
}

/// An object in the store, about to be changed.
pub(crate) struct Current {
    pub(crate) key: Key,
    pub(crate) object: Arc<Value>,
}

/// Finds the object.
///
/// # Errors
///
/// 404 when it is not there.
pub(crate) fn current(
    held: &Held<'_>,
    kind: &Kind,
    namespace: &str,
    name: &str,
) -> Result<Current, Refusal> {
    let key = key(kind, namespace, name);
    let object = held
        .get(&key)
        .ok_or_else(|| Refusal::not_found(&kind.group, &kind.plural, name))?;
    Ok(Current {
        key,
        object: crate::read::in_version(kind, object),
    })
}

/// Puts a whole object in the place of the stored one.
///
/// # Errors
///
/// 400 for another name, 409 when it has changed meanwhile, 422 for what is no valid state.
pub(crate) fn replace(
    held: &mut Held<'_>,
    kind: &Kind,
    current: &Current,
    mut object: Value,
    scope: Scope,
    options: &Options,
) -> Result<Arc<Value>, Refusal> {
    let name = &current.key.name;
    same_name(&object, name)?;
    metadata::settle_namespace(kind, &mut object, &current.key.namespace)?;
    if kind.is_custom() && metadata::text(&object, "resourceVersion").is_empty() {
        return Err(Refusal::resource_version_missing(kind, name));
    }
    let (given, found) = (
        metadata::text(&object, "uid"),
        metadata::text(&current.object, "uid"),
    );
    if !given.is_empty() && given != found {
        let why = format!(
            "Precondition failed: UID in precondition: {given}, UID in object meta: {found}"
        );
        return Err(Refusal::conflict(kind, name, &why));
    }
    settle(
        held,
        kind,
        current,
        object,
        scope,
        options,
        |shape, before, after| {
            let manager = Manager {
                name: options.field_manager.clone().unwrap_or_default(),
                operation: Operation::Update,
                api_version: kind.api_version(),
                subresource: scope.subresource().to_owned(),
            };
            fields::record_update(shape, before, after, &manager);
        },
    )
}

/// The checks and the stamps that every change ends in; `record` brings the managed fields up to date.
pub(crate) fn settle(
    held: &mut Held<'_>,
    kind: &Kind,
    current: &Current,
    mut object: Value,
    scope: Scope,
    options: &Options,
    record: impl FnOnce(Shape<'_>, &Value, &mut Value),
) -> Result<Arc<Value>, Refusal> {
    let Current {
        key,
        object: before,
    } = current;
    let version = metadata::text(&object, "resourceVersion");
    if !version.is_empty() && version != metadata::text(before, "resourceVersion") {
        return Err(Refusal::conflict(
            kind,
            &key.name,
            "the object has been modified; please apply your changes to the latest version and try again",
        ));
    }
    keep(kind, before, &mut object, scope);
    defaults::string_data(kind, &mut object);
    let causes = faults(kind, &object);
    if !causes.is_empty() {
        return Err(Refusal::invalid(
            &kind.group,
            &kind.kind,
            &key.name,
            &causes,
        ));
    }
    if metadata::counts_generations(kind) && differs_in_spec(before, &object) {
        let generation = before["metadata"]["generation"].as_u64().unwrap_or(0) + 1;
        metadata::of(&mut object).insert("generation".to_owned(), generation.into());
    }
    record(Shape::of(kind), before, &mut object);
    if object == **before {
        return Ok(Arc::clone(before));
    }
    if options.dry_run {
        return Ok(Arc::new(object));
    }
    storable(&object)?;
    let stored = held.put(key, object);
    if is_released(&stored) {
        held.remove(key);
    }
    Ok(stored)
}

/// # Errors
///
/// 400 when the object has another name than the URL.
pub(crate) fn same_name(object: &Value, name: &str) -> Result<(), Refusal> {
    let own = metadata::text(object, "name");
    if own == name {
        return Ok(());
    }
    if own.is_empty() {
        return Err(Refusal::bad_request(format!(
            "name in URL does not match name in object: {name}"
        )));
    }
    Err(Refusal::bad_request(format!(
        "the name of the object ({own}) does not match the name on the URL ({name})"
    )))
}

/// Keeps what this request cannot change.
fn keep(kind: &Kind, before: &Value, object: &mut Value, scope: Scope) {
    if scope == Scope::Status {
        let status = object.get_mut("status").map(Value::take);
        *object = before.clone();
        set(object, "status", status);
        return;
    }
    if kind.has_status {
        set(object, "status", before.get("status").cloned());
    }
    let metadata = metadata::of(object);
    for field in [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "managedFields",
    ] {
        match before["metadata"].get(field) {
            Some(value) => metadata.insert(field.to_owned(), value.clone()),
            None => metadata.remove(field),
        };
    }
}

fn set(object: &mut Value, field: &str, value: Option<Value>) {
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    match value {
        Some(value) => fields.insert(field.to_owned(), value),
        None => fields.remove(field),
    };
}

/// Whether anything but metadata and status differs.
fn differs_in_spec(before: &Value, after: &Value) -> bool {
    let rest = |object: &Value| {
        let mut rest = object.as_object().cloned().unwrap_or_default();
        rest.retain(|name, _| !matches!(name.as_str(), "metadata" | "status"));
        rest
    };
    rest(before) != rest(after)
}

/// Deleted before, and now without finalizers.
fn is_released(object: &Value) -> bool {
    let metadata = &object["metadata"];
    metadata["deletionTimestamp"].is_string()
        && metadata["finalizers"].as_array().is_none_or(Vec::is_empty)
}

impl Refusal {
    fn resource_version_missing(kind: &Kind, name: &str) -> Self {
        let cause = Cause::invalid(
            "metadata.resourceVersion",
            &0.into(),
            "must be specified for an update",
        );
        Self::invalid(&kind.group, &kind.plural, name, &[cause])
    }
}

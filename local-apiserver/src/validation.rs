//! Validates objects: the metadata, and all fields according to the kind's schema.

use serde_json::Value;

use crate::cause::{Cause, Fault};
use crate::kind::Kind;
use crate::refusal::Refusal;
use crate::{crd, metadata, schema};

/// Checks an object that is about to be stored.
/// Errors: 400 for input that a real server cannot decode, namely unknown fields, and wrong types in built-in kinds and in
/// `metadata`; 422 for all other errors.
pub(crate) fn check(kind: &Kind, object: &Value) -> Result<(), Refusal> {
    let mut causes = schema::faults(&kind.schema, object);
    let undecodable: Vec<String> = causes
        .iter()
        .filter_map(|cause| match &cause.fault {
            Fault::Unknown => Some(format!("unknown field {:?}", cause.field)),
            Fault::WrongType { wanted, found }
                if kind.built_in || cause.field.starts_with("metadata.") =>
            {
                let field = &cause.field;
                Some(format!(
                    "field {field:?} must be of type {wanted}, not {found}"
                ))
            }
            _ => None,
        })
        .collect();
    if !undecodable.is_empty() {
        return Err(Refusal::bad_request(format!(
            "{name} in version {version:?} cannot be handled as a {name}: {list}",
            name = kind.kind,
            version = kind.version,
            list = undecodable.join(", "),
        )));
    }
    causes.extend(metadata::faults(kind, object));
    if crd::is_kind(kind) {
        causes.extend(crd::faults(object));
    }
    if causes.is_empty() {
        return Ok(());
    }
    let name = metadata::text(object, "name");
    Err(Refusal::invalid(&kind.group, &kind.kind, name, &causes))
}

/// Checks the configuration in an apply request. The configuration may be a partial object.
/// Errors: 500 without a `reason` for unknown fields and wrong types, as on a real server, which parses the configuration with
/// the schema for server-side apply. Clients can distinguish this error from a temporary failure only by the message.
pub(crate) fn check_applied(kind: &Kind, wanted: &Value) -> Result<(), Refusal> {
    let causes = schema::faults(&kind.schema, wanted);
    let mistyped: Vec<String> = causes.iter().filter_map(mistyped).collect();
    if mistyped.is_empty() {
        return Ok(());
    }
    Err(Refusal::without_reason(format!(
        "failed to create typed patch object ({}/{}; {}/{}, Kind={}): {}",
        metadata::text(wanted, "namespace"),
        metadata::text(wanted, "name"),
        kind.group,
        kind.version,
        kind.kind,
        mistyped.join(", "),
    )))
}

fn mistyped(cause: &Cause) -> Option<String> {
    let field = &cause.field;
    match &cause.fault {
        Fault::Unknown => Some(format!(".{field}: field not declared in schema")),
        Fault::WrongType { wanted, found } => {
            Some(format!(".{field}: expected {wanted}, got {found}"))
        }
        _ => None,
    }
}

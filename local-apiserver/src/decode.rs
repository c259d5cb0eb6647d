//! From a parsed body to an object in its kind's form: unknown fields found, dropped or refused.

use serde_json::Value;

use crate::kind::{Form, Kind};
use crate::options::FieldValidation;
use crate::schema;
use crate::status::Refusal;
use crate::typed;

/// An object without unknown fields, and what to say about those it had.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) object: Value,
    /// For `Warning` headers.
    pub(crate) warnings: Vec<String>,
}

/// Brings an object into its kind's form.
///
/// # Errors
///
/// 400 for unknown fields under strict validation, and for values of the wrong type in what the server itself must
/// understand: `metadata`, and every field of a built-in kind.
pub(crate) fn decode(
    kind: &Kind,
    mut object: Value,
    validation: FieldValidation,
) -> Result<Decoded, Refusal> {
    let unknown = take_unknown(kind, &mut object)?;
    if let Form::Custom(schema) = &kind.form {
        schema::fill_defaults(schema, &mut object);
    }
    let faults: Vec<String> = unknown
        .iter()
        .map(|path| format!("unknown field {path:?}"))
        .collect();
    match validation {
        FieldValidation::Strict => {
            strict(kind, &faults)?;
            Ok(Decoded {
                object,
                warnings: Vec::new(),
            })
        }
        FieldValidation::Warn => Ok(Decoded {
            object,
            warnings: faults,
        }),
        FieldValidation::Ignore => Ok(Decoded {
            object,
            warnings: Vec::new(),
        }),
    }
}

/// Refuses what strict validation finds.
///
/// # Errors
///
/// 400 with all the faults, when there are any.
pub(crate) fn strict(kind: &Kind, faults: &[String]) -> Result<(), Refusal> {
    if faults.is_empty() {
        return Ok(());
    }
    Err(cannot_be_handled(
        kind,
        &format!("strict decoding error: {}", faults.join(", ")),
    ))
}

/// Brings an applied configuration into its kind's form. `place` is its namespace and name, as given.
///
/// # Errors
///
/// The real server reads it by its merge schema, and has no reason for what does not fit: a 500, whatever the field
/// validation. Not to be retried, though its code says so.
pub(crate) fn decode_applied(
    kind: &Kind,
    mut wanted: Value,
    place: &str,
) -> Result<Value, Refusal> {
    let untyped = |why: &str| {
        Refusal::without_reason(format!(
            "failed to create typed patch object ({place}; {}/{}, Kind={}): {why}",
            kind.group, kind.version, kind.kind
        ))
    };
    let unknown = match take_unknown(kind, &mut wanted) {
        Ok(unknown) => unknown,
        Err(refusal) if kind.is_custom() => return Err(refusal),
        Err(refusal) => return Err(untyped(refusal.message())),
    };
    let mut faults: Vec<String> = unknown
        .iter()
        .map(|path| format!(".{path}: field not declared in schema"))
        .collect();
    if let Form::Custom(schema) = &kind.form {
        faults.extend(
            schema::validate(schema, &wanted)
                .iter()
                .filter_map(|cause| cause.type_fault())
                .map(|(field, wanted, found)| {
                    format!(
                        ".{field}: expected {wanted}, got &value.valueUnstructured{{Value:{found}}}"
                    )
                }),
        );
    }
    match faults.as_slice() {
        [] => Ok(wanted),
        [one] => Err(untyped(one)),
        many => Err(untyped(&format!("errors:\n  {}", many.join("\n  ")))),
    }
}

/// Takes the fields out that the kind does not have, and returns their paths.
fn take_unknown(kind: &Kind, object: &mut Value) -> Result<Vec<String>, Refusal> {
    match &kind.form {
        Form::BuiltIn(read) => {
            typed::quantities_as_text(object);
            typed::drop_nulls(object);
            let unknown =
                read(object).map_err(|m| cannot_be_handled(kind, &m.shown(&kind.kind)))?;
            for path in &unknown {
                typed::cut(object, path);
            }
            Ok(unknown.iter().map(|path| typed::shown(path)).collect())
        }
        Form::Custom(schema) => {
            let in_metadata = typed::read_metadata(object)
                .map_err(|m| cannot_be_handled(kind, &m.shown("ObjectMeta")))?;
            for path in &in_metadata {
                typed::cut(object, path);
            }
            let mut unknown: Vec<String> =
                in_metadata.iter().map(|path| typed::shown(path)).collect();
            unknown.extend(schema::prune(schema, object));
            Ok(unknown)
        }
    }
}

fn cannot_be_handled(kind: &Kind, why: &str) -> Refusal {
    Refusal::bad_request(format!(
        "{name} in version {version:?} cannot be handled as a {name}: {why}",
        name = kind.kind,
        version = kind.version,
    ))
}

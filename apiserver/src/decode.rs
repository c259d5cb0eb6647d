//! From a parsed body to an object in its kind's form: unknown fields found, dropped or refused.

use serde_json::Value;

use crate::kind::{Form, Kind};
use crate::options::FieldValidation;
use crate::schema;
use crate::status::Refusal;

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
    let faults: Vec<String> = match &kind.form {
        Form::BuiltIn => Vec::new(),
        Form::Custom(schema) => {
            let unknown = schema::prune(schema, &mut object);
            schema::fill_defaults(schema, &mut object);
            unknown
        }
    };
    let faults: Vec<String> = faults
        .iter()
        .map(|path| format!("unknown field {path:?}"))
        .collect();
    match validation {
        FieldValidation::Strict if !faults.is_empty() => Err(cannot_be_handled(
            kind,
            &format!("strict decoding error: {}", faults.join(", ")),
        )),
        FieldValidation::Warn => Ok(Decoded {
            object,
            warnings: faults,
        }),
        FieldValidation::Strict | FieldValidation::Ignore => Ok(Decoded {
            object,
            warnings: Vec::new(),
        }),
    }
}

fn cannot_be_handled(kind: &Kind, why: &str) -> Refusal {
    Refusal::bad_request(format!(
        "{name} in version {version:?} cannot be handled as a {name}: {why}",
        name = kind.kind,
        version = kind.version,
    ))
}

//! Errors in single fields of an object. A refusal lists them as `details.causes`.

use std::fmt;

use serde_json::{Value, json};

/// An error in one field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cause {
    /// Path of the field, such as `spec.params[0].value`.
    pub(crate) field: String,
    pub(crate) fault: Fault,
}

/// The reason why a field is rejected.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// The schema of the kind does not contain the field.
    Unknown,
    /// The field is missing.
    Required,
    /// The value has the wrong type. The types are named as in JSON Schema.
    WrongType { wanted: String, found: &'static str },
    /// The value is not one of the allowed values.
    NotSupported { found: Value, supported: Vec<Value> },
    /// The value violates a rule, such as `must be at most 9`.
    Invalid { found: Value, rule: String },
    /// A different field manager owns the field.
    Owned { manager: String },
}

impl Cause {
    pub(crate) fn new(field: impl Into<String>, fault: Fault) -> Self {
        let field = field.into();
        Self { field, fault }
    }

    pub(crate) fn invalid(
        field: impl Into<String>,
        found: impl Into<Value>,
        rule: impl Into<String>,
    ) -> Self {
        let (found, rule) = (found.into(), rule.into());
        Self::new(field, Fault::Invalid { found, rule })
    }

    /// Returns the reason as a `metav1.CauseType`.
    fn reason(&self) -> &'static str {
        match self.fault {
            Fault::Required => "FieldValueRequired",
            Fault::WrongType { .. } => "FieldValueTypeInvalid",
            Fault::NotSupported { .. } => "FieldValueNotSupported",
            Fault::Unknown | Fault::Invalid { .. } => "FieldValueInvalid",
            Fault::Owned { .. } => "FieldManagerConflict",
        }
    }

    /// Returns the message without the path of the field.
    fn message(&self) -> String {
        match &self.fault {
            Fault::Unknown => "unknown field".to_owned(),
            Fault::Required => "Required value".to_owned(),
            Fault::WrongType { wanted, found } => {
                format!("Invalid value: {found:?}: must be of type {wanted}")
            }
            Fault::NotSupported { found, supported } => {
                let supported: Vec<String> = supported.iter().map(Value::to_string).collect();
                let supported = supported.join(", ");
                format!("Unsupported value: {found}: supported values: {supported}")
            }
            Fault::Invalid { found, rule } => format!("Invalid value: {found}: {rule}"),
            Fault::Owned { manager } => format!("conflict with {manager}"),
        }
    }

    /// Returns the error as a `metav1.StatusCause`.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "reason": self.reason(), "message": self.message(), "field": self.field })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.field, self.message())
    }
}

//! The objects of a run as YAML in which values with variables are marked, for the sidecar's page.

use serde::{Deserialize, Serialize};

/// The response of `GET /v1/preview`: the objects that will be created, in the order of the declaration, with masked
/// secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Preview {
    /// The objects.
    pub objects: Vec<PreviewObject>,
}

/// An object that will be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PreviewObject {
    /// The name in the declaration.
    pub resource: String,
    /// The parts of the object's YAML. Their texts, joined, are the document.
    pub parts: Vec<PreviewPart>,
}

/// A part of a YAML document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PreviewPart {
    /// The text. A value over 2 KiB is truncated.
    pub text: String,
    /// The state of a value that has variables in the template; absent for all other text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<PreviewMark>,
    /// The length of the whole value in bytes, if `text` is truncated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
}

/// The state of a value that has variables in the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum PreviewMark {
    /// All variables in the value were replaced.
    Substituted,
    /// A variable in the value is still unknown, and appears as written in the template.
    Pending,
}

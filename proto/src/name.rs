//! Types for names. Their constructors validate the name, so later code does not check it again.

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The maximum length of a DNS label (RFC 1123).
const LABEL_MAX: usize = 63;
/// The maximum length of an output name.
const OUTPUT_MAX: usize = 128;

/// An error for a string that is not a valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a name must not be empty")]
    Empty,
    /// The text exceeds the maximum length for this kind of name; the second field is the maximum, in bytes.
    #[error("'{0}' is {length} bytes long, but at most {1} are allowed", length = .0.len())]
    TooLong(String, usize),
    /// The text contains a character that is not allowed in this kind of name; the second field is the remedy.
    #[error("'{0}' is not a valid name: {1}")]
    Characters(String, &'static str),
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Validates a name.
            ///
            /// # Errors
            /// Returns a [`NameError`] that shows which rule the name violates.
            pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
                let name = name.into();
                $check(&name)?;
                Ok(Self(name))
            }

            /// Returns the name as a string slice.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(name: String) -> Result<Self, NameError> {
                Self::new(name)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(name: &str) -> Result<Self, NameError> {
                Self::new(name)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A step's name: a DNS label (Tekton, `pkg/apis/pipeline/v1/container_validation.go`).
    StepName,
    dns_label
);
name!(
    /// The name of a step's output: letters, digits, `-`, `_` and `.`, starting with a letter or `_`.
    OutputName,
    output_name
);
name!(
    /// The name of a resource or object within a declaration: a DNS label, because it is also the name of a Tekton result and
    /// part of the created object's name.
    ResourceName,
    dns_label
);

/// Returns true if `name` is a DNS label (RFC 1123). The name of a namespace must be a DNS label.
pub fn is_dns_label(name: &str) -> bool {
    name.len() <= LABEL_MAX && has_label_characters(name)
}

/// Returns true if `name` is a DNS subdomain. Most objects must have such a name. As in Kubernetes, each part may be longer than
/// a DNS label (`k8s.io/apimachinery/pkg/util/validation`, `IsDNS1123Subdomain`).
pub fn is_dns_subdomain(name: &str) -> bool {
    /// The maximum length of a DNS subdomain.
    const SUBDOMAIN_MAX: usize = 253;
    name.len() <= SUBDOMAIN_MAX && name.split('.').all(has_label_characters)
}

fn has_label_characters(name: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes.iter().all(|byte| alphanumeric(byte) || *byte == b'-')
}

fn dns_label(name: &str) -> Result<(), NameError> {
    let rule = "use lower-case letters, digits and '-', and begin and end with a letter or digit";
    checked(name, LABEL_MAX, has_label_characters, rule)
}

fn output_name(name: &str) -> Result<(), NameError> {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let fits = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(is_inner)
    };
    let rule = "use letters, digits, '-', '_' and '.', and begin with a letter or '_'";
    checked(name, OUTPUT_MAX, fits, rule)
}

fn checked(
    name: &str,
    max: usize,
    fits: impl FnOnce(&str) -> bool,
    rule: &'static str,
) -> Result<(), NameError> {
    match name.len() {
        0 => Err(NameError::Empty),
        length if length > max => Err(NameError::TooLong(name.to_owned(), max)),
        _ if !fits(name) => Err(NameError::Characters(name.to_owned(), rule)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;

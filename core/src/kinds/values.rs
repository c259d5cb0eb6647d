//! Checks literal values as the API server does: enum values, number ranges, quantities, map keys and label values
//! (`k8s.io/apimachinery/pkg/util/validation`).

use gleaner_proto::name::is_dns_subdomain;
use serde_json::Number;

use super::VERSION;
use crate::document::suggestion::nearest;
use crate::inject::quantity;

/// A value that the API server rejects, with the remedy.
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) help: String,
    /// True if a Kubernetes version other than [`VERSION`] may accept the value.
    pub(super) is_doubtful: bool,
}

const LABEL: &str =
    "use at most 63 letters, digits, '-', '_' and '.', and begin and end with a letter or digit";
const KEY: &str = "use at most 63 letters, digits, '-', '_' and '.', and begin and end with a letter or digit; a prefix \
                   must be a DNS name followed by '/'";

fn wrong(message: String, help: impl Into<String>) -> Wrong {
    Wrong {
        message,
        help: help.into(),
        is_doubtful: false,
    }
}

/// Returns the basic type for `own`, a type in `outline.json`: the type without its enum values and bounds. For `int32`, this is
/// `integer`.
pub(super) fn simple(own: &str) -> &str {
    match own {
        "int32" => "integer",
        "port" => "int-or-string",
        _ if own.starts_with(['[', '{']) => own,
        _ if own.contains("..") => "integer",
        _ if own.contains('|') => "string",
        _ => own,
    }
}

/// Checks the number in a field of the type `own`.
pub(super) fn number(own: &str, number: &Number) -> Result<(), Wrong> {
    const INT32: (i64, i64) = (i32::MIN as i64, i32::MAX as i64);
    let (least, most) = match own {
        "integer" => (i64::MIN, i64::MAX),
        "int32" | "int-or-string" => INT32,
        "port" => (0, 65_535),
        _ => match own.split_once("..") {
            Some((least, most)) => (
                least.parse().unwrap_or(INT32.0),
                most.parse().unwrap_or(INT32.1),
            ),
            None => return Ok(()),
        },
    };
    if number
        .as_i64()
        .is_some_and(|value| (least..=most).contains(&value))
    {
        return Ok(());
    }
    let message = format!("Kubernetes rejects {number} in this field");
    Err(wrong(
        message,
        format!("use a number from {least} to {most}"),
    ))
}

/// Checks the literal string in a field of the type `own`.
pub(super) fn text(own: &str, text: &str) -> Result<(), Wrong> {
    match own {
        _ if text.is_empty() => Ok(()),
        "quantity" => {
            let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
            let Err(message) = quantity::parse(unsigned) else {
                return Ok(());
            };
            let (message, help) = message.split_once(": ").unwrap_or((&message, ""));
            Err(wrong(message.to_owned(), help))
        }
        "port" if !is_port_name(text) => {
            let message = format!("'{text}' is not a valid port number or port name");
            let help = match text.parse::<u16>() {
                Ok(_) => "remove the quotes",
                Err(_) => {
                    "a port name consists of at most 15 lower-case letters, digits and '-', with at least one \
                     letter and without a leading, trailing or double '-'"
                }
            };
            Err(wrong(message, help))
        }
        words if words.contains('|') => word(words, text),
        _ => Ok(()),
    }
}

fn word(words: &str, text: &str) -> Result<(), Wrong> {
    let known: Vec<&str> = words.split('|').collect();
    if known.contains(&text) {
        return Ok(());
    }
    let near = nearest(text, known.iter().copied());
    let known = known.join(", ");
    Err(Wrong {
        message: format!("'{text}' is not one of {known} in Kubernetes {VERSION}"),
        help: match near {
            Some(word) => format!("did you mean '{word}'?"),
            None => "use one of them".to_owned(),
        },
        is_doubtful: near.is_none(),
    })
}

/// Checks a map key against `form`: `label`, `annotation`, or `key` for the data of a ConfigMap or Secret.
pub(super) fn key(form: &str, key: &str) -> Result<(), Wrong> {
    let is_data = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let (fits, help) = match form {
        "label" => (is_label_key(key), KEY),
        // Kubernetes converts an annotation key to lower case before it validates the key.
        "annotation" => (is_label_key(&key.to_lowercase()), KEY),
        "key" => (
            !key.is_empty()
                && key.len() <= 253
                && key.bytes().all(is_data)
                && key != "."
                && !key.starts_with(".."),
            "use letters, digits, '-', '_' and '.'",
        ),
        _ => return Ok(()),
    };
    // Another check reports variables in keys.
    if fits || key.contains("$(") {
        return Ok(());
    }
    Err(wrong(format!("Kubernetes rejects the key '{key}'"), help))
}

/// Checks a label value.
pub(super) fn label(value: &str) -> Result<(), Wrong> {
    if value.is_empty() || is_label(value) {
        return Ok(());
    }
    Err(wrong(
        format!("Kubernetes rejects the label value '{value}'"),
        LABEL,
    ))
}

/// Returns true if `key` is `NAME` or `PREFIX/NAME`, the form of label keys and finalizers.
pub(super) fn is_label_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_dns_subdomain(prefix) && is_label(name),
        None => is_label(key),
    }
}

fn is_label(text: &str) -> bool {
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && ends(bytes.first())
        && ends(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

/// Returns true if `text` is a valid port name (`IsValidPortName`).
fn is_port_name(text: &str) -> bool {
    text.len() <= 15
        && !text.contains("--")
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests;

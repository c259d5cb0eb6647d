//! Masks secret outputs in rendered objects, and decides whether the API server's messages about an object may be disclosed.

use std::sync::Arc;

use serde_json::Value;

/// The text shown instead of a secret.
pub const SECRET: &str = "(secret)";

/// The form of secrets in rendered objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// The values of the secrets, for the API server only.
    Plain,
    /// [`SECRET`] in place of each secret, for all other uses.
    Masked,
}

/// The rule for disclosing the API server's messages about one object.
///
/// API servers, webhooks and proxies quote what they reject, in any encoding and truncated at any byte: with Go's escapes, as
/// base64 of a whole field, as JSON within JSON, or as one line of a value. Searching for the secret cannot find all of these
/// forms, so no message about an object with a secret is disclosed. A message about an object without secrets cannot quote a
/// secret. A message about the metadata of an existing object, such as its owner or finalizers, does not count as a message about
/// the object, so it is disclosed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Disclosure {
    /// All messages may be disclosed.
    #[default]
    Full,
    /// No message may be disclosed.
    Withheld(Arc<Withheld>),
}

/// An object with a secret, in a form that may be shown.
#[derive(Debug, PartialEq, Eq)]
pub struct Withheld {
    step: String,
    output: String,
    /// The object with [`SECRET`] in place of each secret; null if the object's content is not available.
    masked: Value,
}

/// A secret output: the step's name and the output's name.
pub(super) type SecretOutput<'a> = (&'a str, &'a str);

impl Disclosure {
    /// Creates the rule for an object that contains this secret output and whose content is not available.
    pub fn of_unseen(step: &str, output: &str) -> Self {
        Self::withheld((step, output), Value::Null)
    }

    pub(super) fn withheld((step, output): SecretOutput<'_>, masked: Value) -> Self {
        Self::Withheld(Arc::new(Withheld {
            step: step.to_owned(),
            output: output.to_owned(),
            masked,
        }))
    }
}

impl Withheld {
    /// Returns a secret output that the object contains: the step's name and the output's name.
    pub fn secret(&self) -> (String, String) {
        (self.step.clone(), self.output.clone())
    }

    /// Returns the message that is shown instead of the API server's message.
    pub fn notice(&self) -> String {
        let Self { step, output, .. } = self;
        format!(
            "the API server's message is withheld because this object contains the secret output '{output}' of step '{step}'; see \
             the API server's audit log"
        )
    }

    /// Returns the longest prefix of the path `field` (in the API server's notation) that exists in the masked object. This
    /// prefix ends before the first key that does not exist or belongs to a secret.
    pub fn visible_path<'a>(&self, field: &'a str) -> Option<&'a str> {
        let mut value = &self.masked;
        let mut rest = field;
        while let Some((inner, after)) = enter(value, rest) {
            (value, rest) = (inner, after);
        }
        let path = &field[..field.len() - rest.len()];
        (!path.is_empty()).then_some(path)
    }
}

/// Returns the value at the first key or index of `path`, and the rest of the path. Validation writes paths as `data[a.b]`,
/// server-side apply as `.data.a.b`.
fn enter<'a, 'b>(value: &'a Value, path: &'b str) -> Option<(&'a Value, &'b str)> {
    if let Some(bracket) = path.strip_prefix('[') {
        let (key, after) = bracket.split_once(']')?;
        let inner = match value {
            Value::Object(map) => map.get(key),
            Value::Array(items) => items.get(key.parse::<usize>().ok()?),
            _ => None,
        };
        return Some((inner?, after));
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let ends = |after: &str| after.is_empty() || after.starts_with(['.', '[']);
    let mut keys = value.as_object()?.iter().filter_map(|(key, inner)| {
        let after = path
            .strip_prefix(key.as_str())
            .filter(|after| ends(after))?;
        (!key.is_empty()).then_some((inner, after))
    });
    keys.by_ref().min_by_key(|(_, after)| after.len())
}

#[cfg(test)]
mod tests;

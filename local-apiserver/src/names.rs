//! The syntax of names, labels and annotation keys, as in `k8s.io/apimachinery/pkg/util/validation`.

use serde_json::Value;

use crate::cause::Cause;

const LONGEST_SUBDOMAIN: usize = 253;
const LONGEST_LABEL: usize = 63;

/// The syntax for the names of a kind's objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameRule {
    /// An RFC 1123 subdomain; for most kinds.
    Subdomain,
    /// An RFC 1123 label; for namespaces and services.
    Label,
    /// Any text that is valid as a URL path segment; for roles, cluster roles and their bindings.
    PathSegment,
}

impl NameRule {
    /// If `name` violates the rule, returns the rule as a message.
    pub(crate) fn broken_by(self, name: &str) -> Option<&'static str> {
        let (fits, rule) = match self {
            Self::Subdomain => (
                name.len() <= LONGEST_SUBDOMAIN && name.split('.').all(is_dns_label),
                "must be a lowercase RFC 1123 subdomain: at most 253 characters of a-z, 0-9, '-' and '.', with a letter or digit \
                 at both ends of each part",
            ),
            Self::Label => (
                name.len() <= LONGEST_LABEL && is_dns_label(name),
                "must be a lowercase RFC 1123 label: at most 63 characters of a-z, 0-9 and '-', with a letter or digit at both \
                 ends",
            ),
            Self::PathSegment => (
                !matches!(name, "." | "..") && !name.contains(['/', '%']),
                "must not be '.' or '..', and must not contain '/' or '%'",
            ),
        };
        (!fits).then_some(rule)
    }
}

/// Returns the errors in the keys and values of `labels`. `field` is the path of the labels.
pub(crate) fn label_faults(field: &str, labels: &Value) -> Vec<Cause> {
    let mut causes = key_faults(field, labels);
    for value in labels.as_object().into_iter().flat_map(|map| map.values()) {
        let text = value.as_str().unwrap_or_default();
        if !text.is_empty() && !is_qualified_name(text) {
            let rule = "a label value must be empty, or at most 63 letters, digits, '-', '_' and '.', with a letter or \
                        digit at both ends";
            causes.push(Cause::invalid(field, text, rule));
        }
    }
    causes
}

/// Returns the errors in the keys of `map`, the labels or annotations at the path `field`. A key has the form `[PREFIX/]NAME`.
pub(crate) fn key_faults(field: &str, map: &Value) -> Vec<Cause> {
    let keys = map.as_object().into_iter().flat_map(|map| map.keys());
    let wrong = keys.filter(|key| match key.split_once('/') {
        Some((prefix, name)) => {
            NameRule::Subdomain.broken_by(prefix).is_some() || !is_qualified_name(name)
        }
        None => !is_qualified_name(key),
    });
    let rule = "a key must have the form [PREFIX/]NAME, where PREFIX is a lowercase RFC 1123 subdomain and NAME is at most 63 \
                letters, digits, '-', '_' and '.', with a letter or digit at both ends";
    wrong
        .map(|key| Cause::invalid(field, key.as_str(), rule))
        .collect()
}

fn is_dns_label(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text.chars().all(|c| alphanumeric(c) || c == '-')
}

fn is_qualified_name(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    text.len() <= LONGEST_LABEL
        && text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text
            .chars()
            .all(|c| alphanumeric(c) || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests;

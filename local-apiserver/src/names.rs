//! What names, labels and annotations may look like: `k8s.io/apimachinery/pkg/util/validation`.

use serde_json::Value;

use crate::kind::NameRule;
use crate::status::Cause;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const RFC1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const KEY_NAME: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// All annotations of an object together: keys and values.
const ANNOTATION_BYTES: usize = 256 * 1024;

/// What is wrong with a name, if anything. A `generateName` ends as it likes, for characters follow it.
pub(crate) fn name_faults(rule: NameRule, name: &str, is_prefix: bool) -> Vec<String> {
    let name = match is_prefix.then(|| name.strip_suffix('-')).flatten() {
        Some(masked) => format!("{masked}a"),
        None => name.to_owned(),
    };
    let (longest, text, shape) = match rule {
        NameRule::PathSegment => return path_segment_faults(&name),
        NameRule::Subdomain => (253, SUBDOMAIN, name.split('.').all(is_dns_label)),
        NameRule::Label => (63, LABEL, is_dns_label(&name)),
        NameRule::Rfc1035Label => (
            63,
            RFC1035,
            is_dns_label(&name) && name.starts_with(|c: char| c.is_ascii_lowercase()),
        ),
    };
    if rule == NameRule::Label && name.contains('.') {
        return vec!["must not contain dots".to_owned()];
    }
    let mut faults = Vec::new();
    if name.len() > longest {
        faults.push(format!("must be no more than {longest} characters"));
    }
    if !shape {
        faults.push(text.to_owned());
    }
    faults
}

/// Faults of an object's labels: `field` is where they stand.
pub(crate) fn label_faults(field: &str, labels: &Value, causes: &mut Vec<Cause>) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        key_faults(field, key, causes);
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 {
            causes.push(Cause::invalid(field, value, &too_long(63)));
        }
        if !text.is_empty() && !is_qualified_name(text) {
            causes.push(Cause::invalid(field, value, LABEL_VALUE));
        }
    }
}

/// Faults of an object's annotations.
pub(crate) fn annotation_faults(field: &str, annotations: &Value, causes: &mut Vec<Cause>) {
    let mut total = 0;
    for (key, value) in annotations.as_object().into_iter().flatten() {
        key_faults(field, &key.to_lowercase(), causes);
        total += key.len() + value.as_str().map_or(0, str::len);
    }
    if total > ANNOTATION_BYTES {
        causes.push(Cause {
            reason: "FieldValueTooLong",
            field: field.to_owned(),
            message: format!("Too long: may not be more than {ANNOTATION_BYTES} bytes"),
        });
    }
}

/// `[PREFIX/]NAME`: the prefix a subdomain, the name up to 63 characters.
fn key_faults(field: &str, key: &str, causes: &mut Vec<Cause>) {
    let value = Value::from(key);
    let mut fault = |why: &str| causes.push(Cause::invalid(field, &value, why));
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    match prefix {
        Some("") => fault("prefix part must be non-empty"),
        Some(prefix) => {
            for why in name_faults(NameRule::Subdomain, prefix, false) {
                fault(&format!(
                    "prefix part {}",
                    why.replace(" characters", " bytes")
                ));
            }
        }
        None => {}
    }
    if name.is_empty() {
        fault("name part must be non-empty");
    } else if name.len() > 63 {
        fault(&format!("name part {}", too_long(63)));
    }
    if !is_qualified_name(name) {
        fault(KEY_NAME);
    }
}

fn path_segment_faults(name: &str) -> Vec<String> {
    if name == "." || name == ".." {
        return vec![format!("may not be '{name}'")];
    }
    ["/", "%"]
        .iter()
        .filter(|&&mark| name.contains(mark))
        .map(|mark| format!("may not contain '{mark}'"))
        .collect()
}

fn too_long(longest: usize) -> String {
    format!("must be no more than {longest} bytes")
}

fn is_dns_label(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text.chars().all(|c| alphanumeric(c) || c == '-')
}

fn is_qualified_name(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text
            .chars()
            .all(|c| alphanumeric(c) || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule_of_their_kind() {
        let good = |rule, name| assert!(name_faults(rule, name, false).is_empty(), "{name}");
        let bad = |rule, name| assert!(!name_faults(rule, name, false).is_empty(), "{name}");
        good(NameRule::Subdomain, "a.b-c.1");
        bad(NameRule::Subdomain, "a..b");
        bad(NameRule::Subdomain, "a_b");
        bad(NameRule::Label, "a.b");
        good(NameRule::Label, "1a");
        bad(NameRule::Rfc1035Label, "1a");
        good(NameRule::PathSegment, "system:Any Thing");
        bad(NameRule::PathSegment, "a/b");
        assert!(name_faults(NameRule::Subdomain, "a-", true).is_empty());
        assert!(!name_faults(NameRule::Subdomain, "a-", false).is_empty());
    }
}

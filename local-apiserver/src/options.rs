//! The query parameters of a request: `CreateOptions`, `PatchOptions`, `ListOptions` and their kin.

use serde_json::{Value, json};

use crate::status::{Cause, Refusal};

/// What to do about fields that the kind does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum FieldValidation {
    Ignore,
    /// Drop them and say so in a `Warning` header: the server's default.
    #[default]
    Warn,
    Strict,
}

/// All options that any verb here understands; the others are passed over, as a real server does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) dry_run: bool,
    pub(crate) field_manager: Option<String>,
    /// Whether the request itself names the manager; otherwise the user agent did.
    pub(crate) names_manager: bool,
    pub(crate) field_validation: FieldValidation,
    pub(crate) force: bool,
    pub(crate) watch: bool,
    pub(crate) field_selector: Option<String>,
    pub(crate) label_selector: Option<String>,
    pub(crate) resource_version: Option<String>,
    pub(crate) timeout_seconds: Option<u64>,
}

/// Reads them; `kind` is the name that an error gives them, such as `CreateOptions`.
///
/// # Errors
///
/// 422 for a value that an option does not have.
pub(crate) fn parse(query: &str, kind: &str) -> Result<Options, Refusal> {
    let mut options = Options::default();
    for (name, value) in pairs(query) {
        match name.as_str() {
            "dryRun" => options.dry_run = dry_run(&json!([value]), kind)?,
            "fieldManager" if !value.is_empty() => options.field_manager = Some(value),
            "fieldValidation" => options.field_validation = field_validation(&value, kind)?,
            "force" => options.force = is_true(&value),
            "watch" => options.watch = is_true(&value),
            "fieldSelector" => options.field_selector = Some(value).filter(|v| !v.is_empty()),
            "labelSelector" => options.label_selector = Some(value).filter(|v| !v.is_empty()),
            "resourceVersion" => options.resource_version = Some(value).filter(|v| !v.is_empty()),
            "timeoutSeconds" => options.timeout_seconds = value.parse().ok(),
            _ => {}
        }
    }
    Ok(options)
}

/// Whether a list of dry-run stages asks for a dry run.
///
/// # Errors
///
/// 422 for anything but `All`.
pub(crate) fn dry_run(stages: &Value, kind: &str) -> Result<bool, Refusal> {
    let Some(list) = stages.as_array().filter(|list| !list.is_empty()) else {
        return Ok(false);
    };
    if list.iter().all(|stage| stage == "All") {
        return Ok(true);
    }
    Err(unsupported(kind, "dryRun", stages, "\"All\""))
}

fn field_validation(value: &str, kind: &str) -> Result<FieldValidation, Refusal> {
    match value {
        "" | "Warn" => Ok(FieldValidation::Warn),
        "Ignore" => Ok(FieldValidation::Ignore),
        "Strict" => Ok(FieldValidation::Strict),
        _ => Err(unsupported(
            kind,
            "fieldValidation",
            &value.into(),
            r#""", "Ignore", "Strict", "Warn""#,
        )),
    }
}

fn unsupported(kind: &str, field: &str, value: &Value, supported: &str) -> Refusal {
    let cause = Cause::not_supported(field, value, supported);
    Refusal::invalid("meta.k8s.io", kind, "", &[cause])
}

fn is_true(value: &str) -> bool {
    matches!(value, "true" | "1" | "")
}

/// The pairs of a query string, decoded.
fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
}

/// `application/x-www-form-urlencoded`: plus is a space, `%XX` a byte. Broken escapes stand for themselves.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (escaped, first) {
            (Some(byte), _) => {
                bytes.push(byte);
                rest = &tail[2..];
                continue;
            }
            (None, b'+') => bytes.push(b' '),
            (None, byte) => bytes.push(byte),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded() {
        let options = parse(
            "dryRun=All&fieldManager=a%20b+c&fieldSelector=metadata.name%3Dx&x=%zz",
            "CreateOptions",
        )
        .unwrap();
        assert!(options.dry_run);
        assert_eq!(options.field_manager.as_deref(), Some("a b c"));
        assert_eq!(options.field_selector.as_deref(), Some("metadata.name=x"));
        assert_eq!(options.field_validation, FieldValidation::Warn);
    }

    #[test]
    fn a_dry_run_is_all_or_refused() {
        let refusal = parse("dryRun=Some", "CreateOptions").unwrap_err();
        assert_eq!(
            refusal.message(),
            r#"CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All""#
        );
    }
}

//! Formats findings as SARIF 2.1.0, for GitHub code scanning and other tools.

use std::fmt::Write as _;

use gleaner_core::document::Finding;
use serde_json::{Value, json};

/// The rule ID of every finding, because a finding does not have a code of its own.
const RULE: &str = "gleaner-lint";

/// Returns a SARIF log that has a single run, which contains all findings.
pub(super) fn log(findings: &[Finding]) -> Value {
    let results: Vec<Value> = findings.iter().map(result).collect();
    let about = "https://github.com/gleaner-dev/gleaner/blob/main/docs/declaration.md#checks";
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "gleaner",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": [{
                    "id": RULE,
                    "shortDescription": {"text": "Checks the outputs that a Tekton Task declares"},
                    "fullDescription": {"text": "Checks the outputs that a Task declares in the annotation gleaner.dev/outputs, with the rules of the admission webhook."},
                    "helpUri": about,
                }],
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(finding: &Finding) -> Value {
    let diagnostic = &finding.diagnostic;
    // GitHub requires a line even for a finding about the whole file, so such a finding gets line 1.
    let region = match diagnostic.at {
        Some(at) => json!({"startLine": at.line, "startColumn": at.column}),
        None => json!({"startLine": 1}),
    };
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": {"uri": uri(&finding.file)},
            "region": region,
        },
    });
    if !diagnostic.place.is_root() {
        let name = diagnostic.place.to_string();
        location["logicalLocations"] = json!([{"fullyQualifiedName": name}]);
    }
    json!({
        "ruleId": RULE,
        "ruleIndex": 0,
        "level": finding.severity.as_str(),
        "message": {"text": diagnostic.to_string()},
        "locations": [location],
    })
}

/// Returns a path as a URI reference (RFC 3986).
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            b'\\' if cfg!(windows) => uri.push('/'),
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_percent_encoded() {
        assert_eq!(uri("a/b-1.yaml"), "a/b-1.yaml");
        assert_eq!(uri("<stdin>"), "%3Cstdin%3E");
        assert_eq!(uri("/ä b:c%.yaml"), "/%C3%A4%20b%3Ac%25.yaml");
    }
}

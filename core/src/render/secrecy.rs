//! Secrecy: masks secret outputs in what is rendered, and takes them out of texts that the API server and its webhooks wrote,
//! which quote what they refuse.

use crate::declaration::Declaration;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gleaner_proto::failure::{Failure, LeftBehind, ObjectReference};
use gleaner_proto::message::Problem;
use serde_json::Value;

use super::Values;

/// What a secret looks like wherever it may be seen.
pub const SECRET: &str = "(secret)";

/// Whether secrets may be seen in what is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// As they are: for the API server only.
    Plain,
    /// As [`SECRET`]: for everybody else.
    Masked,
}

/// Shorter values are not looked for: nearly every text holds them by chance, and nothing that short is a secret.
const SHORTEST: usize = 4;

/// The texts that nobody may see.
#[derive(Debug, Clone, Default)]
pub struct Redaction(Vec<String>);

impl Redaction {
    /// The secret outputs of `declaration`, as far as `values` has them.
    pub fn new(declaration: &Declaration, values: &Values) -> Self {
        let mut texts = Vec::new();
        for (step, outputs) in &declaration.steps {
            for output in outputs.iter().filter(|output| output.secret) {
                if let Some(value) = values.output(step.as_str(), output.spec.name.as_str()) {
                    collect(value, &mut texts);
                }
            }
        }
        // A secret that holds another one goes first, or its remains would stay.
        texts.sort_unstable_by_key(|text| std::cmp::Reverse(text.len()));
        texts.dedup();
        Self(texts)
    }

    /// `text` without the secrets.
    pub fn apply(&self, text: String) -> String {
        let found = |text: &String| self.0.iter().any(|secret| text.contains(secret));
        if !found(&text) {
            return text;
        }
        self.0
            .iter()
            .fold(text, |text, secret| text.replace(secret, SECRET))
    }

    /// `problem` without the secrets: in its detail, its failures, and the names of objects.
    pub fn apply_to_problem(&self, problem: Problem) -> Problem {
        let failure = |failure: Failure| Failure {
            message: self.apply(failure.message),
            remedy: failure.remedy.map(|remedy| self.apply(remedy)),
            ..failure
        };
        let object = |object: ObjectReference| ObjectReference {
            namespace: object.namespace.map(|namespace| self.apply(namespace)),
            name: self.apply(object.name),
            ..object
        };
        let left = |left: LeftBehind| LeftBehind {
            object: object(left.object),
            why: self.apply(left.why),
            ..left
        };
        Problem {
            detail: self.apply(problem.detail),
            failures: problem.failures.into_iter().map(failure).collect(),
            left: problem.left.into_iter().map(left).collect(),
            kept: problem.kept.into_iter().map(object).collect(),
            ..problem
        }
    }
}

/// The value, its parts, and each as it may be quoted: in Go's and JSON's escapes, or in base64.
fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let quoted = Value::from(text.as_str()).to_string();
            let escaped = quoted.trim_matches('"').to_owned();
            texts.extend([text.clone(), escaped, STANDARD.encode(text)]);
        }
        Value::Number(number) => texts.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(entries) => entries.values().for_each(|entry| collect(entry, texts)),
        Value::Bool(_) | Value::Null => {}
    }
    texts.retain(|text| text.len() >= SHORTEST);
}

#[cfg(test)]
mod tests;

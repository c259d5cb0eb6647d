//! Checks the objects that Tekton Triggers creates. Triggers replaces the variables in an object's text before the API server and
//! the webhook receive the object (`pkg/template/resource.go` of tektoncd/triggers).

use std::collections::HashMap;
use std::convert::Infallible;

use crate::document::diagnostic::{Diagnostic, Part};
use crate::document::{Content, Cursor, Key, Locate, Location, Node};
use crate::inject::Settings;
use crate::inject::task::Placement;
use crate::inject::task::producer::ObjectResults;
use crate::task::DeclarationSite;
use crate::variable::occurrence::{occurrences, replace};
use serde_json::Value;

use super::Report;

/// Returns the report on the object `item`. The places in the report are relative to the object.
pub(super) fn check(
    item: &Cursor<'_>,
    source: &dyn Locate,
    settings: &Settings,
    placement: Placement,
    tasks: &ObjectResults,
) -> Report {
    let original = Original {
        source,
        node: item.node,
    };
    let report_with = |masks: &mut Masks| {
        let masked = masks.masked(item.node);
        super::document(&masked, &original, settings, placement, tasks)
    };
    let [mut masks, others @ ..] = FORMS.map(Masks::new);
    let mut report = report_with(&mut masks);
    let mut unknown = Vec::new();
    for mut other in others {
        let own = report_with(&mut other);
        let lists = [
            (&mut report.refused_elsewhere, own.refused_elsewhere),
            (&mut report.warnings, own.warnings),
        ];
        for (all, own) in lists {
            all.retain(|one| own.iter().any(|other| is_same(one, other)));
        }
        let errors = std::mem::take(&mut report.errors).into_iter();
        let is_certain = |one: &Diagnostic| own.errors.iter().any(|other| is_same(one, other));
        let (certain, other): (Vec<_>, Vec<_>) = errors.partition(is_certain);
        report.errors = certain;
        unknown.extend(other);
    }
    for found in [
        &mut report.errors,
        &mut report.refused_elsewhere,
        &mut report.warnings,
    ] {
        for one in found.iter_mut() {
            one.help = one.help.take().filter(|help| !is_masked(help));
        }
    }
    if let Placement::AheadOfTime(_) = placement {
        let found = in_declarations(item.node).into_iter();
        let found = found.map(|one| source.settle(item.node, one));
        report.errors.extend(found);
        let unknown = unknown.into_iter().filter(|one| one.annotation.is_none());
        report.errors.extend(unknown.map(not_known_yet));
    }
    let injected = report.injected.filter(|_| report.errors.is_empty());
    report.injected = injected.map(|injected| masks.unmasked(injected));
    report
}

/// Replaces an error about a placeholder with an error about the missing value, which only Triggers provides.
fn not_known_yet(one: Diagnostic) -> Diagnostic {
    let message = "this value must be known for injection ahead of time, but Triggers sets it only when it creates the object";
    let diagnostic = Diagnostic::new(one.place, one.at, message);
    diagnostic.help("install Gleaner's injector, which injects at run time")
}

/// Reports Triggers variables in declarations. Triggers cannot find a variable in a declaration that was injected ahead of time,
/// because such a declaration is encoded.
fn in_declarations(object: &Node) -> Vec<Diagnostic> {
    let sites = DeclarationSite::all(object).into_iter();
    let mut found = Vec::new();
    for site in sites.filter(|site| site.is_annotated() && site.is_read()) {
        let place = site.place_of_annotation();
        let text = object.find(&place).and_then(Node::as_str);
        let variables = occurrences(text.unwrap_or_default());
        let first = variables
            .filter(|one| is_of_triggers(one.inner))
            .map(|one| {
                let inner = one.inner;
                let message = format!(
                    "`$({inner})` is not replaced, because Triggers cannot change a declaration that was injected ahead of time"
                );
                Diagnostic::new(&place, None, message)
                    .help("pass the value as a parameter of the run, or install Gleaner's injector, which injects at run time")
                    .about(Part::Offset(one.offset))
            });
        found.extend(first.take(1));
    }
    found
}

/// Returns true for the Triggers variables `tt.params.NAME` and `uid`.
fn is_of_triggers(inner: &str) -> bool {
    let name = inner.strip_prefix("tt.params.");
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    inner == "uid" || name.is_some_and(|name| !name.is_empty() && name.bytes().all(is_word))
}

/// The placeholders that replace variables while an object is checked (a name, a number, a duration and a path), each with its
/// padding character. An error that occurs with every placeholder does not depend on the value of the variable.
const FORMS: [(&str, char); 4] = [(MASK, 'x'), ("5", ' '), ("5m", ' '), ("/a", 'a')];
/// The prefix of each placeholder that is a name.
const MASK: &str = "gleanertt";
/// The name that replaces `$(uid)`. It is as long as the variable.
const UID: &str = "gtuid0";
/// The maximum number of variables that are replaced in one object.
const MASKS_MAX: usize = 1000;

/// The Triggers variables in an object, and their placeholders. Each placeholder is as long as its variable, so that positions do
/// not change.
#[derive(Debug)]
struct Masks {
    form: (&'static str, char),
    masks: HashMap<String, String>,
}

// === impl Masks ===

impl Masks {
    fn new(form: (&'static str, char)) -> Self {
        Self {
            form,
            masks: HashMap::new(),
        }
    }

    fn masked(&mut self, node: &Node) -> Node {
        let content = match &node.content {
            Content::String(text) => Content::String(self.text(text)),
            Content::Sequence(items) => {
                Content::Sequence(items.iter().map(|item| self.masked(item)).collect())
            }
            Content::Mapping(entries) => {
                let entry = |(key, value): &(Key, Node)| (key.clone(), self.masked(value));
                Content::Mapping(entries.iter().map(entry).collect())
            }
            other => other.clone(),
        };
        Node {
            at: node.at,
            content,
        }
    }

    fn text(&mut self, text: &str) -> String {
        let mut mask = |inner: &str| match is_of_triggers(inner) {
            true => self.mask(&format!("$({inner})")),
            false => None,
        };
        let Ok(masked) = replace(text, |inner| Ok::<_, Infallible>(mask(inner)));
        masked
    }

    fn mask(&mut self, variable: &str) -> Option<String> {
        if let Some(mask) = self.masks.get(variable) {
            return Some(mask.clone());
        }
        let count = self.masks.len();
        let (begin, letter) = self.form;
        let begin = match begin {
            MASK if variable == "$(uid)" => UID.to_owned(),
            MASK => format!("{MASK}{count:03}"),
            begin => begin.to_owned(),
        };
        let rest = variable.len().checked_sub(begin.len())?;
        (count < MASKS_MAX).then(|| {
            let mask = begin + &letter.to_string().repeat(rest);
            self.masks.insert(variable.to_owned(), mask.clone());
            mask
        })
    }

    /// Replaces the placeholders with the original variables.
    fn unmasked(&self, value: Value) -> Value {
        match value {
            Value::String(mut text) => {
                for (variable, mask) in &self.masks {
                    text = text.replace(mask.as_str(), variable);
                }
                Value::String(text)
            }
            Value::Array(items) => items.into_iter().map(|item| self.unmasked(item)).collect(),
            Value::Object(map) => {
                let entries = map.into_iter();
                Value::Object(
                    entries
                        .map(|(key, value)| (key, self.unmasked(value)))
                        .collect(),
                )
            }
            other => other,
        }
    }
}

fn is_masked(text: &str) -> bool {
    text.contains(MASK) || text.contains(UID)
}

/// Returns true if both diagnostics have the same place and the same message.
fn is_same(one: &Diagnostic, other: &Diagnostic) -> bool {
    (&one.place, &one.annotation, one.at, &one.message)
        == (&other.place, &other.annotation, other.at, &other.message)
}

/// Locates findings in the original text of an object that is checked with placeholders.
struct Original<'a> {
    source: &'a dyn Locate,
    node: &'a Node,
}

impl Locate for Original<'_> {
    fn locate(&self, node: &Node, diagnostic: Diagnostic) -> Diagnostic {
        match text_at(self.node, node.at) {
            Some(original) => self.source.locate(original, diagnostic),
            None => diagnostic,
        }
    }

    fn settle(&self, _: &Node, diagnostic: Diagnostic) -> Diagnostic {
        self.source.settle(self.node, diagnostic)
    }
}

/// Returns the string in `node` that begins at position `at` of the file.
fn text_at(node: &Node, at: Location) -> Option<&Node> {
    match &node.content {
        Content::String(_) => (node.at == at).then_some(node),
        Content::Sequence(items) => items.iter().find_map(|item| text_at(item, at)),
        Content::Mapping(entries) => entries.iter().find_map(|(_, item)| text_at(item, at)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_keep_the_length_and_are_reversible() {
        let mut masks = Masks::new(FORMS[0]);
        let text = "a-$(tt.params.a)/$(tt.params.long.name-x) $(uid) $(tt.params.a) $(params.b) $(tt.params.a b)";
        let masked = masks.text(text);
        assert_eq!(masked.len(), text.len());
        assert_eq!(masks.masks.len(), 3);
        assert!(
            masked.starts_with("a-gleanertt000xx/gleanertt001"),
            "{masked}"
        );
        assert!(
            masked.ends_with(" gtuid0 gleanertt000xx $(params.b) $(tt.params.a b)"),
            "{masked}"
        );
        assert_eq!(masks.unmasked(Value::from(masked)), text);
        for form in FORMS {
            assert_eq!(Masks::new(form).text(text).len(), text.len());
        }
    }
}

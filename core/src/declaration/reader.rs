//! Walks a YAML tree and gathers what is wrong with it, so that one pass reports everything.

use crate::document::diagnostic::{Diagnostic, Location, suggestion};
use crate::document::yaml::{Content, Node};
use crate::variable::join;

/// A node at its place, with the list of what was found wrong so far.
pub(super) struct Cursor<'a> {
    pub(super) node: &'a Node,
    pub(super) place: String,
}

/// What was found wrong.
#[derive(Default)]
pub(super) struct Findings(pub(super) Vec<Diagnostic>);

impl Findings {
    pub(super) fn add(
        &mut self,
        cursor: &Cursor<'_>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let diagnostic = Diagnostic::new(&cursor.place, Some(cursor.node.at), message);
        self.0.push(diagnostic.maybe_help(help));
    }
}

impl<'a> Cursor<'a> {
    pub(super) const fn root(node: &'a Node) -> Self {
        Self {
            node,
            place: String::new(),
        }
    }

    pub(super) const fn at(&self) -> Option<Location> {
        Some(self.node.at)
    }

    /// The field `key`, when it is there and not null.
    pub(super) fn field(&self, key: &str) -> Option<Self> {
        let node = self.node.get(key)?;
        (node.content != Content::Null).then(|| Self {
            node,
            place: join(&self.place, key),
        })
    }

    /// The field `key`, which must be there.
    pub(super) fn required(
        &self,
        key: &str,
        example: &str,
        findings: &mut Findings,
    ) -> Option<Self> {
        let field = self.field(key);
        if field.is_none() && self.node.mapping().is_some() {
            findings.add(
                self,
                format!("'{key}' is missing"),
                Some(format!("for example {key}: {example}")),
            );
        }
        field
    }

    /// Checks that this is a map with no other keys than `known`.
    pub(super) fn fields(&self, known: &[&str], findings: &mut Findings) {
        match self.node.mapping() {
            Some(entries) => {
                for (key, _) in entries
                    .iter()
                    .filter(|(key, _)| !known.contains(&key.name.as_str()))
                {
                    let help = suggestion(&key.name, known.iter().copied());
                    let place = join(&self.place, &key.name);
                    let diagnostic = Diagnostic::new(
                        place,
                        Some(key.at),
                        format!("unknown field '{}'", key.name),
                    );
                    findings.0.push(diagnostic.maybe_help(help));
                }
            }
            None => self.expected("a map", findings),
        }
    }

    /// The items of this list.
    pub(super) fn items(&self, findings: &mut Findings) -> Vec<Self> {
        match self.node.sequence() {
            Some(items) => items
                .iter()
                .enumerate()
                .map(|(index, node)| Self {
                    node,
                    place: format!("{}[{index}]", self.place),
                })
                .collect(),
            None => {
                self.expected("a list", findings);
                Vec::new()
            }
        }
    }

    /// The entries of this map.
    pub(super) fn entries(&self, findings: &mut Findings) -> Vec<(&'a str, Self)> {
        match self.node.mapping() {
            Some(entries) => entries
                .iter()
                .map(|(key, node)| {
                    (
                        key.name.as_str(),
                        Self {
                            node,
                            place: join(&self.place, &key.name),
                        },
                    )
                })
                .collect(),
            None => {
                self.expected("a map", findings);
                Vec::new()
            }
        }
    }

    /// The text of this string.
    pub(super) fn text(&self, findings: &mut Findings) -> Option<&'a str> {
        let text = self.node.as_str();
        if text.is_none() {
            let plain = matches!(self.node.content, Content::Boolean(_) | Content::Number(_));
            let help = plain.then(|| {
                format!(
                    "YAML reads this as {}; put it in quotes",
                    self.node.to_json()
                )
            });
            findings.add(
                self,
                format!("expected a string, found {}", self.node.describe()),
                help,
            );
        }
        text
    }

    /// This boolean.
    pub(super) fn flag(&self, findings: &mut Findings) -> Option<bool> {
        match self.node.content {
            Content::Boolean(flag) => Some(flag),
            _ => {
                self.expected("true or false", findings);
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)], findings: &mut Findings) -> Option<T> {
        let text = self.text(findings)?;
        let found = words
            .iter()
            .find_map(|(word, value)| (*word == text).then_some(*value));
        if found.is_none() {
            let listed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            findings.add(
                self,
                format!("'{text}' is not one of {}", listed.join(", ")),
                suggestion_only(text, &listed),
            );
        }
        found
    }

    /// Something that is read from a text, such as a name or a path.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, E>,
        findings: &mut Findings,
    ) -> Option<T> {
        match parse(self.text(findings)?) {
            Ok(value) => Some(value),
            Err(error) => {
                findings.add(self, error.to_string(), None);
                None
            }
        }
    }

    pub(super) fn expected(&self, what: &str, findings: &mut Findings) {
        findings.add(
            self,
            format!("expected {what}, found {}", self.node.describe()),
            None,
        );
    }
}

/// A suggestion, but no list: the message has it already.
fn suggestion_only(wrong: &str, words: &[&str]) -> Option<String> {
    suggestion(wrong, words.iter().copied()).filter(|help| help.starts_with("did you mean"))
}

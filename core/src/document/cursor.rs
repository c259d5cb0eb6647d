//! Reads a document node by node and collects everything that is wrong, so that one pass reports it all.

use std::cell::Cell;
use std::fmt::Display;

use super::diagnostic::{Diagnostic, Part};
use super::location::Location;
use super::node::{Content, Node};
use super::place::Place;
use super::suggestion::{nearest, suggestion};
use super::{scalar, settled};

/// A node at its place.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    /// The node.
    pub node: &'a Node,
    /// Its place in the document.
    pub place: Place,
}

/// The sink of what is wrong. It keeps the first [`Diagnostics::KEPT`] errors and counts the rest.
#[derive(Debug, Default)]
pub struct Diagnostics {
    kept: Vec<Diagnostic>,
    omitted: usize,
    suggestions: Cell<usize>,
}

// === impl Diagnostics ===

impl Diagnostics {
    /// The number of errors that are kept. A person corrects a few and tries again.
    pub const KEPT: usize = 20;
    /// The number of errors that get a suggestion, which costs more than all else about an error.
    const SUGGESTIONS: usize = 10;

    /// Adds an error about the node of `cursor`, and what would be right.
    pub fn refuse(
        &mut self,
        cursor: &Cursor<'_>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        if self.is_full() {
            self.omitted += 1;
        } else {
            self.push(cursor.diagnostic(message).help(help));
        }
    }

    /// Adds an error about the node of `cursor`, with its remedy where one is known.
    pub fn add(&mut self, cursor: &Cursor<'_>, message: impl Into<String>, help: Option<String>) {
        if self.is_full() {
            self.omitted += 1;
        } else {
            self.push(cursor.diagnostic(message).maybe_help(help));
        }
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        match diagnostic.omitted {
            0 if self.is_full() => self.omitted += 1,
            0 => self.kept.push(diagnostic),
            omitted => self.omitted += omitted,
        }
    }

    /// Adds one that is made only if it is kept.
    pub fn push_with(&mut self, diagnostic: impl FnOnce(&Self) -> Diagnostic) {
        if self.is_full() {
            self.omitted += 1;
        } else {
            self.push(diagnostic(self));
        }
    }

    /// The candidate that `wrong` was probably meant to be, or the list of candidates, as the help of the next error;
    /// only for the first few errors.
    pub fn suggestion<'a>(
        &self,
        wrong: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Option<String> {
        let given = self.suggestions.get();
        if self.is_full() || given >= Self::SUGGESTIONS {
            return None;
        }
        self.suggestions.set(given + 1);
        suggestion(wrong, candidates)
    }

    /// Returns true if further errors are only counted.
    pub const fn is_full(&self) -> bool {
        self.kept.len() >= Self::KEPT
    }

    /// The number of errors so far, kept or only counted.
    pub const fn count(&self) -> usize {
        self.kept.len() + self.omitted
    }

    /// Returns true if nothing is wrong so far.
    pub const fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.omitted == 0
    }

    /// Gives what is kept the position of its place in `document`; that of a part of a scalar only where the text is known.
    pub fn settle(&mut self, document: &Node, text: Option<&str>) {
        for diagnostic in &mut self.kept {
            let rest = |at| scalar::from(text?, at);
            *diagnostic = settled(document, diagnostic.clone(), rest);
            if text.is_some() {
                diagnostic.part = Part::Whole;
            }
        }
    }

    /// Sorts what is kept by its position in the text.
    pub fn sort(&mut self) {
        self.kept.sort_by_key(|diagnostic| diagnostic.at);
    }

    /// Those that are kept, in the order in which they were found, and the count of the others.
    pub fn into_vec(mut self) -> Vec<Diagnostic> {
        if self.omitted > 0 {
            self.kept.push(Diagnostic::more(self.omitted));
        }
        self.kept
    }

    /// `value`, if nothing is wrong.
    ///
    /// # Errors
    /// Everything that is wrong; never empty.
    pub fn finish<T>(self, value: T) -> Result<T, Vec<Diagnostic>> {
        if self.is_empty() {
            Ok(value)
        } else {
            Err(self.into_vec())
        }
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, found: I) {
        found
            .into_iter()
            .for_each(|diagnostic| self.push(diagnostic));
    }
}

// === impl Cursor ===

impl<'a> Cursor<'a> {
    /// The document itself.
    pub const fn root(node: &'a Node) -> Self {
        Self::new(node, Place::root())
    }

    /// A node that is at `place` of its document.
    pub const fn new(node: &'a Node, place: Place) -> Self {
        Self { node, place }
    }

    /// The node's position in the text.
    pub const fn at(&self) -> Option<Location> {
        Some(self.node.at)
    }

    /// A diagnostic about this node.
    pub fn diagnostic(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(&self.place, self.at(), message)
    }

    /// The field `key`, when it is there and not null.
    pub fn field(&self, key: &str) -> Option<Self> {
        let node = self.node.present(key)?;
        Some(Self::new(node, self.place.key(key)))
    }

    /// The field below several keys, when it is there and not null.
    pub fn descend(&self, keys: &[&str]) -> Option<Self> {
        keys.iter()
            .try_fold(self.clone(), |cursor, key| cursor.field(key))
    }

    /// The field `key`, which must be there.
    pub fn required(&self, key: &str, example: &str, found: &mut Diagnostics) -> Option<Self> {
        let field = self.field(key);
        if field.is_none() && self.node.mapping().is_some() {
            let help = format!("for example {key}: {example}");
            found.refuse(self, format!("'{key}' is missing"), help);
        }
        field
    }

    /// Checks that this is a map with no other keys than `known`.
    pub fn fields(&self, known: &[&str], found: &mut Diagnostics) {
        let Some(entries) = self.node.mapping() else {
            return self.expected("a map", found);
        };
        for (key, _) in entries {
            if !known.contains(&key.name.as_str()) {
                found.push_with(|found| {
                    let place = self.place.key(&key.name);
                    let message = format!("unknown field '{}'", key.name);
                    let help = found.suggestion(&key.name, known.iter().copied());
                    Diagnostic::new(place, Some(key.at), message)
                        .maybe_help(help)
                        .about(Part::Key)
                });
            }
        }
    }

    /// The items of this list.
    pub fn items(&self, found: &mut Diagnostics) -> Vec<Self> {
        let Some(items) = self.node.sequence() else {
            self.expected("a list", found);
            return Vec::new();
        };
        let items = items.iter().enumerate();
        items
            .map(|(index, node)| Self::new(node, self.place.index(index)))
            .collect()
    }

    /// The items of the list in the field `key`; none when it is absent.
    pub fn items_at(&self, key: &str, found: &mut Diagnostics) -> Vec<Self> {
        self.field(key)
            .map(|list| list.items(found))
            .unwrap_or_default()
    }

    /// The entries of this map.
    pub fn entries(&self, found: &mut Diagnostics) -> Vec<(&'a str, Self)> {
        let Some(entries) = self.node.mapping() else {
            self.expected("a map", found);
            return Vec::new();
        };
        let entries = entries.iter();
        entries
            .map(|(key, node)| {
                (
                    key.name.as_str(),
                    Self::new(node, self.place.key(&key.name)),
                )
            })
            .collect()
    }

    /// The entries of the map in the field `key`; none when it is absent.
    pub fn entries_at(&self, key: &str, found: &mut Diagnostics) -> Vec<(&'a str, Self)> {
        self.field(key)
            .map(|map| map.entries(found))
            .unwrap_or_default()
    }

    /// The text of this string; numbers and booleans are refused, as Kubernetes does.
    pub fn text(&self, found: &mut Diagnostics) -> Option<&'a str> {
        let text = self.node.as_str();
        if text.is_none() {
            let message = format!("expected a string, found {}", self.node.describe());
            let plain = matches!(self.node.content, Content::Boolean(_) | Content::Number(_));
            let help = plain.then(|| {
                let value = self.node.to_json();
                format!("YAML reads this as {value}; put it in quotes")
            });
            found.add(self, message, help);
        }
        text
    }

    /// The text of the string in the field `key`, when it is there.
    pub fn text_at(&self, key: &str, found: &mut Diagnostics) -> Option<String> {
        self.field(key)?.text(found).map(str::to_owned)
    }

    /// The texts of the list in the field `key`; none when it is absent. Null items are passed over.
    pub fn texts_at(&self, key: &str, found: &mut Diagnostics) -> Vec<String> {
        let items = self.items_at(key, found).into_iter();
        items
            .filter(|item| item.node.content != Content::Null)
            .filter_map(|item| item.text(found).map(str::to_owned))
            .collect()
    }

    /// The text in the field `name`, which must be there.
    pub fn name(&self, found: &mut Diagnostics) -> Option<String> {
        if self.field("name").is_none() {
            found.add(self, "'name' is missing", None);
        }
        self.text_at("name", found)
    }

    /// This boolean.
    pub fn flag(&self, found: &mut Diagnostics) -> Option<bool> {
        match self.node.content {
            Content::Boolean(flag) => Some(flag),
            _ => {
                self.expected("true or false", found);
                None
            }
        }
    }

    /// The boolean in the field `key`; false when it is absent.
    pub fn flag_at(&self, key: &str, found: &mut Diagnostics) -> bool {
        let flag = self.field(key).and_then(|flag| flag.flag(found));
        flag.unwrap_or_default()
    }

    /// One of a few words.
    pub fn word<T: Copy>(&self, words: &[(&str, T)], found: &mut Diagnostics) -> Option<T> {
        let text = self.text(found)?;
        let known = words.iter().find(|(word, _)| *word == text);
        if known.is_none() {
            found.push_with(|_| {
                let listed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                let message = format!("'{text}' is not one of {}", listed.join(", "));
                let help = nearest(text, listed).map(|word| format!("did you mean '{word}'?"));
                self.diagnostic(message).maybe_help(help)
            });
        }
        known.map(|(_, value)| *value)
    }

    /// The word in the field `key`; the default when it is absent.
    pub fn word_at<T: Copy + Default>(
        &self,
        key: &str,
        words: &[(&str, T)],
        found: &mut Diagnostics,
    ) -> T {
        let word = self.field(key).and_then(|field| field.word(words, found));
        word.unwrap_or_default()
    }

    /// A value that is read from a text, such as a name or a path.
    pub fn parsed<T, E: Display>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, E>,
        found: &mut Diagnostics,
    ) -> Option<T> {
        let parsed = parse(self.text(found)?);
        parsed
            .map_err(|error| found.add(self, error.to_string(), None))
            .ok()
    }

    /// Reports that this node is not `what`.
    pub fn expected(&self, what: &str, found: &mut Diagnostics) {
        let message = format!("expected {what}, found {}", self.node.describe());
        found.add(self, message, None);
    }
}

//! Reads a document node by node and collects all errors, so that one pass reports them all.

use std::cell::Cell;
use std::fmt::Display;

use super::diagnostic::{Diagnostic, Part};
use super::location::Location;
use super::node::{Content, Node};
use super::place::Place;
use super::suggestion::{nearest, suggestion};
use super::{scalar, settled};

/// A node and its place.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    /// The current node.
    pub node: &'a Node,
    /// The node's place in the document.
    pub place: Place,
}

/// A bounded list of errors. It keeps the first [`Diagnostics::KEPT`] errors and counts the rest.
#[derive(Debug, Default)]
pub struct Diagnostics {
    kept: Vec<Diagnostic>,
    omitted: usize,
    suggestions: Cell<usize>,
}

// === impl Diagnostics ===

impl Diagnostics {
    /// The maximum number of errors that are kept. It is small, because users correct a few errors and then try again.
    pub const KEPT: usize = 20;
    /// The maximum number of errors for which a suggestion is computed. Computing a suggestion is expensive.
    const SUGGESTIONS: usize = 10;

    /// Adds an error about the node of `cursor`, with a remedy.
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

    /// Adds an error about the node of `cursor`, with a remedy if one is known.
    pub fn add(&mut self, cursor: &Cursor<'_>, message: impl Into<String>, help: Option<String>) {
        if self.is_full() {
            self.omitted += 1;
        } else {
            self.push(cursor.diagnostic(message).maybe_help(help));
        }
    }

    /// Adds a diagnostic.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        match diagnostic.omitted {
            0 if self.is_full() => self.omitted += 1,
            0 => self.kept.push(diagnostic),
            omitted => self.omitted += omitted,
        }
    }

    /// Builds and adds a diagnostic. If the list is full, only counts it.
    pub fn push_with(&mut self, diagnostic: impl FnOnce(&Self) -> Diagnostic) {
        if self.is_full() {
            self.omitted += 1;
        } else {
            self.push(diagnostic(self));
        }
    }

    /// Returns the remedy for the unknown name `wrong`: the candidate that was probably meant, or the list of candidates. Only
    /// the first few errors get such a remedy, because finding the best candidate is expensive.
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

    /// Returns true if further errors are counted but not kept.
    pub const fn is_full(&self) -> bool {
        self.kept.len() >= Self::KEPT
    }

    /// Returns the number of errors so far, including those that were only counted.
    pub const fn count(&self) -> usize {
        self.kept.len() + self.omitted
    }

    /// Returns true if no errors have been added.
    pub const fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.omitted == 0
    }

    /// Sets the position of each kept diagnostic from its place in `document`. The position of a part of a scalar can be found
    /// only if `text` is given.
    pub fn settle(&mut self, document: &Node, text: Option<&str>) {
        for diagnostic in &mut self.kept {
            let rest = |at| scalar::from(text?, at);
            *diagnostic = settled(document, diagnostic.clone(), rest);
            if text.is_some() {
                diagnostic.part = Part::Whole;
            }
        }
    }

    /// Sorts the kept diagnostics by position in the text.
    pub fn sort(&mut self) {
        self.kept.sort_by_key(|diagnostic| diagnostic.at);
    }

    /// Returns the kept diagnostics in the order in which they were found. If errors were omitted, adds a diagnostic that counts
    /// them.
    pub fn into_vec(mut self) -> Vec<Diagnostic> {
        if self.omitted > 0 {
            self.kept.push(Diagnostic::more(self.omitted));
        }
        self.kept
    }

    /// Returns `value` if there are no errors.
    ///
    /// # Errors
    /// Returns the errors as [`Self::into_vec`] does; the list is never empty.
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
    /// Creates a cursor at the root of a document.
    pub const fn root(node: &'a Node) -> Self {
        Self::new(node, Place::root())
    }

    /// Creates a cursor at `node`, whose place in the document is `place`.
    pub const fn new(node: &'a Node, place: Place) -> Self {
        Self { node, place }
    }

    /// Returns the node's position in the text.
    pub const fn at(&self) -> Option<Location> {
        Some(self.node.at)
    }

    /// Creates a diagnostic about this node.
    pub fn diagnostic(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(&self.place, self.at(), message)
    }

    /// Returns the field `key`, if it exists and is not null.
    pub fn field(&self, key: &str) -> Option<Self> {
        let node = self.node.present(key)?;
        Some(Self::new(node, self.place.key(key)))
    }

    /// Returns the field at a path of keys, if it exists and is not null.
    pub fn descend(&self, keys: &[&str]) -> Option<Self> {
        keys.iter()
            .try_fold(self.clone(), |cursor, key| cursor.field(key))
    }

    /// Returns the field `key`. If it is missing, reports an error whose remedy shows the value `example`.
    pub fn required(&self, key: &str, example: &str, found: &mut Diagnostics) -> Option<Self> {
        let field = self.field(key);
        if field.is_none() && self.node.mapping().is_some() {
            let help = format!("for example {key}: {example}");
            found.refuse(self, format!("'{key}' is missing"), help);
        }
        field
    }

    /// Reports any key of this map that is not in `known`.
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
                    let help = help.unwrap_or_else(|| "remove it".to_owned());
                    let diagnostic = Diagnostic::new(place, Some(key.at), message);
                    diagnostic.help(help).about(Part::Key)
                });
            }
        }
    }

    /// Returns the items of this list; reports an error if the node is not a list.
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

    /// Returns the items of the list in the field `key`. If the field is absent, the result is empty.
    pub fn items_at(&self, key: &str, found: &mut Diagnostics) -> Vec<Self> {
        self.field(key)
            .map(|list| list.items(found))
            .unwrap_or_default()
    }

    /// Returns the items of the list in the field `key`. If the field is not a list, the result is empty; another check reports
    /// the error.
    pub fn list_of(&self, key: &str) -> Vec<Self> {
        self.items_at(key, &mut Diagnostics::default())
    }

    /// Returns the entries of this map; reports an error if the node is not a map.
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

    /// Returns the entries of the map in the field `key`. If the field is absent, the result is empty.
    pub fn entries_at(&self, key: &str, found: &mut Diagnostics) -> Vec<(&'a str, Self)> {
        self.field(key)
            .map(|map| map.entries(found))
            .unwrap_or_default()
    }

    /// Returns the text of this string. Like Kubernetes, reports an error for any other type, such as a number.
    pub fn text(&self, found: &mut Diagnostics) -> Option<&'a str> {
        self.text_or(found, |value| {
            format!("put it in quotes, because YAML reads it as {value}")
        })
    }

    /// Returns the text of this string. `help` returns the remedy for a number or boolean, given its text.
    pub fn text_or(
        &self,
        found: &mut Diagnostics,
        help: impl FnOnce(&str) -> String,
    ) -> Option<&'a str> {
        let text = self.node.as_str();
        if text.is_none() {
            let message = format!("expected a string, found {}", self.node.describe());
            let plain = matches!(self.node.content, Content::Boolean(_) | Content::Number(_));
            let help = plain.then(|| help(&self.node.to_json().to_string()));
            found.add(self, message, help);
        }
        text
    }

    /// Returns the text of the string in the field `key`, if it exists.
    pub fn text_at(&self, key: &str, found: &mut Diagnostics) -> Option<String> {
        self.field(key)?.text(found).map(str::to_owned)
    }

    /// Returns the strings from the list in the field `key`. If the field is absent, the result is empty. Null items are skipped.
    pub fn texts_at(&self, key: &str, found: &mut Diagnostics) -> Vec<String> {
        let items = self.items_at(key, found).into_iter();
        items
            .filter(|item| item.node.content != Content::Null)
            .filter_map(|item| item.text(found).map(str::to_owned))
            .collect()
    }

    /// Returns the string in the field `name`. If the field is missing, reports an error.
    pub fn name(&self, found: &mut Diagnostics) -> Option<String> {
        if self.field("name").is_none() {
            found.add(self, "'name' is missing", None);
        }
        self.text_at("name", found)
    }

    /// Returns the value of this boolean; reports an error for any other type.
    pub fn flag(&self, found: &mut Diagnostics) -> Option<bool> {
        match self.node.content {
            Content::Boolean(flag) => Some(flag),
            _ => {
                self.expected("true or false", found);
                None
            }
        }
    }

    /// Returns the boolean in the field `key`, or false if the field is absent.
    pub fn flag_at(&self, key: &str, found: &mut Diagnostics) -> bool {
        let flag = self.field(key).and_then(|flag| flag.flag(found));
        flag.unwrap_or_default()
    }

    /// Returns the value that `words` assigns to this string; reports an error if the string is not in `words`.
    pub fn word<T: Copy>(&self, words: &[(&str, T)], found: &mut Diagnostics) -> Option<T> {
        let listed = || {
            let listed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            listed.join(", ")
        };
        let text = self.text_or(found, |_| format!("write one of {}", listed()))?;
        let known = words.iter().find(|(word, _)| *word == text);
        if known.is_none() {
            found.push_with(|_| {
                let message = format!("'{text}' is not one of {}", listed());
                let words = words.iter().map(|(word, _)| *word);
                let help = nearest(text, words).map(|word| format!("did you mean '{word}'?"));
                self.diagnostic(message).maybe_help(help)
            });
        }
        known.map(|(_, value)| *value)
    }

    /// Returns the value that `words` assigns to the string in the field `key`, or the default if the field is absent.
    pub fn word_at<T: Copy + Default>(
        &self,
        key: &str,
        words: &[(&str, T)],
        found: &mut Diagnostics,
    ) -> T {
        let word = self.field(key).and_then(|field| field.word(words, found));
        word.unwrap_or_default()
    }

    /// Parses this string, such as a name or a path.
    pub fn parsed<T, E: Display>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, E>,
        found: &mut Diagnostics,
    ) -> Option<T> {
        let Some(text) = self.node.as_str() else {
            // The remedy suggests quotes only if the quoted value is valid.
            self.text_or(found, |value| match parse(value) {
                Ok(_) => format!("put it in quotes, because YAML reads it as {value}"),
                Err(error) => error.to_string(),
            });
            return None;
        };
        parse(text)
            .map_err(|error| found.add(self, error.to_string(), None))
            .ok()
    }

    /// Reports that this node has the wrong type. `what` describes the expected type, such as `a list`.
    pub fn expected(&self, what: &str, found: &mut Diagnostics) {
        let message = format!("expected {what}, found {}", self.node.describe());
        let help = match (what, &self.node.content) {
            ("a list", Content::Mapping(_)) => Some("begin each item with '- '"),
            ("a list", Content::String(_) | Content::Number(_) | Content::Boolean(_)) => {
                Some("begin each item with '- ', even a single one")
            }
            ("a map", Content::Sequence(_)) => Some("write entries KEY: VALUE, without '- '"),
            ("a map", Content::String(text)) if text.contains('\n') => {
                Some("remove the | after the key, because the value must be YAML, not text")
            }
            ("a map", Content::String(_) | Content::Number(_) | Content::Boolean(_)) => {
                Some("write entries KEY: VALUE")
            }
            _ => None,
        };
        found.add(self, message, help.map(str::to_owned));
    }
}

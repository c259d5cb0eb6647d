//! A JSON tree with variables at its string leaves.

use std::borrow::Cow;

use indexmap::{IndexMap, IndexSet};
use serde_json::{Map, Value};

use super::leaves::Trace;
use super::reference::Reference;
use super::text::{Part, Position, Text, interpolate};
use crate::document::Content;
use crate::document::Location;
use crate::document::diagnostic::{self, Diagnostic};
use crate::document::{Cursor, Diagnostics, Place};

/// A tree. Subtrees without variables are stored as plain JSON, so that substitution searches only the parts with variables.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    /// A subtree without variables.
    Fixed(Value),
    /// A string leaf with variables.
    Text(Text),
    /// A variable that is the whole value of a string field. Its value is converted to text; a list or map is an error.
    String(Reference),
    /// A list with variables.
    List(Vec<Self>),
    /// A map with variables in its values. Keys are always literal.
    Map(IndexMap<String, Self>),
}

/// A field of a tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Field<'a> {
    /// A field without variables.
    Fixed(&'a Value),
    /// A field with variables.
    Variable(&'a Tree),
}

/// A variable and its place in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The variable.
    pub reference: Reference,
    /// The place of the leaf that contains the variable, such as `resources[0].spec.params[1].value`.
    pub place: Place,
    /// The leaf's position in the document.
    pub at: Option<Location>,
    /// The byte offset of the variable in the leaf's text.
    pub offset: usize,
    /// The position of the variable in the leaf.
    pub position: Position,
}

impl Use {
    /// Creates a diagnostic about the variable.
    pub fn diagnostic(&self, message: impl Into<String>) -> Diagnostic {
        let diagnostic = Diagnostic::new(&self.place, self.at, message);
        diagnostic.about(diagnostic::Part::Offset(self.offset))
    }
}

/// A source of values for substitution.
pub trait Variables {
    /// Returns the value of `reference`, with its path applied.
    fn lookup(&self, reference: &Reference) -> Lookup<'_>;
}

/// The result of a lookup.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup<'a> {
    /// The value.
    Value(Cow<'a, Value>),
    /// The value is not known yet.
    Pending,
    /// The value is known, but the variable's path does not exist in it. The message names the missing part.
    Absent(String),
}

/// Variables that could not be replaced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unresolved {
    /// The variables, without their paths, whose values are not known yet. Each occurs once, in order of first use.
    pub pending: IndexSet<Reference>,
    /// Messages about variables whose paths do not exist.
    pub absent: Vec<String>,
    /// Collects the leaves with variables, if requested.
    pub(super) trace: Option<Trace>,
}

/// An error in a substitution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubstitutionError {
    /// The values of some variables are not known yet.
    #[error("unresolved variables: {}", list(.0))]
    Pending(Vec<Reference>),
    /// The paths of some variables do not exist in their values.
    #[error("{}", .0.join("; "))]
    Absent(Vec<String>),
}

impl Unresolved {
    /// Returns an error if a variable was not replaced.
    ///
    /// # Errors
    /// Returns all variables whose paths do not exist or, if there are none, all variables whose values are still unknown.
    pub fn into_result(self) -> Result<(), SubstitutionError> {
        if !self.absent.is_empty() {
            Err(SubstitutionError::Absent(self.absent))
        } else if !self.pending.is_empty() {
            Err(SubstitutionError::Pending(
                self.pending.into_iter().collect(),
            ))
        } else {
            Ok(())
        }
    }
}

fn list(references: &[Reference]) -> String {
    references
        .iter()
        .map(|reference| format!("$({reference})"))
        .collect::<Vec<_>>()
        .join(", ")
}

impl Tree {
    /// Reads a tree from a document, and adds its variables to `uses`.
    pub fn read(cursor: &Cursor<'_>, uses: &mut Vec<Use>, found: &mut Diagnostics) -> Self {
        let Cursor { node, place } = cursor;
        match &node.content {
            Content::String(text) => {
                let mut offsets = Vec::new();
                let text = Text::read(
                    text,
                    |offset| offsets.push(offset),
                    |offset, error| {
                        found.push_with(|_| {
                            let wrong = cursor.diagnostic(error.to_string());
                            wrong.about(diagnostic::Part::Offset(offset))
                        });
                    },
                );
                let used = text.uses().zip(offsets);
                uses.extend(used.map(|((reference, position), offset)| Use {
                    reference: reference.clone(),
                    place: place.clone(),
                    at: Some(node.at),
                    offset,
                    position,
                }));
                match text.as_literal() {
                    Some(literal) => Self::Fixed(literal.into()),
                    None => Self::Text(text),
                }
            }
            Content::Sequence(_) => {
                let items = cursor.items(found).into_iter();
                Self::list(items.map(|item| Self::read(&item, uses, found)).collect())
            }
            Content::Mapping(entries) => {
                for (key, _) in entries {
                    if key.name.contains("$(") && !key.name.contains("$$(") {
                        let message = format!(
                            "the key '{}' contains a variable, but variables are replaced only in values",
                            key.name
                        );
                        found.push(
                            Diagnostic::new(place.key(&key.name), Some(key.at), message)
                                .help("use a key without variables")
                                .about(diagnostic::Part::Key),
                        );
                    }
                }
                let fields = cursor.entries(found).into_iter();
                let read = |(key, field): (&str, Cursor<'_>)| {
                    (key.to_owned(), Self::read(&field, uses, found))
                };
                Self::map(fields.map(read).collect())
            }
            _ => Self::Fixed(node.to_json()),
        }
    }

    /// Marks each variable that is the whole value of a string field, so that its value is rendered as text. `place` is the place
    /// of this tree, and `is_text` returns true for the place of a string field.
    pub fn take_texts(&mut self, place: &Place, is_text: &dyn Fn(&Place) -> bool) {
        match self {
            Self::Fixed(_) | Self::String(_) => {}
            Self::Text(text) => {
                if let (Some(variable), true) = (text.as_variable(), is_text(place)) {
                    *self = Self::String(variable.clone());
                }
            }
            Self::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    item.take_texts(&place.index(index), is_text);
                }
            }
            Self::Map(entries) => {
                for (key, entry) in entries {
                    entry.take_texts(&place.key(key.as_str()), is_text);
                }
            }
        }
    }

    /// Creates a list of trees, or plain JSON if no item contains a variable.
    pub fn list(items: Vec<Self>) -> Self {
        if items.iter().all(|item| matches!(item, Self::Fixed(_))) {
            Self::Fixed(items.into_iter().filter_map(Self::into_fixed).collect())
        } else {
            Self::List(items)
        }
    }

    /// Creates a map of trees, or plain JSON if no value contains a variable.
    pub fn map(entries: IndexMap<String, Self>) -> Self {
        if entries
            .values()
            .all(|entry| matches!(entry, Self::Fixed(_)))
        {
            let fixed = entries
                .into_iter()
                .filter_map(|(key, entry)| Some((key, entry.into_fixed()?)));
            Self::Fixed(Value::Object(fixed.collect()))
        } else {
            Self::Map(entries)
        }
    }

    fn into_fixed(self) -> Option<Value> {
        match self {
            Self::Fixed(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the field at `path`, one key for each level, or `None` if the field does not exist.
    pub fn field(&self, path: &[&str]) -> Option<Field<'_>> {
        match (self, path) {
            (Self::Fixed(value), path) => {
                let mut path = path.iter();
                let field = path.try_fold(value, |value, key| value.get(key));
                field.map(Field::Fixed)
            }
            (Self::Map(fields), [key, rest @ ..]) => fields.get(*key)?.field(rest),
            (tree, []) => Some(Field::Variable(tree)),
            _ => None,
        }
    }

    /// If this is a string leaf without variables, returns the text.
    pub fn as_literal(&self) -> Option<&str> {
        match self {
            Self::Fixed(value) => value.as_str(),
            _ => None,
        }
    }

    /// Returns the variables in this tree, in order.
    pub fn references(&self) -> Vec<&Reference> {
        match self {
            Self::Fixed(_) => Vec::new(),
            Self::Text(text) => text.references().collect(),
            Self::String(reference) => vec![reference],
            Self::List(items) => items.iter().flat_map(Self::references).collect(),
            Self::Map(entries) => entries.values().flat_map(Self::references).collect(),
        }
    }

    /// Replaces every variable with its value. Variables inside a value are not replaced.
    ///
    /// # Errors
    /// Returns all variables whose paths do not exist or, if there are none, all variables whose values are still unknown.
    pub fn substitute(&self, variables: &dyn Variables) -> Result<Value, SubstitutionError> {
        let mut unresolved = Unresolved::default();
        let value = self.substitute_partly(variables, &mut unresolved);
        unresolved.into_result().map(|()| value)
    }

    /// Replaces the known variables. Leaves the others as written, and adds them to `unresolved`.
    pub fn substitute_partly(
        &self,
        variables: &dyn Variables,
        unresolved: &mut Unresolved,
    ) -> Value {
        match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(text) => {
                unresolved.leaf(|unresolved| substitute_text(text, variables, unresolved))
            }
            Self::String(reference) => {
                unresolved.leaf(|unresolved| substitute_string(reference, variables, unresolved))
            }
            Self::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    let index = list.len();
                    let value = unresolved.at(
                        |list| list.index(index),
                        |unresolved| item.substitute_partly(variables, unresolved),
                    );
                    match (item.as_spread(), value) {
                        (true, Value::Array(spread)) => {
                            unresolved.spread(index, spread.len());
                            list.extend(spread);
                        }
                        (_, value) => list.push(value),
                    }
                }
                Value::Array(list)
            }
            Self::Map(entries) => {
                let entries = entries.iter().map(|(key, tree)| {
                    let value = unresolved.at(
                        |map| map.key(key),
                        |unresolved| tree.substitute_partly(variables, unresolved),
                    );
                    (key.clone(), value)
                });
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    /// Returns true if this leaf is a single `$(...[*])`.
    fn as_spread(&self) -> bool {
        matches!(self, Self::Text(text) if text.as_variable().is_some_and(Reference::is_spread))
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self::Fixed(Value::Null)
    }
}

/// Returns the value of a variable. If the variable has no value, adds the variable to `unresolved` instead.
fn lookup<'a>(
    reference: &Reference,
    variables: &'a dyn Variables,
    unresolved: &mut Unresolved,
) -> Option<Cow<'a, Value>> {
    match variables.lookup(reference) {
        Lookup::Value(value) => Some(value),
        Lookup::Pending => {
            unresolved.pending.insert(reference.root());
            unresolved.miss();
            None
        }
        Lookup::Absent(sentence) => {
            unresolved.absent.push(sentence);
            unresolved.miss();
            None
        }
    }
}

/// Returns the variable's value as text for a string field. A null value stays null, which counts as an absent field.
fn substitute_string(
    reference: &Reference,
    variables: &dyn Variables,
    unresolved: &mut Unresolved,
) -> Value {
    let value = lookup(reference, variables, unresolved);
    match value.as_deref() {
        Some(Value::String(_) | Value::Null) => {}
        Some(scalar @ (Value::Bool(_) | Value::Number(_))) => return scalar.to_string().into(),
        Some(parts @ (Value::Array(_) | Value::Object(_))) => {
            unresolved.miss();
            let kind = if parts.is_array() { "array" } else { "object" };
            unresolved.absent.push(format!(
                "`$({reference})` is of type {kind}, but a string is required; write $(string({reference})) for its JSON"
            ));
        }
        None => return format!("$({reference})").into(),
    }
    value.map_or(Value::Null, Cow::into_owned)
}

fn substitute_text(text: &Text, variables: &dyn Variables, unresolved: &mut Unresolved) -> Value {
    let mut lookup = |reference: &Reference| lookup(reference, variables, unresolved);
    if let Some(reference) = text.as_variable() {
        return lookup(reference)
            .map_or_else(|| Value::String(format!("$({reference})")), Cow::into_owned);
    }
    let mut whole = String::new();
    for part in text.parts() {
        match part {
            Part::Literal(literal) => whole.push_str(literal),
            Part::Variable(reference) => match lookup(reference) {
                Some(value) => interpolate(&mut whole, &value),
                None => whole.push_str(&format!("$({reference})")),
            },
            Part::String(reference) => match lookup(reference) {
                Some(value) => interpolate(&mut whole, &value),
                None => whole.push_str(&format!("$(string({reference}))")),
            },
        }
    }
    Value::String(whole)
}

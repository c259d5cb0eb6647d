//! The size of rendered objects, computed before any memory is allocated for them.
//!
//! A rendered text is at most as long as its literals and the values of its variables together, so the sum of these lengths is an
//! upper bound for the size of the object. No value is copied.

use std::collections::HashMap;
use std::fmt;

use gleaner_proto::name::ResourceName;
use serde_json::Value;

use crate::declaration::{Declaration, Naming, Template};
use crate::run::Run;
use crate::variable::{self, Lookup, Reference, Text, Tree, Variables};

use super::secrecy::Secrecy;
use super::size::Size;
use super::values::{Environment, Values};

/// The size of the largest object that the API server reads, in bytes of JSON (`MaxRequestBodyBytes`,
/// k8s.io/apiserver/pkg/server/config.go). etcd's own limit is lower and configurable, and cannot be queried.
pub const OBJECT_MAX: u64 = 3 << 20;

/// The limits on objects that are rendered together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The limit for the JSON of one object, in bytes.
    pub object: u64,
    /// The limit for all objects together.
    pub total: Size,
}

impl Default for Bounds {
    /// Returns bounds without any limit other than the API server's limit for one object.
    fn default() -> Self {
        Self {
            object: OBJECT_MAX,
            total: Size {
                json: u64::MAX,
                memory: u64::MAX,
            },
        }
    }
}

/// An error for objects that exceed the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooLarge {
    /// The name of the object's template, or `None` if all objects together are too large.
    pub resource: Option<ResourceName>,
    /// The size of the object, or of all objects together, in bytes.
    pub size: u64,
    /// The exceeded limit, in bytes.
    pub bound: u64,
    /// The variables that contribute most, each with the total size of its uses in bytes, largest first.
    pub largest: Vec<(String, u64)>,
}

/// The assumed maximum size of the name, labels, annotations and owner reference that every object gets.
const MARKS: Size = Size {
    json: 1 << 10,
    memory: 4 << 10,
};
/// The assumed maximum size of a name, a namespace or a kind.
const SHORT: Size = Size {
    json: 256,
    memory: 256,
};
/// The maximum number of variables that an error lists.
const NAMED: usize = 3;

/// Measures the objects of `declaration`. If `only` is set, measures only the object of that template and the objects it refers
/// to.
///
/// # Errors
/// Returns [`TooLarge`] if an object, or the sum of the objects so far, exceeds its limit.
pub fn measure(
    declaration: &Declaration,
    values: &Values,
    run: &Run,
    secrecy: Secrecy,
    bounds: &Bounds,
    only: Option<&str>,
) -> Result<Size, TooLarge> {
    let no_others = HashMap::new();
    let templates = declaration.templates.iter();
    let mut measuring = Measuring {
        variables: values.for_template(declaration, run, &no_others, secrecy),
        templates: templates.map(|one| (one.name.as_str(), one)).collect(),
        known: HashMap::new(),
    };
    let mut total = Size::default();
    let mut contributions = Contributions::default();
    for template in super::in_dependency_order(declaration, only) {
        let mut own = Contributions::default();
        let name = measuring.name(template, &mut own);
        let size = MARKS + name + measuring.tree(&template.tree, &mut own);
        if size.json > bounds.object {
            return Err(TooLarge {
                resource: Some(template.name.clone()),
                size: size.json,
                bound: bounds.object,
                largest: own.largest(),
            });
        }
        total = total + size;
        contributions.extend(own);
        let over = [
            (total.json, bounds.total.json),
            (total.memory, bounds.total.memory),
        ];
        if let Some((size, bound)) = over.into_iter().find(|(size, bound)| size > bound) {
            return Err(TooLarge {
                resource: None,
                size,
                bound,
                largest: contributions.largest(),
            });
        }
    }
    Ok(total)
}

/// The state of a measurement. Each variable is measured only once, no matter how often it is used.
struct Measuring<'a> {
    variables: Environment<'a>,
    templates: HashMap<&'a str, &'a Template>,
    /// For each variable, the size of its value as a whole JSON value, and the size of the value inserted into text.
    known: HashMap<&'a Reference, (Size, Size)>,
}

/// A part of a template.
enum Part<'a> {
    Tree(&'a Tree),
    Fixed(&'a Value),
}

/// The number of bytes that each variable contributes.
#[derive(Default)]
struct Contributions<'a>(HashMap<&'a Reference, u64>);

impl<'a> Measuring<'a> {
    fn tree(&mut self, tree: &'a Tree, own: &mut Contributions<'a>) -> Size {
        match tree {
            Tree::Fixed(value) => Size::of(value),
            Tree::Text(text) => self.text(text, own),
            Tree::String(reference) => {
                let (_, within) = self.reference(reference);
                let size = within + Size::container();
                own.add(reference, size);
                size
            }
            Tree::List(items) => {
                let items = items.iter().map(|item| self.tree(item, own) + Size::item());
                items.sum::<Size>() + Size::container()
            }
            Tree::Map(entries) => {
                let entries = entries.iter();
                let sizes = entries.map(|(key, tree)| self.tree(tree, own) + Size::entry(key));
                sizes.sum::<Size>() + Size::container()
            }
        }
    }

    fn text(&mut self, text: &'a Text, own: &mut Contributions<'a>) -> Size {
        if let Some(reference) = text.as_variable() {
            let (alone, _) = self.reference(reference);
            own.add(reference, alone);
            return alone;
        }
        let part = |part: &'a variable::Part| match part {
            variable::Part::Literal(literal) => Size::of_text(literal),
            variable::Part::Variable(reference) | variable::Part::String(reference) => {
                let (_, within) = self.reference(reference);
                own.add(reference, within);
                within
            }
        };
        text.parts().iter().map(part).sum::<Size>() + Size::container()
    }

    fn reference(&mut self, reference: &'a Reference) -> (Size, Size) {
        if let Some(known) = self.known.get(reference) {
            return *known;
        }
        let size = match reference {
            Reference::Resource { name, field } => {
                let size = self.field(name, field);
                (size, size)
            }
            _ => match self.variables.lookup(reference) {
                Lookup::Value(value) => (Size::of(&value), Size::within_text(&value)),
                // A variable without a value stays in the object as written.
                Lookup::Pending | Lookup::Absent(_) => {
                    let text = Size::of_text(&format!("$({reference})"));
                    (text + Size::container(), text)
                }
            },
        };
        self.known.insert(reference, size);
        size
    }

    /// Measures a field of another template. The recursion ends here: `in_dependency_order` puts dependencies first, so the
    /// variables of that template are already measured.
    fn field(&mut self, name: &str, field: &str) -> Size {
        let Some(template) = self.templates.get(name).copied() else {
            return Size::default();
        };
        let nobody = &mut Contributions::default();
        let part = match (field, &template.naming) {
            ("name", Naming::Static(tree) | Naming::Prefix(tree)) => Some(Part::Tree(tree)),
            ("namespace", _) => Part::Tree(&template.tree).at(&["metadata", "namespace"]),
            _ => Part::Tree(&template.tree).param(field),
        };
        match part {
            Some(Part::Tree(tree)) => self.tree(tree, nobody),
            Some(Part::Fixed(value)) => Size::of(value),
            // The field is a derived name, the run's namespace, or a kind.
            None => SHORT,
        }
    }

    fn name(&mut self, template: &'a Template, own: &mut Contributions<'a>) -> Size {
        match &template.naming {
            Naming::Static(tree) | Naming::Prefix(tree) => self.tree(tree, own),
            Naming::Derived => SHORT,
        }
    }
}

impl<'a> Part<'a> {
    fn at(self, path: &[&str]) -> Option<Self> {
        path.iter().try_fold(self, |part, key| match part {
            Self::Tree(Tree::Map(entries)) => entries.get(*key).map(Self::Tree),
            Self::Tree(Tree::Fixed(value)) | Self::Fixed(value) => value.get(key).map(Self::Fixed),
            Self::Tree(_) => None,
        })
    }

    /// Returns the value of the PipelineResource's param `name`.
    fn param(self, name: &str) -> Option<Self> {
        let is_it = |param: &Self| match param {
            Self::Tree(Tree::Map(entries)) => {
                entries.get("name").and_then(Tree::as_literal) == Some(name)
            }
            Self::Tree(Tree::Fixed(value)) => value["name"] == name,
            Self::Fixed(value) => value["name"] == name,
            Self::Tree(_) => false,
        };
        match self.at(&["spec", "params"])? {
            Self::Tree(Tree::List(items)) => items.iter().map(Self::Tree).find(is_it),
            Self::Tree(Tree::Fixed(value)) | Self::Fixed(value) => {
                value.as_array()?.iter().map(Self::Fixed).find(is_it)
            }
            Self::Tree(_) => None,
        }?
        .at(&["value"])
    }
}

impl<'a> Contributions<'a> {
    fn add(&mut self, reference: &'a Reference, size: Size) {
        let bytes = self.0.entry(reference).or_default();
        *bytes = bytes.saturating_add(size.json);
    }

    fn extend(&mut self, other: Self) {
        for (reference, bytes) in other.0 {
            let known = self.0.entry(reference).or_default();
            *known = known.saturating_add(bytes);
        }
    }

    fn largest(self) -> Vec<(String, u64)> {
        let mut all: Vec<_> = self.0.into_iter().collect();
        all.sort_unstable_by(|(a, more), (b, less)| less.cmp(more).then_with(|| a.cmp(b)));
        all.truncate(NAMED);
        let named = |(reference, bytes): (&Reference, u64)| (format!("$({reference})"), bytes);
        all.into_iter().map(named).collect()
    }
}

// === impl TooLarge ===

impl TooLarge {
    /// Returns the remedy.
    pub const fn remedy(&self) -> &'static str {
        match &self.resource {
            Some(_) => "make the outputs smaller, or output a reference to the data",
            None => {
                "make the outputs or the templates smaller, or raise the sidecar's memory limit"
            }
        }
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.size;
        match &self.resource {
            Some(resource) => write!(
                out,
                "the object of '{resource}' would be {size} bytes, but the API server accepts at most {}",
                self.bound
            )?,
            None => write!(
                out,
                "all objects together would be {size} bytes, but at most {} fit into the sidecar's memory",
                self.bound
            )?,
        }
        for (index, (variable, bytes)) in self.largest.iter().enumerate() {
            let before = if index == 0 {
                "; largest values: "
            } else {
                ", "
            };
            write!(out, "{before}{variable} ({bytes} bytes)")?;
        }
        Ok(())
    }
}

impl std::error::Error for TooLarge {}

#[cfg(test)]
mod tests;

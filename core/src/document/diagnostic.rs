//! Diagnostics: errors and warnings about a document, with their places and remedies.

use std::fmt;

use super::location::Location;
use super::place::Place;

/// An error or warning about a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The place in the document, such as `resources[0].spec.params[1].value`, or the root for the whole document.
    pub place: Place,
    /// The position in the text, if it is known.
    pub at: Option<Location>,
    /// The message, in lower case and without a full stop.
    pub message: String,
    /// The remedy.
    pub help: Option<String>,
    /// The number of errors that this diagnostic counts but does not list; 0 for an ordinary diagnostic.
    pub omitted: usize,
    /// The part of the node that the diagnostic is about.
    pub part: Part,
    /// The place of the annotation, if `place` and `at` are relative to the annotation's text.
    pub annotation: Option<Place>,
}

/// The part of a node that a diagnostic is about. If the text is known, the part determines the diagnostic's position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Part {
    /// The whole node.
    #[default]
    Whole,
    /// The key of the node.
    Key,
    /// The part of the scalar's text that begins at this byte offset.
    Offset(usize),
}

/// The maximum length of a message and of a remedy, in bytes. Both may quote long parts of the document.
const TEXT_MAX: usize = 1000;

impl Diagnostic {
    /// Creates a diagnostic without a remedy.
    pub fn new(place: impl Into<Place>, at: Option<Location>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            at,
            message: shortened(message.into()),
            help: None,
            omitted: 0,
            part: Part::Whole,
            annotation: None,
        }
    }

    /// Adds the remedy that `help` returns, if any, unless the diagnostic already has a remedy.
    #[must_use]
    pub fn maybe_help_with(self, help: impl FnOnce() -> Option<String>) -> Self {
        match self.help {
            Some(_) => self,
            None => self.maybe_help(help()),
        }
    }

    /// Sets the part of the node that the diagnostic is about.
    #[must_use]
    pub const fn about(mut self, part: Part) -> Self {
        self.part = part;
        self
    }

    /// Marks the place and position as relative to the text of the annotation at `annotation`.
    #[must_use]
    pub fn in_annotation(mut self, annotation: &Place) -> Self {
        self.annotation = Some(annotation.clone());
        self
    }

    /// Creates the diagnostic that ends a bounded list and counts the errors that the list omits.
    pub(super) fn more(omitted: usize) -> Self {
        let errors = if omitted == 1 { "error" } else { "errors" };
        Self {
            omitted,
            ..Self::new(Place::root(), None, format!("and {omitted} more {errors}"))
        }
    }

    /// Sets the remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(shortened(help.into()));
        self
    }

    /// Sets the remedy, or removes it if `help` is `None`.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.map(shortened);
        self
    }
}

/// Truncates text to [`TEXT_MAX`].
fn shortened(mut text: String) -> String {
    if text.len() > TEXT_MAX {
        let end = (0..=TEXT_MAX).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
    text
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_root() {
            write!(out, "{}: ", self.place)?;
        }
        out.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(out, "; {help}")?;
        }
        Ok(())
    }
}

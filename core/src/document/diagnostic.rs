//! What is wrong with a document: where, what, and what would be right.

use std::fmt;

use super::location::Location;
use super::place::Place;

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The place in the document, such as `resources[0].spec.params[1].value`; the root for the whole document.
    pub place: Place,
    /// The position in the text, where there is a text.
    pub at: Option<Location>,
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic without help.
    pub fn new(place: impl Into<Place>, at: Option<Location>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            at,
            message: message.into(),
            help: None,
        }
    }

    /// Adds what would be right.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what would be right, if that is known.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// Moves the position into a document that holds this one's text from `origin` on, each line indented alike:
    /// what a YAML block scalar does to the text within.
    #[must_use]
    pub fn offset_by(mut self, origin: Location) -> Self {
        self.at = self.at.map_or(Some(origin), |at| {
            Some(Location {
                line: origin.line + at.line - 1,
                column: origin.column + at.column - 1,
            })
        });
        self
    }
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

/// The candidate that `wrong` was probably meant to be, as a question for [`Diagnostic::help`]; or else the list
/// of what there is.
pub fn suggestion<'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    /// More names than this are no help.
    const LISTED: usize = 12;
    let candidates: Vec<&str> = candidates.into_iter().collect();
    match nearest(wrong, candidates.iter().copied()) {
        Some(candidate) => Some(format!("did you mean '{candidate}'?")),
        None if candidates.is_empty() || candidates.len() > LISTED => None,
        None => Some(format!("known here: {}", candidates.join(", "))),
    }
}

/// The candidate that `wrong` was probably meant to be.
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    let distance = |text: &str| strsim::damerau_levenshtein(&lower, &text.to_lowercase());
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= (wrong.len() / 3).max(1) && *distance < wrong.len())
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_named_and_a_far_one_gets_the_list() {
        let known = ["digest", "version"];
        assert_eq!(
            suggestion("digset", known).as_deref(),
            Some("did you mean 'digest'?")
        );
        assert_eq!(
            suggestion("Digest", known).as_deref(),
            Some("did you mean 'digest'?")
        );
        assert_eq!(
            suggestion("url", known).as_deref(),
            Some("known here: digest, version")
        );
        assert_eq!(suggestion("url", []), None);
    }
}

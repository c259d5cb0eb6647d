//! Finds the position of part of a scalar in the source text.
//!
//! The YAML parser returns a scalar's value and the position of its start. The value differs from the source text in line
//! folding, indentation and escapes, so this module walks through both in parallel.

use std::iter::Peekable;
use std::str::Chars;

use super::location::Location;

/// Finds the byte at `offset` in `value`, and returns its position in the text. `value` is the value of the scalar that starts at
/// `at`, and `rest` is the text from `at` to the end. Returns `None` if the text does not contain the value, for example if `at`
/// is the position of an alias.
pub(super) fn position(rest: &str, at: Location, value: &str, offset: usize) -> Option<Location> {
    let walk = |style| walk(rest, at, value, offset, style);
    let first = value.trim_start().chars().next();
    match rest.chars().next()? {
        // If the value begins with the same quote as the text, it may be the content of a block scalar, so try that first.
        quote @ ('"' | '\'') if first == Some(quote) => {
            walk(Style::Verbatim).or_else(|| walk(Style::of(quote)))
        }
        quote => walk(Style::of(quote)),
    }
}

/// Returns the byte offset of a position in `text`.
pub(super) fn offset(text: &str, at: Location) -> usize {
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines
        .by_ref()
        .take(at.line.saturating_sub(1))
        .map(str::len)
        .sum();
    let line = lines.next().unwrap_or_default();
    let within = line.char_indices().nth(at.column.saturating_sub(1));
    before + within.map_or(line.len(), |(start, _)| start)
}

/// Returns `text` from a position to the end.
pub(super) fn from(text: &str, at: Location) -> Option<&str> {
    text.get(offset(text, at)..)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// A plain or block scalar, which has no escapes.
    Verbatim,
    Single,
    Double,
}

impl Style {
    const fn of(first: char) -> Self {
        match first {
            '"' => Self::Double,
            '\'' => Self::Single,
            _ => Self::Verbatim,
        }
    }
}

fn walk(rest: &str, at: Location, value: &str, offset: usize, style: Style) -> Option<Location> {
    let chars = rest.chars().peekable();
    let mut raw = Raw { chars, at };
    if style != Style::Verbatim {
        raw.next()?;
    }
    for (index, wanted) in value.char_indices() {
        if is_blank(wanted) && !(style == Style::Double && raw.skips_escaped(wanted)) {
            // Blanks are skipped in the value and in the text, because line ends and indentation differ between the two.
            if index >= offset {
                return Some(raw.at);
            }
            continue;
        }
        if is_blank(wanted) {
            continue;
        }
        raw.skip_blanks(style);
        if index >= offset {
            return Some(raw.at);
        }
        let found = match (style, raw.chars.peek()?) {
            (Style::Double, '\\') => raw.escape()?,
            (Style::Single, '\'') => raw.next().and_then(|_| raw.next())?,
            _ => raw.next()?,
        };
        if found != wanted {
            return None;
        }
    }
    None
}

const fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n')
}

/// The text of a scalar, and the current position in the text.
#[derive(Clone)]
struct Raw<'a> {
    chars: Peekable<Chars<'a>>,
    at: Location,
}

impl Raw<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.chars.next()?;
        if next == '\n' {
            self.at.line += 1;
            self.at.column = 1;
        } else {
            self.at.column += 1;
        }
        Some(next)
    }

    fn skip_blanks(&mut self, style: Style) {
        loop {
            match self.chars.peek() {
                Some(letter) if is_blank(*letter) => drop(self.next()),
                // An escaped line end joins two lines without a space, so skip the backslash like a blank.
                Some('\\') if style == Style::Double => {
                    let mut ahead = self.clone();
                    ahead.next();
                    match ahead.chars.peek() {
                        Some('\r' | '\n') => *self = ahead,
                        _ => return,
                    }
                }
                _ => return,
            }
        }
    }

    /// If an escape sequence for `blank` comes next, skips it and returns true.
    fn skips_escaped(&mut self, blank: char) -> bool {
        let mut ahead = self.clone();
        ahead.skip_blanks(Style::Double);
        let found = ahead.chars.peek() == Some(&'\\') && ahead.escape() == Some(blank);
        if found {
            *self = ahead;
        }
        found
    }

    /// Reads an escape sequence (YAML 1.2.2, section 5.7).
    fn escape(&mut self) -> Option<char> {
        self.next()?;
        let digits = match self.next()? {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            'n' => return Some('\n'),
            't' | '\t' => return Some('\t'),
            'r' => return Some('\r'),
            '0' => return Some('\0'),
            other => return Some(other),
        };
        let digits: Option<String> = (0..digits).map(|_| self.next()).collect();
        char::from_u32(u32::from_str_radix(&digits?, 16).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::yaml;

    /// Returns the position of `needle` in the value under `a`, as line and column.
    fn found(text: &str, needle: &str) -> Option<(usize, usize)> {
        let document = yaml::parse(text).unwrap();
        let node = document.get("a").unwrap();
        let value = node.as_str().unwrap();
        let at = position(
            from(text, node.at)?,
            node.at,
            value,
            value.find(needle).unwrap(),
        )?;
        Some((at.line, at.column))
    }

    #[test]
    fn a_part_of_a_scalar_is_found_in_each_style() {
        for (text, expected) in [
            ("a: one $(x)\n", (1, 8)),
            ("a: one\n  two\n  $(x)\n", (3, 3)),
            ("a: |\n  one\n\n    two $(x)\n", (4, 9)),
            ("a: |+\n\n  one\n  $(x)\n", (4, 3)),
            ("a: |2\n    one\n  $(x)\n", (3, 3)),
            ("a: >-\n  one\n  two\n\n  $(x)\n", (5, 3)),
            ("a: 'it''s $(x)'\n", (1, 11)),
            ("a: \"a\\tb\\n\\u00e9 $(x)\"\n", (1, 18)),
            ("a: \"one\n  two \\\n  $(x)\"\n", (3, 3)),
            ("{a: \"\\\"q\\\" $(x)\", b: 1}\n", (1, 12)),
            ("{b: $(y), a: $(x)}\n", (1, 14)),
            ("a: |\n  \"quoted\" $(x)\n", (2, 12)),
        ] {
            assert_eq!(found(text, "$(x)"), Some(expected), "{text}");
        }
    }

    #[test]
    fn no_position_is_returned_for_a_text_without_the_value() {
        let at = Location { line: 1, column: 1 };
        assert_eq!(position("*alias\n", at, "one $(x)", 4), None);
    }
}

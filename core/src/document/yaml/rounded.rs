//! Finds integers of more than 64 bits. The parser returns such an integer as a double, and does not return its source text.

use gleaner_proto::number;

use crate::document::location::Location;
use crate::document::node::{Content, Node};

/// A lower bound, with a margin, for the absolute value of a double that the parser returns for an integer of more than 64 bits.
const LEAST: f64 = 9.2e18;

/// Returns the first integer in `documents` that the parser rounded, as written in `text`.
pub(super) fn first<'a>(documents: &[Node], text: &'a str) -> Option<(Location, &'a str)> {
    let mut places = Vec::new();
    documents.iter().for_each(|node| doubles(node, &mut places));
    // Sort the places and remove duplicates, so that each line is scanned at most once.
    places.sort_unstable_by_key(|at| (at.line, at.column));
    places.dedup();
    let mut lines = (1..).zip(text.lines());
    let mut current = lines.next()?;
    let mut column = 1;
    places.into_iter().find_map(|at| {
        while current.0 < at.line {
            current = lines.next()?;
            column = 1;
        }
        let skipped = at.column.checked_sub(column)?;
        let (start, _) = current.1.char_indices().nth(skipped)?;
        current.1 = &current.1[start..];
        column = at.column;
        let written = integer(current.1)?;
        (!number::survives(written)).then_some((at, written))
    })
}

/// Collects the positions of the doubles that may be written as integers in the text.
fn doubles(node: &Node, places: &mut Vec<Location>) {
    match &node.content {
        Content::Number(number)
            if number.is_f64() && number.as_f64().is_some_and(|number| number.abs() >= LEAST) =>
        {
            places.push(node.at);
        }
        Content::Sequence(items) => items.iter().for_each(|item| doubles(item, places)),
        Content::Mapping(entries) => entries.iter().for_each(|(_, node)| doubles(node, places)),
        _ => {}
    }
}

/// Returns the integer at the start of `text`, or `None` if the text starts with an alias, or with a number that has a fraction
/// or an exponent.
fn integer(text: &str) -> Option<&str> {
    let written = text.strip_prefix('+').unwrap_or(text);
    let digits = written.strip_prefix('-').unwrap_or(written);
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let is_whole = !digits[length..].starts_with(['.', 'e', 'E', '_']);
    let end = written.len() - digits.len() + length;
    (length > 0 && is_whole).then(|| &written[..end])
}

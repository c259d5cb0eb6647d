//! From a place in an object, such as `spec.steps[0].image`, to where it stands in the file.

use gleaner_core::document::diagnostic::Location;
use gleaner_core::document::yaml::Node;

/// Where `place` stands in `document`, or the last part of the way there that does stand there.
pub(super) fn position(document: &Node, place: &str) -> Location {
    let mut node = document;
    let mut rest = place;
    while let Some((key, after)) = next(rest) {
        let found = match key.parse::<usize>() {
            Ok(index) => node.sequence().and_then(|items| items.get(index)),
            Err(_) => node.get(key),
        };
        let Some(found) = found else { break };
        node = found;
        rest = after;
    }
    node.at
}

/// The first key or index of a place, and the rest of it.
fn next(place: &str) -> Option<(&str, &str)> {
    let place = place.strip_prefix('.').unwrap_or(place);
    if let Some(inside) = place.strip_prefix("[\"") {
        return inside.split_once("\"]");
    }
    if let Some(inside) = place.strip_prefix('[') {
        return inside.split_once(']');
    }
    let end = place.find(['.', '[']).unwrap_or(place.len());
    (end > 0).then(|| place.split_at(end))
}

#[cfg(test)]
mod tests {
    use gleaner_core::document::yaml;

    use super::*;

    #[test]
    fn a_place_is_found_as_far_as_it_goes() {
        let document = yaml::parse("a:\n  b.c:\n  - x\n  - d: y\n").unwrap();
        let at = |place: &str| {
            let Location { line, column } = position(&document, place);
            (line, column)
        };
        assert_eq!(at("a[\"b.c\"][1].d"), (4, 8));
        assert_eq!(at("a[\"b.c\"][1].e.f"), (4, 5));
        assert_eq!(at("a[\"b.c\"][7]"), (3, 5));
        assert_eq!(at(""), (1, 1));
    }
}

//! "Did you mean ...?": finds the intended name for a misspelled one.

/// The maximum number of candidates to compare. A comparison takes time proportional to the product of the lengths of the two
/// names, and the document's author controls the lengths and the number of candidates.
const COMPARED: usize = 100;
/// The longest name to compare or list, in bytes. A DNS label, such as the name of a step, is at most 63 bytes long.
const LONGEST: usize = 64;

/// Returns the remedy for the unknown name `wrong`: a question with the candidate that was probably meant, or the list of
/// candidates.
pub fn suggestion<'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    /// The maximum number of candidates to list; a longer list does not help.
    const LISTED: usize = 12;
    let candidates: Vec<&str> = candidates.into_iter().take(COMPARED).collect();
    match nearest(wrong, candidates.iter().copied()) {
        Some(candidate) => Some(format!("did you mean '{candidate}'?")),
        None if candidates.is_empty() || candidates.len() > LISTED => None,
        None if candidates.iter().any(|name| name.len() > LONGEST) => None,
        None => Some(format!("expected one of: {}", candidates.join(", "))),
    }
}

/// Returns the candidate that the user probably meant by `wrong`, or `None` if no candidate is similar enough.
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if wrong.len() > LONGEST {
        return None;
    }
    let lower = wrong.to_lowercase();
    let distance = |text: &str| strsim::damerau_levenshtein(&lower, &text.to_lowercase());
    candidates
        .into_iter()
        .take(COMPARED)
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (distance(candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= (wrong.len() / 3).max(1) && *distance < wrong.len())
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_similar_name_is_suggested_and_otherwise_all_are_listed() {
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
            Some("expected one of: digest, version")
        );
        assert_eq!(suggestion("url", []), None);
    }
}

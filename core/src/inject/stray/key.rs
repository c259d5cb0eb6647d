//! Keys that are Gleaner's annotations, or that were probably meant to be such annotations.

use gleaner_proto::kubernetes::annotation;

use crate::document::suggestion::nearest;
use crate::inject::exemption::LABEL;

/// The annotations that a user writes.
pub(super) const KNOWN: [&str; 5] = [
    annotation::OUTPUTS,
    annotation::CPU_REQUEST,
    annotation::CPU_LIMIT,
    annotation::MEMORY_REQUEST,
    annotation::MEMORY_LIMIT,
];
/// The annotations that Gleaner adds to the objects that it creates. Such an object may be a Task.
const OF_CREATED: [&str; 4] = [
    annotation::CONTENT,
    annotation::RUN_UID,
    annotation::MADE_BY,
    annotation::RESOURCE,
];
const PREFIX: &str = "gleaner.dev/";
/// The maximum length of a key that is compared, in bytes. Kubernetes allows up to 317 bytes.
const LONGEST: usize = 100;

/// The similarity of a key to Gleaner's annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// An annotation that a user writes.
    Known,
    /// A key that was probably meant to be this annotation.
    Misspelt(&'static str),
    /// An annotation that Gleaner writes.
    OfCreated,
    /// The label that exempts an object from the webhook.
    Injection,
    /// An unknown name with Gleaner's prefix or a similar prefix.
    Unknown,
}

/// Returns the similarity of a key to Gleaner's annotations, or `None` for an unrelated key.
pub(super) fn likeness(key: &str) -> Option<Likeness> {
    if key.len() > LONGEST || key.len() < 7 {
        return None;
    }
    if KNOWN.contains(&key) {
        return Some(Likeness::Known);
    }
    if OF_CREATED.contains(&key) {
        return Some(Likeness::OfCreated);
    }
    if key == LABEL {
        return Some(Likeness::Injection);
    }
    let lower = key.to_ascii_lowercase();
    let Some((prefix, name)) = lower.split_once('/') else {
        return without_prefix(&lower);
    };
    let own = prefix == PREFIX.trim_end_matches('/');
    let labels: Vec<&str> = prefix.split('.').collect();
    let is_named = labels.len() <= 2 && labels.contains(&"gleaner");
    // A prefix such as `cleaner.io` may be another project's, so a key with such a prefix is reported only if its name resembles
    // the name of a Gleaner annotation.
    let is_near = !own && !is_named && labels.len() <= 3 && labels.iter().any(|word| is_near(word));
    let meant = || {
        let known = KNOWN.iter().map(|known| &known[PREFIX.len()..]);
        let near = nearest(name, known)?;
        KNOWN.into_iter().find(|known| known.ends_with(near))
    };
    match meant() {
        Some(right) if own || is_named || is_near || is_hyphenated(prefix) => {
            Some(Likeness::Misspelt(right))
        }
        None if own || is_named => Some(Likeness::Unknown),
        _ => None,
    }
}

/// Returns the similarity of a key without a prefix, such as `gleaner-outputs`, `gleaner.dev` or `outputs.gleaner.dev`.
fn without_prefix(key: &str) -> Option<Likeness> {
    let words = || key.split(['.', '-', '_', ':']);
    let is_ours = words()
        .next()
        .is_some_and(|word| word == "gleaner" || is_near(word));
    let names_outputs =
        key == "gleaner.dev" || words().skip(1).any(|word| word.starts_with("output"));
    let is_reversed = words().any(|word| word == "gleaner")
        && words()
            .next()
            .is_some_and(|word| word.starts_with("output"));
    (is_ours && names_outputs || is_reversed).then_some(Likeness::Misspelt(annotation::OUTPUTS))
}

/// Returns true for a prefix such as `gleaner-dev`.
fn is_hyphenated(prefix: &str) -> bool {
    prefix.split(['-', '_']).next() == Some("gleaner")
}

fn is_near(word: &str) -> bool {
    word.len() >= 5 && nearest(word, ["gleaner", "gleaners"]).is_some()
}

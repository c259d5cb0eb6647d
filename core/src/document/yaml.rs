//! Reads YAML into nodes.
//!
//! Plain scalars have the same values as in `kubectl`: `no`, `off` and similar are booleans, `0644` is octal, `1e3` is 1000.

mod remedy;
mod rounded;
mod unquoted;

use gleaner_proto::number;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_saphyr::Spanned;

use super::diagnostic::Diagnostic;
use super::location::Location;
use super::node::{Content, Key, Node};
use super::place::Place;

/// The maximum nesting depth of a document. The parser is recursive, and its calls must fit in a thread's 2 MiB stack, even in an
/// unoptimized build. Kubernetes' own kinds nest about 20 levels deep.
const DEPTH_MAX: usize = 40;

/// Limits on a document.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The maximum number of nodes; the nodes that an alias refers to count at each use.
    nodes: usize,
    /// The maximum size of the text in the nodes, in bytes; the text that an alias refers to counts at each use.
    bytes: usize,
}

impl Bounds {
    /// The limits on a file, which may contain many objects.
    const FILE: Self = Self {
        nodes: 250_000,
        bytes: 64 << 20,
    };
    /// The limits on a declaration. A node takes about a hundred bytes, several copies of the tree exist at once, and the
    /// injector has 100 ms for all its work on a declaration.
    pub const DECLARATION: Self = Self {
        nodes: 25_000,
        bytes: 512 << 10,
    };
}

/// Parses all documents of `text`, except empty documents.
///
/// # Errors
/// One diagnostic with the position of the first YAML error. The parser's budget also rejects hostile documents (alias
/// bombs, deep nesting).
pub fn parse_documents(text: &str) -> Result<Vec<Node>, Diagnostic> {
    documents_within(text, Bounds::FILE)
}

fn documents_within(text: &str, bounds: Bounds) -> Result<Vec<Node>, Diagnostic> {
    let mut options = serde_saphyr::Options::default();
    options.legacy_octal_numbers = true;
    let mut budget = serde_saphyr::Budget::default();
    budget.max_depth = DEPTH_MAX;
    budget.max_nodes = bounds.nodes;
    budget.max_total_scalar_bytes = bounds.bytes;
    options.budget = Some(budget);
    let documents =
        serde_saphyr::from_multiple_with_options::<Node>(text, options).map_err(|error| {
            let at = error.location().map(|at| Location {
                line: usize::try_from(at.line()).unwrap_or(usize::MAX),
                column: usize::try_from(at.column()).unwrap_or(usize::MAX),
            });
            let message = error.without_snippet().to_string();
            // The position at the end of the parser's message is removed, because the diagnostic has a separate field for it.
            let message = message.split(" at line ").next().unwrap_or(&message);
            let explained = remedy::of_cause(explained(message, at, bounds), text);
            remedy::otherwise(explained.maybe_help_with(|| unquoted::help(text, message, at)))
        })?;
    let documents = documents.into_iter();
    let documents: Vec<Node> = documents
        .filter(|node| node.content != Content::Null)
        .collect();
    match rounded::first(&documents, text) {
        Some((at, number)) => Err(explained(&format!("{CHANGED} {number}"), Some(at), bounds)),
        None => Ok(documents),
    }
}

/// The beginning of the internal message about a number that Kubernetes would not store exactly; `explained` rewords the message.
const CHANGED: &str = "number that does not fit:";

/// Rewords messages that describe the parser rather than the document.
fn explained(message: &str, at: Option<Location>, bounds: Bounds) -> Diagnostic {
    let diagnostic =
        |message: &str, help: &str| Diagnostic::new(Place::root(), at, message).help(help);
    if let Some((message, _)) = message.split_once(", set DuplicateKeyPolicy") {
        diagnostic(message, "remove one of them")
    } else if message.contains("budget") {
        let Bounds { nodes, bytes } = bounds;
        let bytes = bytes >> 10;
        let help = format!(
            "at most {DEPTH_MAX} levels, {nodes} nodes and {bytes} KiB of text are allowed, counting each use of an alias"
        );
        diagnostic("the document is too large, or nested too deeply", &help)
    } else if message.contains("recursive references") {
        diagnostic(
            "the alias is inside the node that it refers to",
            "write the value instead of the alias",
        )
    } else if let Some((_, number)) = message.split_once(CHANGED) {
        let message = format!("Kubernetes would store the number{number} as a different number");
        diagnostic(
            &message,
            "write a smaller number, or put it in quotes if it is text",
        )
    } else if message.contains("non-finite") {
        diagnostic("a number must be finite", "put it in quotes")
    } else {
        Diagnostic::new(Place::root(), at, message)
    }
}

/// Returns the number as a JSON number, or `None` if it is not finite. A whole number gets no fraction, so that Kubernetes reads
/// it as an integer.
pub fn json_number(number: f64) -> Option<Number> {
    /// The largest value up to which a double can represent every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole, and within the bounds of i64"
        )]
        return Some((number as i64).into());
    }
    Number::from_f64(number)
}

/// Parses text that contains exactly one document.
///
/// # Errors
/// Fails if [`parse_documents`] fails, or if the text does not contain exactly one document.
pub fn parse(text: &str) -> Result<Node, Diagnostic> {
    parse_within(text, Bounds::FILE)
}

/// Parses one document within `bounds`.
///
/// # Errors
/// Fails if [`parse`] fails, or if the document exceeds a bound.
pub fn parse_within(text: &str, bounds: Bounds) -> Result<Node, Diagnostic> {
    let mut documents = documents_within(text, bounds)?;
    match (documents.pop(), documents.is_empty()) {
        (Some(document), true) => Ok(document),
        (None, _) => Err(
            Diagnostic::new(Place::root(), None, "the document is empty")
                .help("add content, or remove it"),
        ),
        (Some(second), false) => Err(Diagnostic::new(
            Place::root(),
            Some(second.at),
            "expected one document, found several",
        )),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Self {
            at: location(&spanned),
            content: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Content, E> {
        Ok(Content::Boolean(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Content, E> {
        Ok(Content::Number(number.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Content, E> {
        let number = Number::from(number);
        if !number::fits(&number) {
            return Err(E::custom(format!("{CHANGED} {number}")));
        }
        Ok(Content::Number(number))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Content, E> {
        let number = json_number(number).ok_or_else(|| E::custom("a number must be finite"))?;
        Ok(Content::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Content, E> {
        Ok(Content::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Content, E> {
        Ok(Content::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Content::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, node)) = access.next_entry::<Spanned<String>, Node>()? {
            entries.push((
                Key {
                    at: location(&key),
                    name: key.value,
                },
                node,
            ));
        }
        Ok(Content::Mapping(entries))
    }
}

fn location<T>(spanned: &Spanned<T>) -> Location {
    Location {
        line: usize::try_from(spanned.referenced.line()).unwrap_or(usize::MAX),
        column: usize::try_from(spanned.referenced.column()).unwrap_or(usize::MAX),
    }
}

#[cfg(test)]
mod tests;

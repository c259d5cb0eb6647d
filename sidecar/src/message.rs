//! Parses a request body as a step's message. The same parser reads new messages and messages in the journal.
//!
//! Large text is copied only once, into the message. The deserializer of `serde_json::Value` is not used, because it treats some
//! keys specially (those that serde_json uses internally for raw values and arbitrary-precision numbers).

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;

use gleaner_core::document::yaml::json_number;
use gleaner_proto::message::Outputs;
use gleaner_proto::number;
use gleaner_runtime::text::cut;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The length, in bytes, to which an output's name is truncated in an error message.
const SHOWN: usize = 64;
/// The length, in bytes, above which text is unescaped in pieces. It is also the minimum length of a piece.
const PIECE: usize = 64 << 10;

/// The reason why a body is not a valid message.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// This output contains a number that the parser would round, or that Kubernetes would store as a different number.
    #[error("output '{0}' contains a number that cannot be stored exactly")]
    Number(String),
    /// An object in this output's value has a duplicate key.
    #[error("output '{output}' contains a duplicate key")]
    DuplicateKey { output: String, key: String },
}

/// The reason why a string is not a valid JSON value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValueError {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("{DUPLICATE} '{0}'")]
    DuplicateKey(String),
}

/// The error message for a duplicate key.
const DUPLICATE: &str = "duplicate key";

/// A message like [`Outputs`], but with the raw JSON of each value.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Message<'a> {
    #[serde(borrow, deserialize_with = "once_each")]
    outputs: BTreeMap<Cow<'a, str>, &'a RawValue>,
    #[serde(default)]
    exit_code: i32,
}

/// Reads the outputs and rejects duplicate names, because parsers differ in which duplicate they use.
fn once_each<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Cow<'de, str>, &'de RawValue>, D::Error> {
    struct OutputsVisitor;

    impl<'de> Visitor<'de> for OutputsVisitor {
        type Value = BTreeMap<Cow<'de, str>, &'de RawValue>;

        fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            out.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut outputs = BTreeMap::new();
            while let Some((Name(name), value)) = access.next_entry()? {
                if outputs.insert(name, value).is_some() {
                    return Err(A::Error::custom(DUPLICATE));
                }
            }
            Ok(outputs)
        }
    }

    deserializer.deserialize_map(OutputsVisitor)
}

/// A name that borrows from the body if the name contains no escapes. This is a separate type, because serde does not borrow a
/// `Cow` inside a tuple.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads a step's message.
///
/// # Errors
/// Fails if the body is not a valid message. Use [`explained`] for a description that quotes no values.
pub fn read(body: &[u8]) -> Result<Outputs, ReadError> {
    let message: Message<'_> = serde_json::from_slice(body)?;
    let outputs = message.outputs.into_iter().map(|(name, raw)| {
        let value = match value(raw.get()) {
            Ok(value) => value,
            Err(ValueError::Json(error)) => return Err(ReadError::Json(error)),
            Err(ValueError::DuplicateKey(key)) => {
                let output = name.into_owned();
                return Err(ReadError::DuplicateKey { output, key });
            }
        };
        // Check the JSON text, because the parser rounds numbers.
        if !value.is_string() && number::first_changed(raw.get()).is_some() {
            return Err(ReadError::Number(name.into_owned()));
        }
        Ok((name.into_owned(), value))
    });
    Ok(Outputs {
        outputs: outputs.collect::<Result<_, ReadError>>()?,
        exit_code: message.exit_code,
    })
}

/// Parses one JSON value and rejects duplicate keys in an object. Large text is unescaped in pieces, because the parser would
/// unescape all of it into a buffer, which would be a third copy in addition to the body and the value.
pub(crate) fn value(json: &str) -> Result<Value, ValueError> {
    let inner = json
        .strip_prefix('"')
        .and_then(|json| json.strip_suffix('"'));
    let Some(mut rest) = inner.filter(|inner| inner.len() > PIECE) else {
        return plain(json);
    };
    let mut text = String::with_capacity(rest.len());
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(boundary(rest));
        text += &serde_json::from_str::<String>(&format!("\"{piece}\""))?;
        rest = behind;
    }
    text.shrink_to_fit();
    Ok(Value::String(text))
}

/// Returns a position at which escaped text may be split. It is never inside an escape or between the halves of a surrogate pair.
fn boundary(escaped: &str) -> usize {
    let bytes = escaped.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if at >= PIECE && escaped.is_char_boundary(at) && !is_low_surrogate(&bytes[at..]) {
            return at;
        }
        at += match &bytes[at..] {
            [b'\\', b'u', ..] => 6,
            [b'\\', ..] => 2,
            _ => 1,
        };
    }
    bytes.len()
}

fn is_low_surrogate(escaped: &[u8]) -> bool {
    matches!(
        escaped,
        [b'\\', b'u', b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', ..]
    )
}

/// Parses a JSON value. No key has a special meaning, and the keys of each object must be unique.
fn plain(json: &str) -> Result<Value, ValueError> {
    let duplicate = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = Plain {
        duplicate: &duplicate,
    }
    .deserialize(&mut deserializer)
    .and_then(|value| deserializer.end().map(|()| value));
    match duplicate.take() {
        Some(key) => Err(ValueError::DuplicateKey(key)),
        None => Ok(read?),
    }
}

/// The deserializer that [`plain`] uses. A duplicate key is returned separately from the error, because users see the error's
/// text, and the key may be secret.
#[derive(Clone, Copy)]
struct Plain<'a> {
    duplicate: &'a Cell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Plain<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Plain<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        let number = json_number(number);
        number
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if entries.contains_key(&key) {
                self.duplicate.set(Some(key));
                return Err(A::Error::custom(DUPLICATE));
            }
            entries.insert(key, access.next_value_seed(self)?);
        }
        Ok(Value::Object(entries))
    }
}

/// The size of a JSON text's content, measured before the parser allocates memory for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    /// A lower bound on the number of values and keys. Small values need much more memory than their text.
    pub values: usize,
    /// The depth of nested arrays and objects.
    pub depth: usize,
}

/// Measures a JSON text, which may be invalid.
pub fn extent(json: &[u8]) -> Extent {
    let mut extent = Extent::default();
    let mut depth = 0_usize;
    let mut rest = json.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b',' | b':' => extent.values += 1,
            b'[' | b'{' => {
                extent.values += 1;
                depth += 1;
                extent.depth = extent.depth.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                while let Some(byte) = rest.find(|byte| matches!(byte, b'"' | b'\\')) {
                    if *byte == b'"' {
                        break;
                    }
                    rest.next();
                }
            }
            _ => {}
        }
    }
    extent
}

/// Describes an error in a body without quoting any values, because values may contain secrets.
pub fn explained(error: &ReadError) -> String {
    match error {
        ReadError::Json(error) => match error.classify() {
            Category::Data => {
                let (line, column) = (error.line(), error.column());
                format!("unexpected type at line {line} column {column}")
            }
            // The parser's own messages for these errors quote nothing from the body.
            Category::Eof | Category::Io | Category::Syntax => error.to_string(),
        },
        ReadError::DuplicateKey { output, .. } => {
            let output = cut(output, SHOWN);
            format!("output '{output}' has a duplicate key in one object; write each key once")
        }
        ReadError::Number(output) => {
            let output = cut(output, SHOWN);
            format!(
                "output '{output}' contains a number that cannot be stored exactly, because Kubernetes stores only 64-bit integers and doubles; \
                 declare type: string"
            )
        }
    }
}

#[cfg(test)]
mod tests;

//! From the bytes of a body to a step's message, without more copies of large text than the message itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

use gleaner_proto::message::Outputs;
use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;
use serde_json::value::RawValue;

/// Text of more bytes than this is taken piece by piece.
const PIECE: usize = 64 << 10;

/// [`Outputs`], with the values as they stand in the body.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Message<'a> {
    #[serde(borrow)]
    outputs: BTreeMap<Cow<'a, str>, &'a RawValue>,
    #[serde(default)]
    exit_code: i32,
}

/// Reads a step's message.
pub(super) fn message(body: &[u8]) -> Result<Outputs, serde_json::Error> {
    let message: Message<'_> = serde_json::from_slice(body)?;
    let outputs = message.outputs.into_iter();
    let outputs = outputs.map(|(name, raw)| Ok((name.into_owned(), value(raw.get())?)));
    Ok(Outputs {
        outputs: outputs.collect::<Result<_, serde_json::Error>>()?,
        exit_code: message.exit_code,
    })
}

/// Reads one value. The parser unescapes text in a buffer of its own, which would be a third copy of large text,
/// beside the body and the value.
fn value(json: &str) -> Result<Value, serde_json::Error> {
    let inner = json
        .strip_prefix('"')
        .and_then(|json| json.strip_suffix('"'));
    let Some(mut rest) = inner.filter(|inner| inner.len() > PIECE) else {
        return serde_json::from_str(json);
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

/// Where a piece of escaped text may end: not within an escape, nor between the two halves of a surrogate pair.
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

/// How many values and keys a JSON text holds, at least: known before any of them takes up memory, of which small
/// values need many times their length in the text.
pub(super) fn values(json: &[u8]) -> usize {
    let mut values = 0;
    let mut rest = json.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b',' | b':' | b'[' | b'{' => values += 1,
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
    values
}

/// What is wrong with a JSON text, without a word of it: it may hold secrets.
pub(super) fn explained(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Data => format!("its shape is another one at line {line} column {column}"),
        // Texts of the parser's own.
        Category::Eof | Category::Io | Category::Syntax => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_text_only() {
        assert_eq!(values(br#"{"a": [1, 2], "b": {"c": true}}"#), 8);
        assert_eq!(values(br#""[{,:\\\",:""#), 0);
        assert_eq!(values(b"\"not closed \\"), 0);
    }

    #[test]
    fn an_explanation_repeats_nothing_of_the_body() {
        for body in [
            r#"{"outputs": "canary"}"#,
            r#"{"canary": 1, "outputs": {}}"#,
            r#"{"outputs": {}, "exitCode": "canary"}"#,
            r#"{"outputs": {"a": canary}}"#,
            r#""canary"#,
            "canary",
        ] {
            let error = message(body.as_bytes()).unwrap_err();
            assert!(
                !explained(&error).contains("canary"),
                "{}",
                explained(&error)
            );
        }
    }

    #[test]
    fn large_text_is_read_as_the_parser_would_read_it() {
        for unit in [
            "plain",
            r"\n",
            r"\\",
            r#"\""#,
            r"\u00e9",
            r"\ud83d\ude00",
            "é😀",
            r"a\/b\tc",
            "x😀\\n",
        ] {
            for shift in 0..12 {
                let json = format!(
                    "\"{}{}\"",
                    "s".repeat(shift),
                    unit.repeat(3 * PIECE / unit.len())
                );
                let expected: Value = serde_json::from_str(&json).unwrap();
                assert!(value(&json).unwrap() == expected, "{unit} {shift}");
            }
        }
        let lone = format!("\"{}\\ud83d\"", "s".repeat(PIECE));
        assert!(value(&lone).is_err());
    }

    #[test]
    fn a_message_is_read_as_proto_describes_it() {
        for body in [
            r#"{"outputs": {"a": "1", "b\n": [1, {"c": null}], "d": -1.5e3}, "exitCode": 3}"#,
            r#" { "outputs" : { } } "#,
            r#"{"outputs": {"a": 1, "a": 2}}"#,
        ] {
            let expected: Outputs = serde_json::from_str(body).unwrap();
            assert_eq!(message(body.as_bytes()).unwrap(), expected);
        }
        let deep = format!(
            r#"{{"outputs": {{"a": {}{}}}}}"#,
            "[".repeat(200),
            "]".repeat(200)
        );
        assert!(message(deep.as_bytes()).is_err());
        assert!(message(b"{\"outputs\": {\"a\": \"\xff\"}}").is_err());
    }
}

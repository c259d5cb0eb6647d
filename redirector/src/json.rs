//! JSON text: write a string, check a value, without building a tree.

use std::fmt;
use std::io::{self, Write};

use gleaner_proto::OutputType;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Writes `text` as a JSON string. Everything but quotes, backslashes and control characters stays as it is.
pub(crate) fn write_string(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(b"\"")?;
    let bytes = text.as_bytes();
    let mut written = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.write_all(&bytes[written..at])?;
        written = at + 1;
        match byte {
            b'"' => out.write_all(b"\\\"")?,
            b'\\' => out.write_all(b"\\\\")?,
            b'\n' => out.write_all(b"\\n")?,
            b'\r' => out.write_all(b"\\r")?,
            b'\t' => out.write_all(b"\\t")?,
            _ => write!(out, "\\u{byte:04x}")?,
        }
    }
    out.write_all(&bytes[written..])?;
    out.write_all(b"\"")
}

/// Checks that `text` is one JSON value of type `kind`.
///
/// It accepts exactly what the sidecar's parser accepts, because it is the same one, fed into nothing.
///
/// # Errors
/// What it is instead, as the end of a sentence.
pub(crate) fn check(text: &str, kind: OutputType) -> Result<(), String> {
    let found: Shape = serde_json::from_str(text).map_err(|error| {
        // Its position counts lines; a blank file has none to speak of.
        if text.trim().is_empty() {
            "is empty".to_owned()
        } else {
            format!("is no valid JSON: {error}")
        }
    })?;
    let wanted = match kind {
        OutputType::String => Shape::String,
        OutputType::Number => Shape::Number,
        OutputType::Boolean => Shape::Boolean,
        OutputType::Array => Shape::Array,
        OutputType::Object => Shape::Object,
    };
    if found == wanted {
        Ok(())
    } else {
        Err(format!("is JSON of type {found}"))
    }
}

/// Checks that each number in the JSON `text` stays the same number when it is read as a 64-bit integer or a double,
/// as everybody on its way reads it. What is no JSON is left to [`check`].
///
/// # Errors
/// The first number that would be another one.
pub(crate) fn check_numbers(text: &str) -> Result<(), &str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'"' => {
                while let Some(&byte) = bytes.get(at) {
                    at += if byte == b'\\' { 2 } else { 1 };
                    if byte == b'"' {
                        break;
                    }
                }
            }
            b'-' | b'0'..=b'9' => {
                let of_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
                at += bytes[at..]
                    .iter()
                    .take_while(|byte| of_number(byte))
                    .count();
                if !stays_the_same(&text[start..at]) {
                    return Err(&text[start..at]);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn stays_the_same(number: &str) -> bool {
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    let Ok(double) = number.parse::<f64>() else {
        // No number; that is for the parser to say.
        return true;
    };
    let shortest = serde_json::to_string(&double).expect("invariant: a double can be written");
    // Infinity is written as null.
    double.is_finite() && decimal(number) == decimal(&shortest)
}

/// Sign, digits without zeros at either end, and power of ten: the same for all ways to write one number. `None`
/// when the power is beyond all doubles.
fn decimal(number: &str) -> Option<(bool, String, i64)> {
    let (mantissa, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole.trim_start_matches('-'), fraction].concat();
    let significant = digits.trim_end_matches('0');
    let zeros = digits.len() - significant.len();
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    let power = i64::from(power.parse::<i32>().ok()?) + zeros as i64 - fraction.len() as i64;
    Some((whole.starts_with('-'), significant.to_owned(), power))
}

/// The outermost type of a JSON value, all of which was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

impl fmt::Display for Shape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        })
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Boolean)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Shape, A::Error> {
        while elements.next_element::<Shape>()?.is_some() {}
        Ok(Shape::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Shape, A::Error> {
        while members.next_entry::<Shape, Shape>()?.is_some() {}
        Ok(Shape::Object)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        write_string(&mut out, text).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_value_must_be_of_its_type() {
        let wrong = |text, kind| check(text, kind).unwrap_err();
        assert_eq!(check(" {\"a\": [1, null]}\n", OutputType::Object), Ok(()));
        assert_eq!(check("-1.5e3", OutputType::Number), Ok(()));
        assert_eq!(check("true", OutputType::Boolean), Ok(()));
        assert_eq!(check("[]", OutputType::Array), Ok(()));
        assert_eq!(wrong("[]", OutputType::Object), "is JSON of type array");
        assert_eq!(wrong("null", OutputType::Object), "is JSON of type null");
        assert_eq!(wrong("\"1\"", OutputType::Number), "is JSON of type string");
        assert_eq!(wrong(" \n", OutputType::Number), "is empty");
        for text in [
            "{a: 1}",
            "{} {}",
            "{\"a\": \"\\ud800\"}",
            "01",
            "0x1",
            "NaN",
            "yes",
            "1e999",
        ] {
            let wrong = check(text, OutputType::Object).unwrap_err();
            assert!(wrong.starts_with("is no valid JSON: "), "{text}: {wrong}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_crash() {
        let deep = "[".repeat(1 << 20);
        assert!(
            check(&deep, OutputType::Array)
                .unwrap_err()
                .contains("recursion limit")
        );
    }

    #[test]
    fn a_number_must_stay_the_same() {
        for kept in [
            "1.10",
            "1e3",
            "-0",
            "-0.0",
            "0e99999999999999999999",
            "0.000",
            "100.00e-2",
            "1E+22",
            "9223372036854775807",
            "-9223372036854775808",
            "18446744073709551615",
            "1.7976931348623157e308",
            "5e-324",
            "0.30000000000000004",
            "[1, {\"1e400\": \"0.1234567890123456789\\\"1e400\"}]",
            // No JSON; the parser says so.
            "-",
            "1-2",
            "1e",
            "\"1e400",
            "\"\\",
        ] {
            assert_eq!(check_numbers(kept), Ok(()), "{kept}");
        }
        for changed in [
            "12345678901234567890123",
            "18446744073709551616",
            "-9223372036854775809",
            "9007199254740993.0",
            "0.1234567890123456789",
            "1e400",
            "-1e400",
            "1e-400",
            "1e-99999999999999999999",
            "1e99999999999999999999",
        ] {
            assert_eq!(check_numbers(changed), Err(changed));
            let within = format!("{{\"a\\\\\": [1, {changed}]}}");
            assert_eq!(check_numbers(&within), Err(changed));
        }
    }

    proptest! {
        #[test]
        fn every_integer_and_double_stays_the_same(integer: i64, natural: u64, double in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            let text = format!("[{integer}, {natural}, {double}, {double:e}]");
            prop_assert_eq!(check_numbers(&text), Ok(()));
        }

        #[test]
        fn no_text_makes_the_check_of_numbers_panic(text in "([-0-9.eE+\"\\\\ä]|1e){0,40}") {
            let _ = check_numbers(&text);
        }

        #[test]
        fn a_written_string_reads_as_it_was(text in any::<String>()) {
            prop_assert_eq!(serde_json::from_str::<String>(&written(&text)).unwrap(), text);
        }

        #[test]
        fn what_a_json_parser_takes_is_taken(text in "[\\[\\]{}\":,0-9truefalsn\\\\ .e+-]{0,12}") {
            let parsed = serde_json::from_str::<serde_json::Value>(&text);
            let of_any_type = [
                OutputType::String, OutputType::Number, OutputType::Boolean, OutputType::Array, OutputType::Object,
            ].into_iter().any(|kind| check(&text, kind).is_ok());
            prop_assert_eq!(of_any_type, parsed.is_ok_and(|value| !value.is_null()));
        }
    }
}

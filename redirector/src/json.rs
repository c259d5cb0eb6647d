//! JSON text: write a string, check a value, without building a tree.

use std::fmt;
use std::io::{self, Write};

use gleaner_proto::OutputType;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The significant digits that tell every double from every other (C's `DBL_DECIMAL_DIG`).
const DOUBLE_DIGITS: usize = 17;
/// The digits after the first that are enough to write any double exactly.
const EXACT_DIGITS: usize = 766;

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

/// Checks that each number in the JSON `text` survives: every reader on its way holds it as a 64-bit integer or a double.
/// It is one of
/// - an integer that fits into 64 bits, with or without a sign;
/// - a decimal that a program prints for a double: at most 17 significant digits, which is what it takes to tell all
///   doubles apart, and as close to the double that it reads as as that many digits allow.
///
/// So it does not matter whether the program printed as few digits as possible (`0.1`, and 1278578419099525.3 or
/// 1278578419099525.2, which are the same double and equally short) or always 17 (C's `%.17g`: `0.10000000000000001`).
/// Text that is not JSON is left to [`check`].
///
/// # Errors
/// The first number that would change.
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
                if !survives(&text[start..at]) {
                    return Err(&text[start..at]);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn survives(number: &str) -> bool {
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    match (number.parse::<f64>(), Decimal::read(number)) {
        // Not a number; the parser reports it.
        (Err(_), _) => true,
        (Ok(double), Some(decimal)) => double.is_finite() && decimal.is_printed_for(double),
        (Ok(_), None) => false,
    }
}

/// A number in base ten, the same for all ways to write it.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    /// Without zeros at either end; none for zero.
    digits: String,
    /// The power of ten by which the digits, as an integer, are multiplied.
    power: i64,
}

impl Decimal {
    /// Returns `None` when the power is far beyond that of any double.
    fn read(number: &str) -> Option<Self> {
        let (mantissa, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = [whole.trim_start_matches('-'), fraction].concat();
        let significant = digits.trim_end_matches('0');
        let zeros = digits.len() - significant.len();
        let significant = significant.trim_start_matches('0');
        if significant.is_empty() {
            return Some(Self {
                negative: false,
                digits: String::new(),
                power: 0,
            });
        }
        Some(Self {
            negative: whole.starts_with('-'),
            digits: significant.to_owned(),
            power: i64::from(power.parse::<i32>().ok()?) + zeros as i64 - fraction.len() as i64,
        })
    }

    /// Returns true if it is `double`, rounded to as many digits as it has.
    fn is_printed_for(&self, double: f64) -> bool {
        match self.digits.len() {
            0 => true,
            digits @ 1..=DOUBLE_DIGITS => {
                let rounded = format!("{double:.*e}", digits - 1);
                Self::read(&rounded).as_ref() == Some(self) || self.is_half_a_unit_from(double)
            }
            _ => false,
        }
    }

    /// Returns true if `double` lies halfway between this and a neighbor with as many digits: programs round it either way.
    fn is_half_a_unit_from(&self, double: f64) -> bool {
        let sign = if self.negative { "-" } else { "" };
        let digits: i64 = self
            .digits
            .parse()
            .expect("invariant: an i64 holds 17 digits");
        let exact = Self::read(&format!("{double:.EXACT_DIGITS$e}"));
        [digits * 10 - 5, digits * 10 + 5]
            .into_iter()
            .any(|halfway| Self::read(&format!("{sign}{halfway}e{}", self.power - 1)) == exact)
    }
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
mod tests;

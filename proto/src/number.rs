//! Detects numbers that the API server would change when it stores them.
//!
//! Kubernetes stores a number as a signed 64-bit integer if possible, and otherwise as a double
//! (`k8s.io/apimachinery/pkg/util/json`). A number that neither type can represent is changed without an error.

use serde_json::{Number, Value};

/// The number of significant digits that is sufficient to distinguish all doubles (C's `DBL_DECIMAL_DIG`).
const DOUBLE_DIGITS: usize = 17;
/// The number of digits after the first digit that is sufficient to write any double exactly.
const EXACT_DIGITS: usize = 766;

/// Returns true if the API server stores the JSON number `literal` unchanged. This is the case for:
/// - a signed 64-bit integer;
/// - a larger integer in the form in which programs print a double: `36893488147419103000` for two to the power of 65;
/// - a decimal with at most 17 significant digits, if no decimal with as many digits is closer to the resulting double.
///   Programs print doubles in this form, because 17 digits distinguish all doubles.
///
/// This includes the shortest decimal for a double, such as `0.1`, and the decimal with 17 digits (C's `%.17g`), such as
/// `0.10000000000000001`. A double may have several shortest decimals: 1278578419099525.3 and 1278578419099525.2 are the same
/// double.
pub fn survives(literal: &str) -> bool {
    if literal.parse::<i64>().is_ok() {
        return true;
    }
    let Ok(double) = literal.parse::<f64>() else {
        return false;
    };
    if !literal.contains(['.', 'e', 'E']) {
        return double.is_finite() && double.to_string() == literal;
    }
    let decimal = Decimal::read(literal);
    double.is_finite() && decimal.is_some_and(|decimal| decimal.is_printed_for(double))
}

/// Returns true if the API server stores the parsed `number` unchanged (see [`survives`]). Does not detect changes that the JSON
/// parser has already made.
pub fn fits(number: &Number) -> bool {
    number.is_i64() || number.is_f64() || survives(&number.to_string())
}

/// Returns the first number in `value` for which [`fits`] returns false.
pub fn misfit(value: &Value) -> Option<&Number> {
    match value {
        Value::Number(number) => Some(number).filter(|number| !fits(number)),
        Value::Array(items) => items.iter().find_map(misfit),
        Value::Object(members) => members.values().find_map(misfit),
        _ => None,
    }
}

/// Returns the first number in the JSON text `json` for which [`survives`] returns false. Syntax errors are not reported, because
/// the JSON parser reports them.
pub fn first_changed(json: &str) -> Option<&str> {
    let bytes = json.as_bytes();
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
                let literal = &json[start..at];
                if literal.parse::<f64>().is_ok() && !survives(literal) {
                    return Some(literal);
                }
            }
            _ => {}
        }
    }
    None
}

/// A decimal number, normalized so that all notations of a number are equal.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    /// The digits, without leading and trailing zeros; empty if the number is zero.
    digits: String,
    /// The exponent of the power of ten by which `digits`, as an integer, is multiplied.
    power: i64,
}

impl Decimal {
    /// Parses a number. Returns `None` if the exponent is far beyond the range of a double.
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

    /// Returns true if printing `double` with as many digits as this number has can result in this number.
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

    /// Returns true if `double` lies halfway between this number and a neighbor with as many digits, so that programs may round
    /// it either way.
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

#[cfg(test)]
mod tests;

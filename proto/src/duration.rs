//! Durations as Go and Tekton write them: `5m`, `1h30m`, `500ms`.

use std::time::Duration;

/// An error for a string that is not a valid duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid duration '{0}': use a form such as 500ms, 30s, 5m or 1h30m")]
pub struct DurationError(String);

/// Parses a duration in the syntax of Go's `time.ParseDuration`, without signs. A bare `0` is allowed.
///
/// # Errors
/// Fails if the text is not a valid duration, or if the duration exceeds Go's maximum (290 years).
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let wrong = || DurationError(text.to_owned());
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut nanoseconds = 0_u64;
    while !rest.is_empty() {
        let (part, after) = part(rest).ok_or_else(wrong)?;
        nanoseconds = nanoseconds.checked_add(part).ok_or_else(wrong)?;
        rest = after;
    }
    let longest = i64::MAX.unsigned_abs();
    if text.is_empty() || nanoseconds > longest {
        return Err(wrong());
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Formats a duration in the syntax of [`parse`], in the largest unit that yields a whole number; fractions of a millisecond are
/// dropped.
pub fn written(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    match milliseconds {
        0 => "0s".to_owned(),
        _ if milliseconds.is_multiple_of(60_000) => format!("{}m", milliseconds / 60_000),
        _ if milliseconds.is_multiple_of(1000) => format!("{}s", milliseconds / 1000),
        _ => format!("{milliseconds}ms"),
    }
}

/// Parses one number with its unit. Returns the duration in nanoseconds, and the rest of the text. The calculation uses integers,
/// because floating-point arithmetic would add more code to the redirector than all its parsers together.
fn part(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, after) = text.split_at(end);
    let end = after
        .find(|c: char| c.is_ascii_digit() || c == '.')
        .unwrap_or(after.len());
    let (unit, after) = after.split_at(end);
    let unit = match unit {
        "h" => 3_600_000_000_000,
        "m" => 60_000_000_000,
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" | "µs" => 1_000,
        "ns" => 1,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut nanoseconds: u64 = match whole {
        "" => 0,
        whole => whole.parse::<u64>().ok()?.checked_mul(unit)?,
    };
    let mut scale: u64 = unit;
    for digit in fraction.chars() {
        scale /= 10;
        nanoseconds = nanoseconds.checked_add(u64::from(digit.to_digit(10)?) * scale)?;
    }
    Some((nanoseconds, after))
}

#[cfg(test)]
mod tests;

//! Durations and sizes as people write them on a command line.

use std::time::Duration;

/// Longest duration that makes sense: longer than any TaskRun, short enough that no sum overflows.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Reads `90s`, `15m`, `1h30m`, `250ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "'{text}' is no duration; write a number with its unit, for example 500ms, 90s, 15m or 1h30m"
        )
    };
    let mut sum = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, behind) = digits(rest).ok_or_else(wrong)?;
        let end = behind.bytes().position(|byte| byte.is_ascii_digit());
        let (unit, behind) = behind.split_at(end.unwrap_or(behind.len()));
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(wrong()),
        };
        let part = number.checked_mul(milliseconds).ok_or_else(wrong)?;
        sum = sum
            .checked_add(Duration::from_millis(part))
            .ok_or_else(wrong)?;
        rest = behind;
    }
    if text.is_empty() || sum > LONGEST {
        return Err(wrong());
    }
    Ok(sum)
}

/// Reads `1048576`, `512Ki`, `16Mi` or `16MiB`, `1Gi`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || {
        format!(
            "'{text}' is no size; write bytes or a binary unit, for example 1048576, 512KiB or 16MiB"
        )
    };
    let (number, unit) = digits(text).ok_or_else(wrong)?;
    let factor = match unit.strip_suffix('B').unwrap_or(unit) {
        "" => 1,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).ok_or_else(wrong)
}

/// Writes a duration as [`duration`] reads it, in its largest whole unit.
pub(crate) fn written(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    match milliseconds {
        0 => "0s".to_owned(),
        _ if milliseconds.is_multiple_of(60_000) => format!("{}m", milliseconds / 60_000),
        _ if milliseconds.is_multiple_of(1000) => format!("{}s", milliseconds / 1000),
        _ => format!("{milliseconds}ms"),
    }
}

fn digits(text: &str) -> Option<(u64, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit());
    let (number, rest) = text.split_at(end.unwrap_or(text.len()));
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_needs_its_units() {
        assert_eq!(duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        for wrong in [
            "",
            "5",
            "s",
            "1d",
            "-1s",
            "1.5s",
            "99999999999999999999s",
            "9999999h",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_size_counts_in_powers_of_two() {
        assert_eq!(bytes("17"), Ok(17));
        assert_eq!(bytes("16MiB"), Ok(16 << 20));
        assert_eq!(bytes("16Mi"), Ok(16 << 20));
        assert_eq!(bytes("1GiB"), Ok(1 << 30));
        for wrong in ["", "B16", "16MB", "1.5Mi", "-1", "99999999999Gi"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_duration_is_written_in_its_largest_whole_unit() {
        for text in ["0s", "60ms", "90s", "15m"] {
            assert_eq!(written(duration(text).unwrap()), text);
        }
    }
}

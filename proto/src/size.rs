//! Sizes in bytes: `1048576`, `512Ki`, `16Mi` or `16MiB`, `1Gi`.

/// An error for a string that is not a valid size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid size '{0}': use a form such as 1048576, 512Ki, 16Mi or 1Gi")]
pub struct SizeError(String);

/// Parses a size in bytes, with the binary units of Kubernetes quantities; a `B` may follow the unit.
///
/// # Errors
/// Fails if the text is not a valid size, or if the size does not fit into 64 bits.
pub fn parse(text: &str) -> Result<u64, SizeError> {
    let wrong = || SizeError(text.to_owned());
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit {
        "" => 1,
        "Ki" | "KiB" => 1 << 10,
        "Mi" | "MiB" => 1 << 20,
        "Gi" | "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_units_are_read() {
        assert_eq!(parse("10"), Ok(10));
        assert_eq!(parse("512Ki"), Ok(512 << 10));
        assert_eq!(parse("16MiB"), Ok(16 << 20));
        for wrong in ["", "Mi", "1MB", "1m", "-1", "1.5Gi", "99999999999999Gi"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}

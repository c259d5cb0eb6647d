//! Quantities of Kubernetes, as far as a limit of a container needs them.

/// A quantity as it is written: `500m`, `128Mi`, `1.5`, `1e3`. Not negative.
///
/// A typo must stop the installation, not each pod later.
///
/// # Errors
/// What would be right.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    let wrong = || format!("'{text}' is no quantity; write it as 500m, 0.5, 128Mi or 1G");
    let number = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(number);
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 || number.len() - digits > 1 {
        return Err(wrong());
    }
    let exponent = |rest: &str| {
        let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        !digits.is_empty() && digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit())
    };
    let known = match suffix {
        "" | "n" | "u" | "m" | "k" | "M" | "G" | "T" | "P" | "E" => true,
        "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei" => true,
        _ => suffix.strip_prefix(['e', 'E']).is_some_and(exponent),
    };
    known.then(|| text.to_owned()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn quantities_are_taken_as_kubernetes_writes_them() {
        for text in [
            "0", "10m", "500m", "0.5", ".5", "5.", "16Mi", "1G", "1e3", "1E-2",
        ] {
            assert_eq!(parse(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused_with_the_way_to_write_it() {
        for text in [
            "", "m", "-1", "128MB", "1.2.3", "1 Gi", "1e", "1e+", "16mi", ".",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("write it as"), "{text}: {error}");
        }
    }
}

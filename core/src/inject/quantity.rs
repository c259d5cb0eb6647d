//! Kubernetes quantities in the forms used for requests and limits of containers
//! (`k8s.io/apimachinery/pkg/api/resource/quantity.go`: a decimal number with a suffix or an exponent).

/// Checks a non-negative quantity, such as `500m`, `128Mi`, `1.5` or `1e3`, and returns it.
///
/// This check rejects a typo when Gleaner is installed, rather than each time a pod is created.
///
/// # Errors
/// A message with a remedy, if the text is not a valid quantity.
pub fn parse(text: &str) -> Result<String, String> {
    let wrong = || format!("invalid quantity '{text}': use a form such as 500m, 0.5, 128Mi or 1G");
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

/// Returns true if both quantities are valid, and `text` is larger than `other`. Double precision is more than enough for
/// container resources.
pub(crate) fn is_more(text: &str, other: &str) -> bool {
    value(text)
        .zip(value(other))
        .is_some_and(|(text, other)| text > other)
}

/// Returns true if all quantities are valid, and the sum of `parts` exceeds `whole`. A relative difference below 10^-9 is
/// ignored, because sums of doubles are not exact.
pub(crate) fn is_sum_more(parts: &[String], whole: &str) -> bool {
    let sum: Option<f64> = parts.iter().map(|part| value(part)).sum();
    sum.zip(value(whole))
        .is_some_and(|(sum, whole)| sum > whole * (1.0 + 1e-9))
}

fn value(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, suffix) = text.split_at(end.unwrap_or(text.len()));
    let number: f64 = number.parse().ok()?;
    let power = |base: f64, names: &str| {
        let exponent = names.find(suffix.trim_end_matches('i'))?;
        Some(base.powi(i32::try_from(exponent).ok()? + 1))
    };
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        _ if suffix.ends_with('i') => power(1024.0, "KMGTPE")?,
        "k" | "M" | "G" | "T" | "P" | "E" => power(1000.0, "kMGTPE")?,
        exponent => 10f64.powi(exponent.get(1..)?.parse().ok()?),
    };
    Some(number * factor)
}

#[cfg(test)]
mod tests;

//! Functions that create problem documents, one function for each kind of problem.

use gleaner_proto::exit_code;
use gleaner_proto::message::{Problem, problem_type};

/// The maximum length of `detail`, in bytes. If thousands of objects fail, only `failures` and `left` list them all. The
/// redirector reads the whole detail and shows the first 4 KiB.
const DETAIL_MAX: usize = 64 << 10;

/// Creates a problem. A detail over 64 KiB is truncated.
pub fn new(
    kind: &str,
    status: u16,
    title: &str,
    detail: impl Into<String>,
    exit_code: u8,
) -> Problem {
    Problem {
        kind: kind.to_owned(),
        title: title.to_owned(),
        status,
        detail: cut(detail.into()),
        exit_code,
        pending: Vec::new(),
        failures: Vec::new(),
        removed: Vec::new(),
        left: Vec::new(),
        kept: Vec::new(),
    }
}

fn cut(mut detail: String) -> String {
    if detail.len() > DETAIL_MAX {
        let mut end = DETAIL_MAX;
        while !detail.is_char_boundary(end) {
            end -= 1;
        }
        detail.truncate(end);
        detail.push_str(" ...");
    }
    detail
}

/// Returns the problem to report when variables are still unknown. `unheard` contains the declared steps that have not posted.
pub fn pending(pending: Vec<String>, unheard: &[&str]) -> Problem {
    let variables: Vec<String> = pending.iter().map(|name| format!("$({name})")).collect();
    let mut detail = format!("unresolved variables: {}", variables.join(", "));
    if !unheard.is_empty() {
        detail += &format!("; no outputs arrived from step '{}'", unheard.join("', '"));
    }
    detail += "; declare a default for outputs that may be missing";
    Problem {
        pending,
        ..new(
            problem_type::PENDING,
            409,
            "some variables are unresolved",
            detail,
            exit_code::NOT_CREATED,
        )
    }
}

/// Returns the problem to report when the sidecar is shutting down.
pub fn ending() -> Problem {
    new(
        problem_type::BUSY,
        503,
        "the sidecar is shutting down",
        "the sidecar is shutting down; retry, it may be restarting",
        exit_code::UNREACHABLE,
    )
}

/// Returns the problem to report when the sidecar fails internally.
pub fn internal(detail: impl Into<String>) -> Problem {
    new(
        problem_type::INTERNAL,
        500,
        "the sidecar failed",
        detail,
        exit_code::UNREACHABLE,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_detail_is_cut_between_characters() {
        let detail = |text: &str| internal(text).detail;
        let longest = "x".repeat(DETAIL_MAX);
        assert_eq!(detail(&longest), longest);
        let cut = detail(&format!("x{}", "é".repeat(DETAIL_MAX)));
        assert_eq!(cut.len(), DETAIL_MAX - 1 + " ...".len());
        assert!(cut.ends_with("é ..."));
    }
}

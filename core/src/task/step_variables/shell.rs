//! Recognizes, in a script, shell syntax that looks like a Tekton variable but is not one.

/// Returns true if `inner` looks like the file name of a program, as in `$(steps.sh)`.
pub(super) fn is_program(inner: &str) -> bool {
    const ENDINGS: [&str; 9] = ["sh", "bash", "py", "pl", "rb", "js", "php", "exe", "bin"];
    let ending = inner.split_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

/// The maximum number of bytes to search backward from a variable for the beginning of the line. Without this limit, a check of a
/// long line with many variables would take quadratic time.
const LINE_MAX: usize = 1024;

/// Returns true if the line that contains `offset` is a shell comment. If the line begins more than [`LINE_MAX`] bytes before
/// `offset`, the result is false.
pub(super) fn is_in_comment(script: &str, offset: usize) -> bool {
    let from = offset.saturating_sub(LINE_MAX);
    let before = &script.as_bytes()[from..offset];
    let line = match before.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => &before[end + 1..],
        None if from == 0 => before,
        None => return false,
    };
    let line = line.trim_ascii_start();
    line.starts_with(b"#") && !line.starts_with(b"#!")
}

//! The parts of a script that belong to its shell.

/// Returns true for a single word that is the name of a program, as in `$(steps.sh)`.
pub(super) fn is_program(inner: &str) -> bool {
    const ENDINGS: [&str; 9] = ["sh", "bash", "py", "pl", "rb", "js", "php", "exe", "bin"];
    let ending = inner.split_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

/// The maximum number of bytes of a line that are searched: a one-line script may have a variable every few bytes.
const LINE_MAX: usize = 1024;

/// Returns true if the line at `offset` is a shell comment. A comment that begins more than [`LINE_MAX`] bytes before `offset` is
/// not recognized.
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

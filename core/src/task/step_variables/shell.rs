//! The parts of a script that belong to its shell.

/// Returns true for a command of one word that is the name of a program: `$(steps.sh)`.
pub(super) fn is_program(inner: &str) -> bool {
    const ENDINGS: [&str; 9] = ["sh", "bash", "py", "pl", "rb", "js", "php", "exe", "bin"];
    let ending = inner.split_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

/// The longest beginning of a line that is read, in bytes: a script of one line may have a variable every few bytes.
const LINE_MAX: usize = 1024;

/// Returns true if the line at `offset` is a comment of a shell. It is not recognized more than [`LINE_MAX`] bytes after its
/// beginning.
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

//! The parts of a script that belong to its shell.

/// Returns true for a command of one word that is the name of a program: `$(steps.sh)`.
pub(super) fn is_program(inner: &str) -> bool {
    const ENDINGS: [&str; 9] = ["sh", "bash", "py", "pl", "rb", "js", "php", "exe", "bin"];
    let ending = inner.split_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

/// Returns true if the line at `offset` is a comment of a shell.
pub(super) fn is_in_comment(script: &str, offset: usize) -> bool {
    let line = script[..offset].rsplit('\n').next().unwrap_or_default();
    let line = line.trim_start();
    line.starts_with('#') && !line.starts_with("#!")
}

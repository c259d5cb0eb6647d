//! The wait line: the last line on the terminal, which shows what the run waits for. All other lines are printed above it.

use std::fmt::Display;
use std::io::{IsTerminal, Write, stderr};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use crate::terminal::visible;

/// Control characters that move the cursor to the beginning of the line, and erase the line.
const ERASE: &str = "\r\u{1b}[2K";
/// The number of columns to assume if the terminal does not report its size.
const COLUMNS: usize = 80;

/// The text of the wait line; empty if the line is not shown.
static SHOWN: Mutex<String> = Mutex::new(String::new());

/// True if standard error is a terminal that can erase a line.
static CAN_ERASE: LazyLock<bool> = LazyLock::new(|| {
    let is_dumb = std::env::var_os("TERM").is_none_or(|name| name == "dumb");
    stderr().is_terminal() && !is_dumb
});

/// Returns true if standard error is a terminal that can show the wait line.
pub(crate) fn is_possible() -> bool {
    *CAN_ERASE
}

/// Prints `line` on standard error, above the wait line.
pub(crate) fn print(line: impl Display) {
    let shown = shown();
    if shown.is_empty() {
        anstream::eprintln!("{line}");
        return;
    }
    write(ERASE);
    anstream::eprintln!("{line}");
    write(&shown);
}

/// Replaces the wait line with `text`, shortened to the terminal's width. Erases the line if `text` is empty.
pub(crate) fn show(text: &str) {
    let mut shown = shown();
    // A control character in a value would prevent the line from being erased.
    let text = visible(text).replace(['\n', '\t'], " ");
    let text: String = text.chars().take(columns().saturating_sub(1)).collect();
    if *shown != text {
        write(&format!("{ERASE}{text}"));
        *shown = text;
    }
}

fn shown() -> MutexGuard<'static, String> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes to the terminal without `anstream`, which would remove [`ERASE`] with `--color never`.
fn write(text: &str) {
    // Ignore errors, because the wait line has no purpose if the terminal is closed.
    let _ = stderr().lock().write_all(text.as_bytes());
}

fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(stderr());
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    if columns == 0 { COLUMNS } else { columns }
}

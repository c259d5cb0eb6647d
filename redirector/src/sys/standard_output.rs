//! Detects whether standard output was closed at startup. The detection runs before `main`, because the Rust runtime replaces a
//! closed standard output with `/dev/null` before it calls `main`.

use std::sync::atomic::{AtomicBool, Ordering};

static IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// A pointer in the section `.init_array`. This section contains pointers to functions that the C library calls before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = note;

extern "C" fn note() {
    // SAFETY: fcntl with F_GETFD has no further argument and does not access memory.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    IS_CLOSED.store(flags < 0, Ordering::Relaxed);
}

/// Returns true if the process was started with a closed standard output.
pub(crate) fn is_closed() -> bool {
    // Use the static, so that the linker does not remove it.
    std::hint::black_box(AT_START);
    IS_CLOSED.load(Ordering::Relaxed)
}

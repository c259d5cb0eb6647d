//! Standard output as the process inherited it: before `main`, Rust's runtime replaces a closed one with `/dev/null`.

use std::sync::atomic::{AtomicBool, Ordering};

static IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// The functions of this section run before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = note;

extern "C" fn note() {
    // SAFETY: fcntl has no preconditions, and F_GETFD has no argument.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    IS_CLOSED.store(flags < 0, Ordering::Relaxed);
}

/// Returns true if the process was started with a closed standard output.
pub(crate) fn is_closed() -> bool {
    // Keeps the static above where the linker would drop it.
    std::hint::black_box(AT_START);
    IS_CLOSED.load(Ordering::Relaxed)
}

//! Panics: they end one decision, and say where they were, never what they were about.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};

thread_local! {
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on a panic is logged with its place alone: its message may quote the object that it was about.
pub(crate) fn install() {
    panic::set_hook(Box::new(|info| {
        let place = info
            .location()
            .map(|at| format!("{}:{}:{}", at.file(), at.line(), at.column()));
        let place = place.unwrap_or_else(|| "an unknown place".to_owned());
        tracing::error!(place, "panic");
        PLACE.with(|last| last.replace(Some(place)));
    }));
}

/// Runs `work`; a panic in it comes back as the place where it was, if [`install`] has been called.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // What the closure borrowed is read only, and what it has made is gone.
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        // A payload whose own drop panics would get past the guard.
        std::mem::drop(panic::catch_unwind(AssertUnwindSafe(|| drop(payload))));
        let place = PLACE.with(RefCell::take);
        place.unwrap_or_else(|| "an unknown place".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_comes_back_as_its_place() {
        install();
        let place = guarded(|| -> () { panic!("secret") }).unwrap_err();
        assert!(
            place.contains("guard.rs:") && !place.contains("secret"),
            "{place}"
        );
        assert_eq!(guarded(|| 1), Ok(1));
    }
}

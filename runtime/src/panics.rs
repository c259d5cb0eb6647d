//! Panics that are logged and caught without their message, which may quote an object or a secret.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};

thread_local! {
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

const UNKNOWN: &str = "an unknown place";

/// From now on, a panic is logged with its place in the source and nothing else.
pub fn install() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(
            || UNKNOWN.to_owned(),
            |at| format!("{}:{}:{}", at.file(), at.line(), at.column()),
        );
        tracing::error!(place, "panic");
        PLACE.with(|last| last.replace(Some(place)));
    }));
}

/// Runs `work`. A panic in it becomes an error: its place in the source, if [`install`] has been called.
///
/// # Errors
/// The place of a panic in `work`.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // The closure borrows only what it reads, and what it made is gone.
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        // A payload that panics when it is dropped would escape otherwise.
        std::mem::drop(panic::catch_unwind(AssertUnwindSafe(|| drop(payload))));
        PLACE
            .with(RefCell::take)
            .unwrap_or_else(|| UNKNOWN.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_comes_back_as_its_place() {
        install();
        let place = catch(|| -> () { panic!("secret") }).unwrap_err();
        assert!(
            place.contains("panics.rs:") && !place.contains("secret"),
            "{place}"
        );
        assert_eq!(catch(|| 1), Ok(1));
    }
}

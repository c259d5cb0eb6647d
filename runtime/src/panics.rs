//! Logs and catches panics. Omits the panic message, which may quote an object or a secret.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::task::Poll;

thread_local! {
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

const UNKNOWN: &str = "an unknown location";

/// Installs a hook that logs only the source location of a panic.
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

/// Runs `work`, and converts a panic to an error. The error contains the source location if [`install`] was called before.
///
/// # Errors
/// Returns the source location of a panic in `work`.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // A panic cannot leave shared data inconsistent, because `work` only reads the data that it borrows, and its own values are
    // dropped.
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        // Dropping the payload may panic too, and that panic must not escape.
        std::mem::drop(panic::catch_unwind(AssertUnwindSafe(|| drop(payload))));
        PLACE
            .with(RefCell::take)
            .unwrap_or_else(|| UNKNOWN.to_owned())
    })
}

/// Like [`catch`], for asynchronous work. After a panic, `work` is dropped, so its borrows end.
///
/// # Errors
/// Returns the source location of a panic in `work`.
pub async fn catch_async<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let mut work = pin!(work);
    poll_fn(|context| match catch(|| work.as_mut().poll(context)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
        Err(place) => Poll::Ready(Err(place)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_returned_as_its_location() {
        install();
        let place = catch(|| -> () { panic!("secret") }).unwrap_err();
        assert!(
            place.contains("panics.rs:") && !place.contains("secret"),
            "{place}"
        );
        assert_eq!(catch(|| 1), Ok(1));
    }

    #[tokio::test]
    async fn a_panic_after_an_await_is_returned_as_its_location() {
        install();
        let mut reached = 0;
        let place = catch_async(async {
            reached = 1;
            tokio::task::yield_now().await;
            panic!("secret")
        });
        let place: Result<(), String> = place.await;
        assert!(place.unwrap_err().contains("panics.rs:"));
        assert_eq!(reached, 1);
        assert_eq!(catch_async(async { 1 }).await, Ok(1));
    }
}

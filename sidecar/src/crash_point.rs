//! Faults that a test may inject, only with the feature `crash-points`.
//!
//! Crash points are places at which a test may kill the sidecar: if `GLEANER_CRASH_POINT` names the place, the sidecar
//! creates the file `crash-point` in its state directory and blocks there until it is killed. It does so once per state
//! directory, so that the restarted sidecar continues.

/// Passes the place called `name`.
#[cfg(feature = "crash-points")]
pub(crate) fn reach(state: &std::path::Path, name: &str) {
    let wanted = std::env::var("GLEANER_CRASH_POINT").is_ok_and(|wanted| wanted == name);
    let marker = state.join("crash-point");
    if wanted && std::fs::File::create_new(marker).is_ok() {
        loop {
            std::thread::park();
        }
    }
}

/// Passes the place called `name`: does nothing in a build without the feature `crash-points`.
#[cfg(not(feature = "crash-points"))]
pub(crate) const fn reach(_state: &std::path::Path, _name: &str) {}

/// Makes the disk slow: waits before an fsync for the milliseconds in the file that `GLEANER_SLOW_DISK` names.
#[cfg(feature = "crash-points")]
pub(crate) fn slow_disk() {
    let file = std::env::var_os("GLEANER_SLOW_DISK");
    let millis = file.and_then(|file| std::fs::read_to_string(file).ok());
    if let Some(millis) = millis.and_then(|millis| millis.parse().ok()) {
        std::thread::sleep(std::time::Duration::from_millis(millis));
    }
}

/// Makes the disk slow: does nothing in a build without the feature `crash-points`.
#[cfg(not(feature = "crash-points"))]
pub(crate) const fn slow_disk() {}

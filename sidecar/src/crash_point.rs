//! Fault injection for tests. It is compiled only with the feature `crash-points`.
//!
//! A crash point is a position in the code at which a test can kill the sidecar. If `GLEANER_CRASH_POINT` contains the crash
//! point's name, the sidecar creates the file `crash-point` in its state directory and blocks until it is killed. The sidecar
//! blocks only once per state directory, so a restarted sidecar passes the crash point.

/// Blocks at the crash point `name`, if the test selected it.
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

/// Does nothing, because the feature `crash-points` is disabled.
#[cfg(not(feature = "crash-points"))]
pub(crate) const fn reach(_state: &std::path::Path, _name: &str) {}

/// Simulates a slow disk. Before an fsync, waits for the number of milliseconds in the file whose path is in `GLEANER_SLOW_DISK`.
#[cfg(feature = "crash-points")]
pub(crate) fn slow_disk() {
    let file = std::env::var_os("GLEANER_SLOW_DISK");
    let millis = file.and_then(|file| std::fs::read_to_string(file).ok());
    if let Some(millis) = millis.and_then(|millis| millis.parse().ok()) {
        std::thread::sleep(std::time::Duration::from_millis(millis));
    }
}

/// Does nothing, because the feature `crash-points` is disabled.
#[cfg(not(feature = "crash-points"))]
pub(crate) const fn slow_disk() {}

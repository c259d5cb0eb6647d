//! The witness: a second process in the redirector's process group. It receives only the signals that are sent to the group.
//!
//! The kernel does not report whether a signal was sent to a single process or to its group. If a signal was sent to the group,
//! the command has received it too, and the redirector must not forward it. If it was sent to the redirector alone, the
//! redirector must forward it. The witness blocks all signals, and reports on request which signals have arrived. A signal that
//! has arrived at the witness was sent to the group.

use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::signals::{Change, Received, bit, change_of, next_pending, pending, send};

/// The maximum time to wait for a report from the witness. A report normally arrives within a few microseconds. It
/// arrives late if the machine was suspended, and never if the witness was killed.
static REPORT: libc::timespec = libc::timespec {
    tv_sec: 1,
    tv_nsec: 0,
};
/// The interval at which the witness checks whether a stopped command was continued.
const WATCH: Duration = Duration::from_millis(20);

/// The memory that the redirector and the witness share. Initially, all bytes are zero.
#[derive(Default)]
struct Shared {
    /// The number of the latest request for a report.
    asked: AtomicU32,
    /// The number of the latest report.
    reported: AtomicU32,
    /// The signals in the latest report, as [`bit`]s.
    signals: AtomicU64,
    /// The process ID of the stopped command, which the witness checks while the redirector itself is stopped; otherwise 0.
    watched: AtomicI32,
}

/// The witness process.
pub(crate) struct Witness {
    process: Option<libc::pid_t>,
    shared: *const Shared,
    /// The signals that the witness has reported, but that this process has not removed from its own queue yet.
    ahead: u64,
}

// === impl Witness ===

impl Witness {
    /// Starts the witness. It must be started before the command, so that it receives every group signal that the command
    /// receives. If it cannot be started, for example because of a limit on processes, every signal is treated as sent to
    /// the redirector alone.
    ///
    /// All signals must be blocked, and this process must have no other threads.
    pub(crate) fn start() -> Self {
        let mut witness = Self {
            process: None,
            shared: ptr::null(),
            ahead: 0,
        };
        // SAFETY: an anonymous mapping does not access existing memory. All bytes zero is a valid `Shared`, and a page has
        // sufficient alignment. This process has a single thread, so the child may run any code.
        unsafe {
            let shared = libc::mmap(
                ptr::null_mut(),
                size_of::<Shared>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            if shared == libc::MAP_FAILED {
                return witness;
            }
            witness.shared = shared.cast();
            let parent = libc::getpid();
            match libc::fork() {
                0 => watch_signals(&*witness.shared, parent),
                process if process > 0 => witness.process = Some(process),
                _ => {}
            }
        }
        witness
    }

    /// Returns true if `signal`, which this process has just removed from its queue, was sent to the whole group.
    pub(crate) fn received(&mut self, signal: Received) -> bool {
        self.ahead |= self.report();
        // The witness may already have received a later signal that the kernel has not delivered to this process yet, so wait for
        // the delivery.
        finish_sending();
        let pending = pending();
        let received = self.ahead & bit(signal.number) != 0
            || self.ahead & pending & removers(signal.number) != 0;
        // If a signal arrives twice before a report, the report contains it only once. Therefore, keep the signals that are still
        // pending in this process.
        self.ahead &= pending;
        received
    }

    /// Sends the signals that the witness has received so far to the calling process, which was created after the witness. All
    /// signals must be blocked. The function allocates no memory.
    pub(crate) fn make_up(&mut self) {
        let reported = self.report();
        let missed = reported & !pending();
        for number in (1..=64).filter(|&number| missed & bit(number) != 0) {
            // SAFETY: getpid and kill do not access memory.
            unsafe { libc::kill(libc::getpid(), number) };
        }
        self.ahead |= reported;
    }

    /// Returns true if the witness sent `signal`.
    pub(crate) fn sent(&self, signal: Received) -> bool {
        signal.sender.is_some() && signal.sender == self.process
    }

    /// Handles a state change of the child `pid`, which may be the witness.
    pub(crate) fn changed(&mut self, pid: libc::pid_t, change: Change) {
        match change {
            _ if self.process != Some(pid) => {}
            // A SIGSTOP was sent to the group, but only this process was continued afterwards, so continue the witness too.
            Change::Stopped(_) => send(libc::SIGCONT, pid),
            _ => self.process = None,
        }
    }

    /// Calls `stop`, which stops this process. During the stop, the witness checks the process `pid`, and continues this process
    /// as soon as `pid` is no longer stopped.
    pub(crate) fn while_stopped(&mut self, pid: libc::pid_t, stop: impl FnOnce()) {
        let Some(shared) = self.shared() else {
            return stop();
        };
        shared.watched.store(pid, Ordering::SeqCst);
        self.ahead |= self.report();
        stop();
        shared.watched.store(0, Ordering::SeqCst);
    }

    /// Kills the witness, but does not wait until it exits.
    pub(crate) fn end(&mut self) {
        if let Some(process) = self.process.take() {
            send(libc::SIGKILL, process);
        }
    }

    fn shared(&self) -> Option<&'static Shared> {
        // SAFETY: the pointer is null, or points to a mapping that is never removed.
        unsafe { self.shared.as_ref() }
    }

    /// Returns the signals that have arrived at the witness since the previous report, as [`bit`]s.
    fn report(&mut self) -> u64 {
        let (Some(process), Some(shared)) = (self.process, self.shared()) else {
            return 0;
        };
        if let Some((_, change)) = change_of(process) {
            self.changed(process, change);
            if self.process.is_none() {
                return 0;
            }
        }
        finish_sending();
        let number = shared.asked.fetch_add(1, Ordering::SeqCst) + 1;
        wake(&shared.asked);
        loop {
            let reported = shared.reported.load(Ordering::SeqCst);
            if reported == number {
                return shared.signals.swap(0, Ordering::SeqCst);
            }
            if !sleep(&shared.reported, reported, &raw const REPORT) {
                return 0;
            }
        }
    }
}

/// Returns the signals, as [`bit`]s, whose arrival removes a pending `signal` from the queue of a process (signal(7)). If such a
/// signal is still pending in this process, its arrival at the witness may have removed `signal` from the witness's queue before
/// the witness could report it.
const fn removers(signal: c_int) -> u64 {
    match signal {
        libc::SIGCONT => bit(libc::SIGTSTP) | bit(libc::SIGTTIN) | bit(libc::SIGTTOU),
        libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => bit(libc::SIGCONT),
        _ => 0,
    }
}

/// The main loop of the witness process.
fn watch_signals(shared: &Shared, parent: libc::pid_t) -> ! {
    // SAFETY: these calls do not access memory.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
        if libc::getppid() != parent {
            libc::_exit(0);
        }
        // Close all file descriptors, so that the witness does not keep the step's pipes open. Kernels before 5.9 do not have
        // this call; with such a kernel, the pipes are closed when the witness is killed with the redirector.
        libc::syscall(libc::SYS_close_range, 0, libc::c_uint::MAX, 0);
    }
    let mut reported = 0;
    loop {
        let asked = shared.asked.load(Ordering::SeqCst);
        if asked != reported {
            let mut signals = 0;
            while let Some(signal) = next_pending() {
                // Ignore the SIGCONT with which the redirector continues a stopped witness.
                if signal.sender != Some(parent) {
                    signals |= bit(signal.number);
                }
            }
            reported = asked;
            shared.signals.fetch_or(signals, Ordering::SeqCst);
            shared.reported.store(asked, Ordering::SeqCst);
            wake(&shared.reported);
            continue;
        }
        match shared.watched.load(Ordering::SeqCst) {
            0 => {
                sleep(&shared.asked, asked, ptr::null());
            }
            watched => {
                std::thread::sleep(WATCH);
                // If a signal that was sent only to the command's process ID continued or killed the command, the stopped
                // redirector did not receive this signal, so continue the redirector.
                if !is_stopped(watched) && shared.watched.load(Ordering::SeqCst) == watched {
                    shared.watched.store(0, Ordering::SeqCst);
                    send(libc::SIGCONT, parent);
                }
            }
        }
    }
}

/// If the kernel is sending a signal to the group, waits until the kernel has delivered it to all processes in the group. The
/// kernel holds `tasklist_lock` for reading while it sends the signal, and `setpgid` acquires this lock for writing. This call to
/// `setpgid` has no other effect.
fn finish_sending() {
    // SAFETY: setpgid and getpgid do not access memory.
    unsafe { libc::setpgid(0, libc::getpgid(0)) };
}

/// Returns true if the process `pid` is stopped, or if its state cannot be read.
pub(crate) fn is_stopped(pid: libc::pid_t) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return true;
    };
    // The format is "PID (NAME) STATE ...".
    let state = status.rsplit(')').next().unwrap_or_default().trim_start();
    state.starts_with(['T', 't'])
}

/// Sleeps for at most `time` while `word` has the value `value`. Returns false if the time has passed.
fn sleep(word: &AtomicU32, value: u32, time: *const libc::timespec) -> bool {
    // SAFETY: the word is aligned and mapped, and the time is null or valid.
    let slept = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            value,
            time,
        )
    };
    slept == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ETIMEDOUT)
}

/// Wakes the process that sleeps on `word`.
fn wake(word: &AtomicU32) {
    let one: c_int = 1;
    // SAFETY: the word is aligned and mapped.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, one) };
}

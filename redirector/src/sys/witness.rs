//! A second process in the redirector's group, which receives the signals that are sent to the group, and no others.
//!
//! The kernel does not tell a process whether a signal was sent to it alone or to its group. If to the group, the
//! command received it too, and must not receive it again; if not, only the redirector can pass it on. The witness
//! knows: it only waits with all signals blocked, and reports which have arrived.

use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::signals::{Change, Received, bit, change_of, next_pending, pending, send};

/// Longest wait for the witness's report. A report takes some microseconds; a witness without one was suspended together
/// with the machine, or has just been killed.
static REPORT: libc::timespec = libc::timespec {
    tv_sec: 1,
    tv_nsec: 0,
};
/// The interval at which a stopped command is checked.
const WATCH: Duration = Duration::from_millis(20);

/// The memory that both processes share. All zeroes at first.
#[derive(Default)]
struct Shared {
    /// The number of the last request for a report.
    asked: AtomicU32,
    /// The number of the last report.
    reported: AtomicU32,
    /// The signals of the last report, as [`bit`]s.
    signals: AtomicU64,
    /// The stopped process to check while the redirector is stopped itself; 0 for none.
    watched: AtomicI32,
}

/// The witness process.
pub(crate) struct Witness {
    process: Option<libc::pid_t>,
    shared: *const Shared,
    /// Signals that the witness reported and this process has not taken off its queue yet.
    ahead: u64,
}

// === impl Witness ===

impl Witness {
    /// Starts the witness, before the command: it must not miss a signal that the command receives. Without one (no
    /// process or memory is left) no signal counts as sent to the group.
    ///
    /// All signals must be blocked, and no other thread may run.
    pub(crate) fn start() -> Self {
        let mut witness = Self {
            process: None,
            shared: ptr::null(),
            ahead: 0,
        };
        // SAFETY: an anonymous mapping has no preconditions; all zeroes is a valid `Shared`, and a page is aligned for
        // it. The child of a process with one thread may do anything.
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
        // The witness may have a later signal that is still being sent to this process.
        finish_sending();
        let pending = pending();
        let received = self.ahead & bit(signal.number) != 0
            || self.ahead & pending & removers(signal.number) != 0;
        // A signal that arrived twice before the report appears once in the report.
        self.ahead &= pending;
        received
    }

    /// Sends to the calling process, which was created after the witness, the signals that the witness received before.
    /// All signals must be blocked; nothing is allocated.
    pub(crate) fn make_up(&mut self) {
        let reported = self.report();
        let missed = reported & !pending();
        for number in (1..=64).filter(|&number| missed & bit(number) != 0) {
            // SAFETY: neither has preconditions on memory.
            unsafe { libc::kill(libc::getpid(), number) };
        }
        self.ahead |= reported;
    }

    /// Returns true if the witness itself sent `signal`.
    pub(crate) fn sent(&self, signal: Received) -> bool {
        signal.sender.is_some() && signal.sender == self.process
    }

    /// Handles a change of the child `pid`, which may be the witness.
    pub(crate) fn changed(&mut self, pid: libc::pid_t, change: Change) {
        match change {
            _ if self.process != Some(pid) => {}
            // A SIGSTOP to the group, of which only this process was continued.
            Change::Stopped(_) => send(libc::SIGCONT, pid),
            _ => self.process = None,
        }
    }

    /// Runs `stop`, which stops this process, while the witness checks the process `pid`: if it is not stopped, this
    /// process is continued.
    pub(crate) fn while_stopped(&mut self, pid: libc::pid_t, stop: impl FnOnce()) {
        let Some(shared) = self.shared() else {
            return stop();
        };
        shared.watched.store(pid, Ordering::SeqCst);
        self.ahead |= self.report();
        stop();
        shared.watched.store(0, Ordering::SeqCst);
    }

    /// Ends the witness, without waiting for it.
    pub(crate) fn end(&mut self) {
        if let Some(process) = self.process.take() {
            send(libc::SIGKILL, process);
        }
    }

    fn shared(&self) -> Option<&'static Shared> {
        // SAFETY: null, or a mapping that is never removed.
        unsafe { self.shared.as_ref() }
    }

    /// Returns the signals that have arrived at the witness since the last report, as [`bit`]s.
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

/// Returns the signals whose arrival removes `signal` from the queue of a process, as [`bit`]s (signal(7)): the witness
/// may have lost it to one that this process has not taken off its queue yet.
const fn removers(signal: c_int) -> u64 {
    match signal {
        libc::SIGCONT => bit(libc::SIGTSTP) | bit(libc::SIGTTIN) | bit(libc::SIGTTOU),
        libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => bit(libc::SIGCONT),
        _ => 0,
    }
}

/// Runs the witness process.
fn watch_signals(shared: &Shared, parent: libc::pid_t) -> ! {
    // SAFETY: none of these has preconditions on memory.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
        if libc::getppid() != parent {
            libc::_exit(0);
        }
        // Pipes of the step must not stay open because of the witness. Kernels before 5.9 refuse; then the redirector's
        // end closes them.
        libc::syscall(libc::SYS_close_range, 0, libc::c_uint::MAX, 0);
    }
    let mut reported = 0;
    loop {
        let asked = shared.asked.load(Ordering::SeqCst);
        if asked != reported {
            let mut signals = 0;
            while let Some(signal) = next_pending() {
                // It continues a witness that was stopped.
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
                // Continued or killed by its own process id; this process would never know.
                if !is_stopped(watched) && shared.watched.load(Ordering::SeqCst) == watched {
                    shared.watched.store(0, Ordering::SeqCst);
                    send(libc::SIGCONT, parent);
                }
            }
        }
    }
}

/// Waits until signals that are being sent to a group have reached all of it: while the kernel sends, it holds a lock
/// for reading (`tasklist_lock`) that `setpgid` takes for writing. The call changes nothing.
fn finish_sending() {
    // SAFETY: neither has preconditions.
    unsafe { libc::setpgid(0, libc::getpgid(0)) };
}

/// Returns true if the process `pid` is stopped, or cannot be checked.
pub(crate) fn is_stopped(pid: libc::pid_t) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return true;
    };
    // "PID (NAME) STATE ..."
    let state = status.rsplit(')').next().unwrap_or_default().trim_start();
    state.starts_with(['T', 't'])
}

/// Sleeps while `word` is `value`, at most for `time`. Returns false if the time has passed.
fn sleep(word: &AtomicU32, value: u32, time: *const libc::timespec) -> bool {
    // SAFETY: the word is aligned and mapped; the time is null or valid.
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

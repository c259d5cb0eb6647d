//! The witness: a second process in the redirector's group, which receives only the signals that are sent to the group.
//!
//! The kernel does not tell a process whether a signal was sent to it alone or to its group. If it was sent to the group,
//! the command has received it too, and must not receive it again; if it was sent to the redirector alone, the redirector
//! must forward it. The witness blocks all signals, waits, and reports which signals have arrived; a signal that reached
//! the witness was sent to the group.

use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::signals::{Change, Received, bit, change_of, next_pending, pending, send};

/// The maximum wait for the witness's report. A report takes a few microseconds; if it takes longer, the witness was
/// suspended together with the machine, or has just been killed.
static REPORT: libc::timespec = libc::timespec {
    tv_sec: 1,
    tv_nsec: 0,
};
/// The interval at which a stopped command is checked.
const WATCH: Duration = Duration::from_millis(20);

/// The memory that the redirector and the witness share; initially all zeroes.
#[derive(Default)]
struct Shared {
    /// The number of the last request for a report.
    asked: AtomicU32,
    /// The number of the last report.
    reported: AtomicU32,
    /// The signals of the last report, as [`bit`]s.
    signals: AtomicU64,
    /// The stopped process that the witness checks while the redirector itself is stopped; 0 for none.
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
    /// Starts the witness. It must start before the command, so that it misses no signal that the command receives. If it
    /// cannot be started (no process or memory is left), no signal counts as sent to the group.
    ///
    /// All signals must be blocked, and no other thread may run.
    pub(crate) fn start() -> Self {
        let mut witness = Self {
            process: None,
            shared: ptr::null(),
            ahead: 0,
        };
        // SAFETY: an anonymous mapping has no preconditions; all zeroes is a valid `Shared`, and a page is sufficiently
        // aligned. This process has one thread, so the child may run any code.
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
        // The witness may already have a later signal that the kernel is still delivering to this process.
        finish_sending();
        let pending = pending();
        let received = self.ahead & bit(signal.number) != 0
            || self.ahead & pending & removers(signal.number) != 0;
        // A signal that arrived twice before the report appears once in the report.
        self.ahead &= pending;
        received
    }

    /// Sends the signals that the witness has received so far to the calling process, which was created after the witness.
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
            // A SIGSTOP was sent to the group, but only this process was continued.
            Change::Stopped(_) => send(libc::SIGCONT, pid),
            _ => self.process = None,
        }
    }

    /// Runs `stop`, which stops this process, while the witness checks the process `pid`. Once that process is no longer
    /// stopped, the witness continues this process.
    pub(crate) fn while_stopped(&mut self, pid: libc::pid_t, stop: impl FnOnce()) {
        let Some(shared) = self.shared() else {
            return stop();
        };
        shared.watched.store(pid, Ordering::SeqCst);
        self.ahead |= self.report();
        stop();
        shared.watched.store(0, Ordering::SeqCst);
    }

    /// Kills the witness, without waiting for it to exit.
    pub(crate) fn end(&mut self) {
        if let Some(process) = self.process.take() {
            send(libc::SIGKILL, process);
        }
    }

    fn shared(&self) -> Option<&'static Shared> {
        // SAFETY: the pointer is null, or points to a mapping that is never removed.
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

/// Returns the signals, as [`bit`]s, whose arrival removes `signal` from the queue of a process (signal(7)). Such a signal
/// may have removed `signal` from the witness's queue, while this process has not removed it from its own queue yet.
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
        // The witness must not keep the step's pipes open. Kernels before 5.9 lack this call; there the pipes are closed
        // when the witness is killed with the redirector.
        libc::syscall(libc::SYS_close_range, 0, libc::c_uint::MAX, 0);
    }
    let mut reported = 0;
    loop {
        let asked = shared.asked.load(Ordering::SeqCst);
        if asked != reported {
            let mut signals = 0;
            while let Some(signal) = next_pending() {
                // The redirector sends this signal to continue a stopped witness.
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
                // The command was continued or killed by its process id, which the stopped redirector cannot notice.
                if !is_stopped(watched) && shared.watched.load(Ordering::SeqCst) == watched {
                    shared.watched.store(0, Ordering::SeqCst);
                    send(libc::SIGCONT, parent);
                }
            }
        }
    }
}

/// Waits until a signal that is being sent to the group has reached all processes in it. While the kernel sends the signal,
/// it holds a lock for reading (`tasklist_lock`) that `setpgid` takes for writing. The call changes nothing else.
fn finish_sending() {
    // SAFETY: the calls have no preconditions.
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

//! Blocks, receives and sends signals, and terminates this process with a signal.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// A set of blocked signals.
pub(crate) struct Mask(pub(super) libc::sigset_t);

/// A signal that has arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received {
    /// The number of the signal.
    pub(crate) number: c_int,
    /// The process that sent the signal with `kill`, or `None` if the kernel or a process in another PID namespace sent it.
    pub(crate) sender: Option<libc::pid_t>,
}

/// A state change of a child process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The child exited with this code.
    Exited(c_int),
    /// The child was killed by this signal.
    Killed(c_int),
    /// The child was stopped by this signal.
    Stopped(c_int),
}

/// True if SIGPIPE was ignored before [`ignore_broken_pipes`] was called. In that case, the command also ignores SIGPIPE.
static PIPES_WERE_IGNORED: AtomicBool = AtomicBool::new(false);

/// The origin of the SIGPIPE action at startup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// The action was inherited from the parent process.
    Inherited,
    /// The Rust runtime has replaced the inherited action.
    Runtime,
}

/// Ignores SIGPIPE, so that a write to a closed pipe returns an error instead of killing the process.
pub(crate) fn ignore_broken_pipes(before: Before) {
    // SAFETY: no handler is installed.
    let action = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    let ignored = before == Before::Inherited && action == libc::SIG_IGN;
    PIPES_WERE_IGNORED.store(ignored, Ordering::Relaxed);
}

pub(super) fn pipes_were_ignored() -> bool {
    PIPES_WERE_IGNORED.load(Ordering::Relaxed)
}

/// Blocks all signals that can be blocked, and returns the previous mask. While signals are blocked, the kernel queues even those
/// that this process ignores.
pub(crate) fn block_signals() -> Mask {
    let mut before = empty_set();
    let all = full_set();
    // SAFETY: both sets are initialized.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const all, &raw mut before) };
    Mask(before)
}

/// Discards the signals that have arrived since `block_signals`, and restores the mask `before`.
pub(crate) fn unblock_signals(before: &Mask) {
    while next_pending().is_some() {}
    // SAFETY: the set is initialized.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const before.0, ptr::null_mut()) };
}

/// Waits for the next blocked signal.
pub(crate) fn next_signal() -> Received {
    let all = full_set();
    loop {
        let mut information = MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: the set is initialized, and the information is writable.
        let number = unsafe { libc::sigwaitinfo(&raw const all, information.as_mut_ptr()) };
        if number > 0 {
            // SAFETY: the kernel has filled the structure. A structure with all bytes zero would also be valid.
            return Received::new(number, &unsafe { information.assume_init() });
        }
    }
}

/// If a SIGCONT is pending, removes and returns it. A wait for any signal would return a pending SIGCHLD first.
pub(crate) fn pending_continue() -> Option<Received> {
    let mut only = empty_set();
    // SAFETY: the set is initialized.
    unsafe { libc::sigaddset(&raw mut only, libc::SIGCONT) };
    take(&only)
}

/// Removes and returns the next pending signal.
pub(super) fn next_pending() -> Option<Received> {
    take(&full_set())
}

/// If a signal in `set` is pending, removes and returns it.
fn take(set: &libc::sigset_t) -> Option<Received> {
    let mut information = MaybeUninit::<libc::siginfo_t>::zeroed();
    let at_once = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the set and the time are initialized, and the information is writable.
    let number = unsafe { libc::sigtimedwait(set, information.as_mut_ptr(), &raw const at_once) };
    // SAFETY: the kernel has filled the structure. A structure with all bytes zero would also be valid.
    (number > 0).then(|| Received::new(number, &unsafe { information.assume_init() }))
}

/// Returns the set of pending signals, as [`bit`]s.
pub(super) fn pending() -> u64 {
    let mut set = empty_set();
    // SAFETY: the set is writable, and the first call initializes it for the second.
    unsafe {
        libc::sigpending(&raw mut set);
        (1..=64)
            .filter(|&number| libc::sigismember(&raw const set, number) == 1)
            .fold(0, |bits, number| bits | bit(number))
    }
}

/// Returns the bit that represents a signal in a set of 64 signals.
pub(super) const fn bit(number: c_int) -> u64 {
    1 << (number - 1)
}

/// Returns the next child that has terminated or stopped, and its state change. If no child has changed its state, returns
/// `None`.
pub(crate) fn reap() -> Option<(libc::pid_t, Change)> {
    change_of(-1)
}

/// Returns the next state change of the child `pid`, or of any child if `pid` is -1.
pub(super) fn change_of(pid: libc::pid_t) -> Option<(libc::pid_t, Change)> {
    let mut status = 0;
    // SAFETY: `status` is writable.
    let pid = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG | libc::WUNTRACED) };
    let change = if libc::WIFSTOPPED(status) {
        Change::Stopped(libc::WSTOPSIG(status))
    } else if libc::WIFSIGNALED(status) {
        Change::Killed(libc::WTERMSIG(status))
    } else {
        Change::Exited(libc::WEXITSTATUS(status))
    };
    (pid > 0).then_some((pid, change))
}

/// Sends `signal` to the process `pid`, or to a process group if `pid` is the negated group ID.
pub(crate) fn send(signal: c_int, pid: libc::pid_t) {
    // SAFETY: kill does not access memory.
    unsafe { libc::kill(pid, signal) };
}

/// Returns the process group of `pid`, or of this process if `pid` is 0.
pub(crate) fn group_of(pid: libc::pid_t) -> libc::pid_t {
    // SAFETY: getpgid does not access memory.
    unsafe { libc::getpgid(pid) }
}

/// Returns true if this process is the leader of its process group.
pub(crate) fn leads_its_group() -> bool {
    // SAFETY: getpid does not access memory.
    group_of(0) == unsafe { libc::getpid() }
}

/// Stops this process with the stop signal `signal`, and returns after the process is continued.
pub(crate) fn stop_of(signal: c_int) {
    let before = default_action(signal);
    let mut only = empty_set();
    // SAFETY: the set and the action are initialized, and no handler is installed.
    unsafe {
        libc::sigaddset(&raw mut only, signal);
        libc::kill(libc::getpid(), signal);
        // If the signal is SIGSTOP, it has already stopped this process. Any other stop signal takes effect here, when it is
        // unblocked.
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const only, ptr::null_mut());
        libc::sigprocmask(libc::SIG_BLOCK, &raw const only, ptr::null_mut());
        libc::sigaction(signal, &raw const before, ptr::null_mut());
    }
}

/// Installs handlers for the usual termination signals, if this process is PID 1. Without a handler, the kernel discards signals
/// to PID 1.
pub(crate) fn end_on_signals_as_init() {
    // SAFETY: getpid does not access memory, and the handler is async-signal-safe.
    unsafe {
        if libc::getpid() == 1 {
            for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
                libc::signal(signal, end_of as *const () as libc::sighandler_t);
            }
        }
    }
}

extern "C" fn end_of(signal: c_int) {
    // SAFETY: _exit is async-signal-safe.
    unsafe { libc::_exit(128 + signal) }
}

/// Terminates this process with `signal`, the signal that killed the command.
pub(crate) fn die_of(signal: c_int) -> ! {
    // SAFETY: the set is initialized, and no handler is installed.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut only = empty_set();
        libc::sigaddset(&raw mut only, signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const only, ptr::null_mut());
        libc::kill(libc::getpid(), signal);
        // This line is reached only if the signal did not kill this process, either because the process is PID 1, or because the
        // signal's default action does not terminate a process.
        libc::_exit(128 + signal)
    }
}

/// Sets the action of `signal` to the default, and returns the previous action.
pub(super) fn default_action(signal: c_int) -> libc::sigaction {
    let mut before = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a structure with all bytes zero is valid, and means the default action with an empty mask. `before` is writable.
    unsafe {
        let default = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        libc::sigaction(signal, &raw const default, before.as_mut_ptr());
        before.assume_init()
    }
}

fn empty_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initializes the set.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

pub(super) fn full_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigfillset initializes the set.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        set.assume_init()
    }
}

// === impl Received ===

impl Received {
    fn new(number: c_int, information: &libc::siginfo_t) -> Self {
        // SAFETY: the field is set for this code.
        let sender = unsafe { information.si_pid() };
        let by_process = information.si_code == libc::SI_USER && sender > 0;
        Self {
            number,
            sender: by_process.then_some(sender),
        }
    }
}

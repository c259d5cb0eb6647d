//! Signals: blocking, waiting, sending, and ending by them.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// A set of blocked signals.
pub(crate) struct Mask(pub(super) libc::sigset_t);

/// A signal that has arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received {
    /// Its number.
    pub(crate) number: c_int,
    /// The process that sent it with `kill`; `None` for the kernel and for a process of another namespace.
    pub(crate) sender: Option<libc::pid_t>,
}

/// A change in the state of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The child exited with this code.
    Exited(c_int),
    /// This signal ended it.
    Killed(c_int),
    /// This signal stopped it.
    Stopped(c_int),
}

/// True if SIGPIPE was ignored before [`ignore_broken_pipes`]: then it is ignored in the command, too.
static PIPES_WERE_IGNORED: AtomicBool = AtomicBool::new(false);

/// The origin of the action of SIGPIPE that this process found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// The process that started this one.
    Inherited,
    /// Rust's runtime, which replaced the inherited action.
    Runtime,
}

/// Makes writing to a closed pipe an error instead of a fatal signal.
pub(crate) fn ignore_broken_pipes(before: Before) {
    // SAFETY: no handler is installed.
    let action = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    let ignored = before == Before::Inherited && action == libc::SIG_IGN;
    PIPES_WERE_IGNORED.store(ignored, Ordering::Relaxed);
}

pub(super) fn pipes_were_ignored() -> bool {
    PIPES_WERE_IGNORED.load(Ordering::Relaxed)
}

/// Blocks every signal that can be blocked, and returns the mask from before. Blocked signals are queued even if their
/// action is to ignore them.
pub(crate) fn block_signals() -> Mask {
    let mut before = empty_set();
    let all = full_set();
    // SAFETY: both sets are initialized.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const all, &raw mut before) };
    Mask(before)
}

/// Discards signals that have arrived since, and restores the mask `before`.
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
        // SAFETY: the set is initialized and the information writable.
        let number = unsafe { libc::sigwaitinfo(&raw const all, information.as_mut_ptr()) };
        if number > 0 {
            // SAFETY: filled by the kernel, and all zeroes is valid anyway.
            return Received::new(number, &unsafe { information.assume_init() });
        }
    }
}

/// Removes a SIGCONT from the queue, if one is pending. The kernel would deliver SIGCHLD first.
pub(crate) fn pending_continue() -> Option<Received> {
    let mut only = empty_set();
    // SAFETY: the set is initialized.
    unsafe { libc::sigaddset(&raw mut only, libc::SIGCONT) };
    take(&only)
}

/// Returns the next pending blocked signal.
pub(super) fn next_pending() -> Option<Received> {
    take(&full_set())
}

/// Removes a pending signal of `set` from the queue.
fn take(set: &libc::sigset_t) -> Option<Received> {
    let mut information = MaybeUninit::<libc::siginfo_t>::zeroed();
    let at_once = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: set and time are initialized, the information is writable.
    let number = unsafe { libc::sigtimedwait(set, information.as_mut_ptr(), &raw const at_once) };
    // SAFETY: filled by the kernel, and all zeroes is valid anyway.
    (number > 0).then(|| Received::new(number, &unsafe { information.assume_init() }))
}

/// Returns the set of pending signals, as [`bit`]s.
pub(super) fn pending() -> u64 {
    let mut set = empty_set();
    // SAFETY: the set is writable, and initialized for the second call.
    unsafe {
        libc::sigpending(&raw mut set);
        (1..=64)
            .filter(|&number| libc::sigismember(&raw const set, number) == 1)
            .fold(0, |bits, number| bits | bit(number))
    }
}

/// Returns the bit of a signal in a set of 64.
pub(super) const fn bit(number: c_int) -> u64 {
    1 << (number - 1)
}

/// Returns the next child that exited or stopped, with its change; `None` if there is none.
pub(crate) fn reap() -> Option<(libc::pid_t, Change)> {
    change_of(-1)
}

/// Returns the next change of the child `pid`, or of any child if it is -1.
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

/// Sends `signal` to the process `pid`, or to the group `-pid`.
pub(crate) fn send(signal: c_int, pid: libc::pid_t) {
    // SAFETY: kill has no preconditions on memory.
    unsafe { libc::kill(pid, signal) };
}

/// Returns the process group of `pid`, or of this process if it is 0.
pub(crate) fn group_of(pid: libc::pid_t) -> libc::pid_t {
    // SAFETY: getpgid has no preconditions.
    unsafe { libc::getpgid(pid) }
}

/// Returns true if this process leads its process group.
pub(crate) fn leads_its_group() -> bool {
    // SAFETY: getpid has no preconditions.
    group_of(0) == unsafe { libc::getpid() }
}

/// Stops this process with `signal`, one of the stop signals, and returns when it was continued.
pub(crate) fn stop_of(signal: c_int) {
    let before = default_action(signal);
    let mut only = empty_set();
    // SAFETY: set and action are initialized; without a handler nothing of ours runs.
    unsafe {
        libc::sigaddset(&raw mut only, signal);
        libc::kill(libc::getpid(), signal);
        // SIGSTOP has stopped it already, the others do now.
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const only, ptr::null_mut());
        libc::sigprocmask(libc::SIG_BLOCK, &raw const only, ptr::null_mut());
        libc::sigaction(signal, &raw const before, ptr::null_mut());
    }
}

/// Makes the usual termination signals effective for PID 1, for which the kernel drops them unless they are caught.
pub(crate) fn end_on_signals_as_init() {
    // SAFETY: getpid has no preconditions; the handler is async-signal-safe.
    unsafe {
        if libc::getpid() == 1 {
            for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
                libc::signal(signal, end_of as *const () as libc::sighandler_t);
            }
        }
    }
}

extern "C" fn end_of(signal: c_int) {
    // SAFETY: _exit may be called in a handler.
    unsafe { libc::_exit(128 + signal) }
}

/// Ends this process with `signal`, as the command ended.
pub(crate) fn die_of(signal: c_int) -> ! {
    // SAFETY: the set is initialized; no handler of ours holds anything.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut only = empty_set();
        libc::sigaddset(&raw mut only, signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const only, ptr::null_mut());
        libc::kill(libc::getpid(), signal);
        // Still running: PID 1, which the kernel protects, or a signal that does not kill.
        libc::_exit(128 + signal)
    }
}

/// Sets `signal` to its default action and returns the one before.
pub(super) fn default_action(signal: c_int) -> libc::sigaction {
    let mut before = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all zeroes is the default action with an empty mask; `before` is writable and valid as zeroes.
    unsafe {
        let default = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        libc::sigaction(signal, &raw const default, before.as_mut_ptr());
        before.assume_init()
    }
}

fn empty_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initializes it.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

pub(super) fn full_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigfillset initializes it.
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

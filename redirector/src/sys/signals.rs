//! Signals: blocks, awaits and sends them, and terminates this process with one.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// A set of blocked signals.
pub(crate) struct Mask(pub(super) libc::sigset_t);

/// A signal that has arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received {
    /// The signal number.
    pub(crate) number: c_int,
    /// The process that sent it with `kill`; `None` for the kernel and for a process of another namespace.
    pub(crate) sender: Option<libc::pid_t>,
}

/// A change in the state of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The child exited with this code.
    Exited(c_int),
    /// This signal killed the child.
    Killed(c_int),
    /// This signal stopped the child.
    Stopped(c_int),
}

/// True if SIGPIPE was ignored before [`ignore_broken_pipes`] was called. Then the command ignores it too.
static PIPES_WERE_IGNORED: AtomicBool = AtomicBool::new(false);

/// The origin of the action for SIGPIPE at startup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// The action was inherited from the parent process.
    Inherited,
    /// Rust's runtime has replaced the inherited action.
    Runtime,
}

/// Ignores SIGPIPE, so that writing to a closed pipe returns an error instead of killing the process.
pub(crate) fn ignore_broken_pipes(before: Before) {
    // SAFETY: no handler is installed.
    let action = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    let ignored = before == Before::Inherited && action == libc::SIG_IGN;
    PIPES_WERE_IGNORED.store(ignored, Ordering::Relaxed);
}

pub(super) fn pipes_were_ignored() -> bool {
    PIPES_WERE_IGNORED.load(Ordering::Relaxed)
}

/// Blocks every signal that can be blocked, and returns the previous mask. Blocked signals are queued even if their action
/// is to ignore them.
pub(crate) fn block_signals() -> Mask {
    let mut before = empty_set();
    let all = full_set();
    // SAFETY: both sets are initialized.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const all, &raw mut before) };
    Mask(before)
}

/// Discards signals that have arrived since `block_signals`, and restores the mask `before`.
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
            // SAFETY: the kernel has filled the structure, and all zeroes would be valid too.
            return Received::new(number, &unsafe { information.assume_init() });
        }
    }
}

/// Removes a pending SIGCONT from the queue, if there is one. Waiting for any signal would return a pending SIGCHLD first.
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
    // SAFETY: the kernel has filled the structure, and all zeroes would be valid too.
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

/// Returns the next child that exited or stopped, with its change; `None` if no child has changed.
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

/// Stops this process with the stop signal `signal`, and returns after the process was continued.
pub(crate) fn stop_of(signal: c_int) {
    let before = default_action(signal);
    let mut only = empty_set();
    // SAFETY: set and action are initialized, and no handler is installed.
    unsafe {
        libc::sigaddset(&raw mut only, signal);
        libc::kill(libc::getpid(), signal);
        // SIGSTOP has stopped this process already; the other signals stop it now.
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const only, ptr::null_mut());
        libc::sigprocmask(libc::SIG_BLOCK, &raw const only, ptr::null_mut());
        libc::sigaction(signal, &raw const before, ptr::null_mut());
    }
}

/// Installs handlers for the usual termination signals: the kernel drops signals to PID 1 that have no handler.
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

/// Terminates this process with `signal`, which killed the command.
pub(crate) fn die_of(signal: c_int) -> ! {
    // SAFETY: the set is initialized, and no handler is installed.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut only = empty_set();
        libc::sigaddset(&raw mut only, signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const only, ptr::null_mut());
        libc::kill(libc::getpid(), signal);
        // This is reached by PID 1, which the kernel protects, and if the signal does not kill a process.
        libc::_exit(128 + signal)
    }
}

/// Sets `signal` to its default action and returns the previous action.
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

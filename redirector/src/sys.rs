//! What the kernel must be asked for by hand. The only `unsafe` of the crate.

#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_int, c_void};
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, ptr};

/// What the new process runs on between `clone` and `execve`: a handful of system calls. glibc's own
/// `posix_spawn` takes 32 KiB and up; only the pages that are touched become resident.
const CHILD_STACK: usize = 64 << 10;

/// A set of blocked signals.
pub(crate) struct Mask(libc::sigset_t);

/// A signal that has arrived.
pub(crate) struct Received {
    /// Its number.
    pub(crate) number: c_int,
    /// Whether a process sent it (`kill`), in contrast to the kernel (a terminal's Ctrl-C, a child's end).
    pub(crate) by_process: bool,
}

/// Everything `execve` needs, allocated beforehand: the new process shares the memory and must not allocate.
pub(crate) struct Image {
    /// Paths to try, in order, as `execvp` does.
    candidates: Vec<CString>,
    arguments: Vec<CString>,
    /// Takes the place of the variable of the same name, or comes last.
    variable: Option<CString>,
}

/// The part of an [`Image`] that the new process works with.
struct Start {
    candidates: *const *const c_char,
    arguments: *const *const c_char,
    environment: *const *const c_char,
    mask: *const libc::sigset_t,
    on_child_end: *const libc::sigaction,
    parent: libc::pid_t,
    error: c_int,
}

// === impl Image ===

impl Image {
    /// `variable` is `NAME=VALUE`.
    pub(crate) const fn new(
        candidates: Vec<CString>,
        arguments: Vec<CString>,
        variable: Option<CString>,
    ) -> Self {
        Self {
            candidates,
            arguments,
            variable,
        }
    }

    /// Starts it with the signal mask `mask` and returns its process id.
    ///
    /// The new process is killed when the calling thread ends. It shares this one's memory until `execve`, and this
    /// one stands still meanwhile (`CLONE_VM | CLONE_VFORK`, what `posix_spawn` does): nothing is copied, and the
    /// reason of a failed `execve` needs no pipe. `posix_spawn` itself cannot set the death signal.
    ///
    /// All signals must be blocked: a handler must not run on shared memory.
    pub(crate) fn spawn(&self, mask: &Mask) -> io::Result<libc::pid_t> {
        let candidates = pointers(&self.candidates);
        let arguments = pointers(&self.arguments);
        let environment = self.environment();
        // A parent may have left SIGCHLD ignored: then there would be nothing to wait for. The command gets
        // back what was there.
        let on_child_end = default_action(libc::SIGCHLD);
        let mut start = Start {
            candidates: candidates.as_ptr(),
            arguments: arguments.as_ptr(),
            environment: environment.as_ptr(),
            mask: &raw const mask.0,
            on_child_end: &raw const on_child_end,
            // SAFETY: getpid has no preconditions.
            parent: unsafe { libc::getpid() },
            error: 0,
        };
        let mut stack = Vec::<MaybeUninit<u128>>::with_capacity(CHILD_STACK / size_of::<u128>());
        // SAFETY: one past the end of the allocation; aligned to 16 as a stack must be.
        let top = unsafe { stack.as_mut_ptr().add(stack.capacity()) };
        // SAFETY: `begin` only makes async-signal-safe calls on its own stack and on `start`, whose pointers stay
        // valid because CLONE_VFORK holds this thread until the child has left the shared memory.
        let pid = unsafe {
            libc::clone(
                begin,
                top.cast(),
                libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD,
                (&raw mut start).cast(),
            )
        };
        if pid < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the child wrote it before it ended; volatile because the compiler knows nothing of that.
        let error = unsafe { ptr::read_volatile(&raw const start.error) };
        if error == 0 {
            return Ok(pid);
        }
        // SAFETY: it is our child and has ended.
        unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
        Err(io::Error::from_raw_os_error(error))
    }

    /// The environment as it stands, byte for byte, with the variable added.
    fn environment(&self) -> Vec<*const c_char> {
        let name = self.variable.as_ref().map_or(&b""[..], |variable| {
            let bytes = variable.as_bytes();
            let end = bytes.iter().position(|&byte| byte == b'=');
            &bytes[..end.map_or(0, |end| end + 1)]
        });
        let mut entries = Vec::new();
        // SAFETY: `environ` is an array of C strings that ends with a null pointer; no other thread changes it.
        unsafe {
            let mut entry = environ;
            while !entry.is_null() && !(*entry).is_null() {
                if name.is_empty() || libc::strncmp(*entry, name.as_ptr().cast(), name.len()) != 0 {
                    entries.push(*entry);
                }
                entry = entry.add(1);
            }
        }
        entries.extend(self.variable.as_ref().map(|variable| variable.as_ptr()));
        entries.push(ptr::null());
        entries
    }
}

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// The new process, up to `execve`.
extern "C" fn begin(start: *mut c_void) -> c_int {
    let start: *mut Start = start.cast();
    // SAFETY: `spawn` keeps all of it alive; every call here is async-signal-safe.
    unsafe {
        // Tekton's timeout kills the redirector alone: the command must not live on.
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
        if libc::getppid() != (*start).parent {
            // Killed before the line above counted.
            libc::_exit(128 + libc::SIGKILL);
        }
        // What is ignored stays ignored over execve.
        if !PIPES_WERE_IGNORED.load(Ordering::Relaxed) {
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        }
        libc::sigaction(libc::SIGCHLD, (*start).on_child_end, ptr::null_mut());
        libc::sigprocmask(libc::SIG_SETMASK, (*start).mask, ptr::null_mut());
        // As execvp: a candidate that may not be run does not hide a later one, but is remembered.
        let mut error = libc::ENOENT;
        let mut candidate = (*start).candidates;
        while !(*candidate).is_null() {
            libc::execve(*candidate, (*start).arguments, (*start).environment);
            match *libc::__errno_location() {
                libc::ENOENT | libc::ENOTDIR => {}
                libc::EACCES => error = libc::EACCES,
                other => {
                    error = other;
                    break;
                }
            }
            candidate = candidate.add(1);
        }
        ptr::write_volatile(&raw mut (*start).error, error);
        libc::_exit(127)
    }
}

// === signals ===

/// Whether SIGPIPE was ignored before [`ignore_broken_pipes`]: then the command finds it so, too.
static PIPES_WERE_IGNORED: AtomicBool = AtomicBool::new(false);

/// Who set the action of SIGPIPE that this process has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// Whoever started the process.
    Inherited,
    /// Rust's runtime, over whatever it was.
    Runtime,
}

/// Makes writing to a reader that is gone an error, not the end.
pub(crate) fn ignore_broken_pipes(before: Before) {
    // SAFETY: no handler is installed.
    let action = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    let ignored = before == Before::Inherited && action == libc::SIG_IGN;
    PIPES_WERE_IGNORED.store(ignored, Ordering::Relaxed);
}

/// Blocks every signal that would end this process, and returns the mask from before.
///
/// Not blocked are those that stop and continue it: Ctrl-Z must stop the redirector together with the command.
pub(crate) fn block_signals() -> Mask {
    let mut before = empty_set();
    let all = waited_for();
    // SAFETY: both sets are initialised.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const all, &raw mut before) };
    Mask(before)
}

/// Takes off what has arrived meanwhile and sets the mask back to `before`.
pub(crate) fn unblock_signals(before: &Mask) {
    let all = waited_for();
    let at_once = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: sets and time are initialised; no information is asked for.
    unsafe {
        while libc::sigtimedwait(&raw const all, ptr::null_mut(), &raw const at_once) > 0 {}
        libc::sigprocmask(libc::SIG_SETMASK, &raw const before.0, ptr::null_mut());
    }
}

/// Waits for the next of the signals that [`block_signals`] has blocked.
pub(crate) fn next_signal() -> Received {
    let all = waited_for();
    let mut information = MaybeUninit::<libc::siginfo_t>::zeroed();
    loop {
        // SAFETY: the set is initialised and the information writable.
        let number = unsafe { libc::sigwaitinfo(&raw const all, information.as_mut_ptr()) };
        if number > 0 {
            // SAFETY: filled by the kernel, and all zeroes is valid anyway.
            let code = unsafe { information.assume_init() }.si_code;
            return Received {
                number,
                by_process: code <= 0,
            };
        }
    }
}

/// The next child that has ended, with its status; `None` when none has.
pub(crate) fn reap() -> Option<(libc::pid_t, c_int)> {
    let mut status = 0;
    // SAFETY: `status` is writable.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    (pid > 0).then_some((pid, status))
}

/// Sends `signal` to the process `pid`.
pub(crate) fn send(signal: c_int, pid: libc::pid_t) {
    // SAFETY: kill has no preconditions on memory.
    unsafe { libc::kill(pid, signal) };
}

/// Whether signals meant for the command reach this process alone.
///
/// So it is for the main process of a container: the runtime signals nobody else. Such a process leads its session.
/// (It is not always PID 1: in a pod with `shareProcessNamespace` that is another.) Tekton's entrypoint, in contrast,
/// is the main process itself, puts the redirector into a group of its own and signals the group; with hermetic
/// execution the redirector is even PID 1 there, of a new namespace whose session leader is outside of it.
pub(crate) fn signals_come_to_us_alone() -> bool {
    // SAFETY: none of these has preconditions.
    let (own, session, group) = unsafe { (libc::getpid(), libc::getsid(0), libc::getpgid(0)) };
    session == own || (own == 1 && group != own)
}

/// Makes the usual requests to end effective for PID 1, for whom the kernel drops them unless they are caught.
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

/// Ends this process of `signal`, as the command has ended.
pub(crate) fn die_of(signal: c_int) -> ! {
    // SAFETY: the set is initialised; no handler of ours holds anything.
    unsafe {
        // The command may have left a core dump: a second one, of the redirector, would take its place.
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
        libc::signal(signal, libc::SIG_DFL);
        let mut only = empty_set();
        libc::sigaddset(&raw mut only, signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const only, ptr::null_mut());
        libc::kill(libc::getpid(), signal);
        // Still here: PID 1, whom the kernel spares, or a signal that does not kill.
        libc::_exit(128 + signal)
    }
}

/// Sets `signal` to its default action and returns what was set before.
fn default_action(signal: c_int) -> libc::sigaction {
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
    // SAFETY: sigemptyset initialises it.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

/// All signals but those that stop and continue, and those whose default is to do nothing.
fn waited_for() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    let left_out = [
        libc::SIGTSTP,
        libc::SIGTTIN,
        libc::SIGTTOU,
        libc::SIGCONT,
        libc::SIGURG,
        libc::SIGWINCH,
    ];
    // SAFETY: sigfillset initialises it.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        for signal in left_out {
            libc::sigdelset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

// === sockets ===

/// Connects to the socket `path` without ever waiting: `WouldBlock` when its queue is full. (The standard library's
/// `connect` waits for a place in the queue, however long that takes.)
pub(crate) fn connect(path: &Path) -> io::Result<UnixStream> {
    // SAFETY: all zeroes is a valid address.
    let mut address = unsafe { MaybeUninit::<libc::sockaddr_un>::zeroed().assume_init() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let path = path.as_os_str().as_bytes();
    // The last byte stays zero.
    if path.len() >= address.sun_path.len() {
        return Err(io::ErrorKind::InvalidFilename.into());
    }
    for (to, &byte) in address.sun_path.iter_mut().zip(path) {
        *to = byte as c_char;
    }
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: socket has no preconditions.
    let socket = unsafe { libc::socket(libc::AF_UNIX, kind, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open, and nobody else's.
    let stream = unsafe { UnixStream::from_raw_fd(socket) };
    let length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the address is initialised and that long.
    if unsafe { libc::connect(socket, (&raw const address).cast(), length) } != 0 {
        return Err(io::Error::last_os_error());
    }
    stream.set_nonblocking(false)?;
    Ok(stream)
}

// === files ===

/// The kind of file system that `file` lies on, as `statfs` numbers it.
pub(crate) fn file_system(file: &File) -> io::Result<i64> {
    let mut statistics = MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: the descriptor is open and the buffer writable.
    if unsafe { libc::fstatfs(file.as_raw_fd(), statistics.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: filled by the kernel. The cast: the field's type differs between architectures.
    #[allow(clippy::unnecessary_cast)]
    Ok(unsafe { statistics.assume_init() }.f_type as i64)
}

/// Whether this process may make files in the folder `path`.
pub(crate) fn is_writable(path: &Path) -> bool {
    CString::new(path.as_os_str().as_bytes()).is_ok_and(|path| {
        // SAFETY: a C string.
        unsafe { libc::access(path.as_ptr(), libc::W_OK | libc::X_OK) == 0 }
    })
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    let strings = strings.iter().map(|string| string.as_ptr());
    strings.chain([ptr::null()]).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_full_queue_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        // SAFETY: an open socket; listening again sets the length of its queue.
        assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
        let first = connect(&path).unwrap();
        let full = connect(&path).expect_err("one place only");
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);

        let (mut accepted, _) = listener.accept().unwrap();
        let _second = connect(&path).unwrap();
        // From here on it waits, as every other stream.
        std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            accepted.write_all(b"x").unwrap();
        });
        let mut received = Vec::new();
        (&first).read_to_end(&mut received).unwrap();
        assert_eq!(received, b"x");
    }

    #[test]
    fn a_path_that_no_address_holds_is_an_error() {
        let long = connect(Path::new(&"x".repeat(108))).unwrap_err();
        assert_eq!(long.kind(), io::ErrorKind::InvalidFilename);
        let none = connect(Path::new(&"x".repeat(107))).unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::NotFound);
    }
}

//! Starts the command in a new process.

use std::ffi::{CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::{io, ptr};

use super::signals::{Mask, default_action, pipes_were_ignored};
use super::witness::Witness;

/// The size of the new process's stack, in bytes, which is used for a few system calls between `clone` and `execve`.
/// glibc's `posix_spawn` uses 32 KiB or more; only pages that are touched become resident.
const CHILD_STACK: usize = 64 << 10;

/// The arguments of `execve`. They are allocated beforehand, because the new process shares this process's memory and must
/// not allocate.
pub(crate) struct Image {
    /// The paths to try, in order, as `execvp` does.
    candidates: Vec<CString>,
    arguments: Vec<CString>,
    /// An additional environment variable, which replaces an existing one of the same name.
    variable: Option<CString>,
}

/// The data of an [`Image`] that the new process uses.
struct Start {
    candidates: *const *const c_char,
    arguments: *const *const c_char,
    environment: *const *const c_char,
    mask: *const libc::sigset_t,
    on_child_end: *const libc::sigaction,
    parent: libc::pid_t,
    witness: *mut Witness,
    error: c_int,
}

// === impl Image ===

impl Image {
    /// Creates an image; `variable` is `NAME=VALUE`.
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

    /// Starts the command with the signal mask `mask` and returns its process id.
    ///
    /// The kernel kills the new process when the calling thread exits. Until `execve`, the new process shares this
    /// process's memory, and this process is suspended (`CLONE_VM | CLONE_VFORK`, as in `posix_spawn`). So nothing is
    /// copied, and the error of a failed `execve` can be returned without a pipe. `posix_spawn` itself cannot be used,
    /// because it cannot set the parent-death signal.
    ///
    /// All signals must be blocked, because a handler must not run while memory is shared. Signals that `witness` received
    /// before the command existed are sent to the command as well.
    pub(crate) fn spawn(&self, mask: &Mask, witness: &mut Witness) -> io::Result<libc::pid_t> {
        let candidates = pointers(&self.candidates);
        let arguments = pointers(&self.arguments);
        let environment = self.environment();
        // If the parent left SIGCHLD ignored, waiting for the command would not work, so the action is reset. The command
        // gets the inherited action.
        let on_child_end = default_action(libc::SIGCHLD);
        let mut start = Start {
            candidates: candidates.as_ptr(),
            arguments: arguments.as_ptr(),
            environment: environment.as_ptr(),
            mask: &raw const mask.0,
            on_child_end: &raw const on_child_end,
            // SAFETY: getpid has no preconditions.
            parent: unsafe { libc::getpid() },
            witness,
            error: 0,
        };
        let mut stack = Vec::<MaybeUninit<u128>>::with_capacity(CHILD_STACK / size_of::<u128>());
        // SAFETY: the pointer is one past the end of the allocation, and aligned to 16 bytes as a stack must be.
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
        // SAFETY: the child wrote the error before it exited; the read is volatile because the compiler cannot know that.
        let error = unsafe { ptr::read_volatile(&raw const start.error) };
        if error == 0 {
            return Ok(pid);
        }
        // SAFETY: `pid` is a child of this process that has exited.
        unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
        Err(io::Error::from_raw_os_error(error))
    }

    /// Returns the environment unchanged, byte for byte, with the variable added.
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

/// Runs in the new process, up to `execve`.
extern "C" fn begin(start: *mut c_void) -> c_int {
    let start: *mut Start = start.cast();
    // SAFETY: `spawn` keeps everything behind `start` alive; every call here is async-signal-safe.
    unsafe {
        // Tekton's timeout kills only the redirector, and the command must not outlive it.
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
        if libc::getppid() != (*start).parent {
            // The parent was killed before the previous call took effect.
            libc::_exit(128 + libc::SIGKILL);
        }
        (*(*start).witness).make_up();
        // Ignored signals stay ignored across execve.
        if !pipes_were_ignored() {
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        }
        libc::sigaction(libc::SIGCHLD, (*start).on_child_end, ptr::null_mut());
        libc::sigprocmask(libc::SIG_SETMASK, (*start).mask, ptr::null_mut());
        // As in execvp, a candidate without permission to run does not hide a later one, but its error is remembered.
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

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    let strings = strings.iter().map(|string| string.as_ptr());
    strings.chain([ptr::null()]).collect()
}

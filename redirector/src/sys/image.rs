//! Starts the command in a new process.

use std::ffi::{CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::{io, ptr};

use super::signals::{Mask, default_action, pipes_were_ignored};
use super::witness::Witness;

/// The size of the new process's stack, in bytes. The stack is used only for a few system calls between `clone` and `execve`.
/// glibc's `posix_spawn` uses a stack of at least 32 KiB. Only the pages that are used take up memory.
const CHILD_STACK: usize = 64 << 10;

/// The arguments of `execve`. They are allocated before the new process starts, because the new process shares this process's
/// memory and must not allocate memory.
pub(crate) struct Image {
    /// The possible paths of the program, in the order in which they are tried, as in `execvp`.
    candidates: Vec<CString>,
    arguments: Vec<CString>,
    /// An additional environment variable, which replaces an existing variable with the same name.
    variable: Option<CString>,
}

/// The data that the new process reads, partly from an [`Image`].
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
    /// Returns an image. `variable` has the form `NAME=VALUE`.
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

    /// Starts the command with the signal mask `mask`, and returns its process ID.
    ///
    /// The kernel kills the new process when the calling thread exits. Until `execve`, the new process shares this process's
    /// memory, and this process is suspended (`CLONE_VM | CLONE_VFORK`, as in `posix_spawn`). Therefore, no memory is copied, and
    /// the error of a failed `execve` can be returned without a pipe. `posix_spawn` itself cannot be used, because it cannot set
    /// the parent-death signal.
    ///
    /// The caller must block all signals, because a handler must not run while the memory is shared. Signals that `witness`
    /// received before the command started are sent to the command too.
    pub(crate) fn spawn(&self, mask: &Mask, witness: &mut Witness) -> io::Result<libc::pid_t> {
        let candidates = pointers(&self.candidates);
        let arguments = pointers(&self.arguments);
        let environment = self.environment();
        // If the parent ignores SIGCHLD, this process inherits that action and cannot wait for the command, so the action is
        // reset here. The command still gets the inherited action.
        let on_child_end = default_action(libc::SIGCHLD);
        let mut start = Start {
            candidates: candidates.as_ptr(),
            arguments: arguments.as_ptr(),
            environment: environment.as_ptr(),
            mask: &raw const mask.0,
            on_child_end: &raw const on_child_end,
            // SAFETY: getpid does not access memory.
            parent: unsafe { libc::getpid() },
            witness,
            error: 0,
        };
        let mut stack = Vec::<MaybeUninit<u128>>::with_capacity(CHILD_STACK / size_of::<u128>());
        // SAFETY: the pointer is one past the end of the allocation, and has the 16-byte alignment that a stack requires.
        let top = unsafe { stack.as_mut_ptr().add(stack.capacity()) };
        // SAFETY: `begin` only makes async-signal-safe calls, and uses only its own stack and `start`. The pointers in `start`
        // stay valid, because CLONE_VFORK suspends this thread until the child stops using the shared memory.
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
        // SAFETY: the child wrote the error before it exited. The read is volatile, because the compiler does not know about that
        // write.
        let error = unsafe { ptr::read_volatile(&raw const start.error) };
        if error == 0 {
            return Ok(pid);
        }
        // SAFETY: `pid` is a child of this process that has exited.
        unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
        Err(io::Error::from_raw_os_error(error))
    }

    /// Returns the environment with the variable added. All other variables are passed unchanged, even if they are not valid
    /// UTF-8.
    fn environment(&self) -> Vec<*const c_char> {
        let name = self.variable.as_ref().map_or(&b""[..], |variable| {
            let bytes = variable.as_bytes();
            let end = bytes.iter().position(|&byte| byte == b'=');
            &bytes[..end.map_or(0, |end| end + 1)]
        });
        let mut entries = Vec::new();
        // SAFETY: `environ` is an array of C strings that ends with a null pointer, and no other thread changes it.
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

/// Runs in the new process, and calls `execve`.
extern "C" fn begin(start: *mut c_void) -> c_int {
    let start: *mut Start = start.cast();
    // SAFETY: `spawn` keeps all data that `start` points to alive, and every call here is async-signal-safe.
    unsafe {
        // Kill the command when the redirector dies, because Tekton kills only the redirector on a timeout.
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
        if libc::getppid() != (*start).parent {
            // The parent died before the previous call took effect, so the kernel does not send the signal.
            libc::_exit(128 + libc::SIGKILL);
        }
        (*(*start).witness).make_up();
        // Restore the inherited SIGPIPE action, because an ignored signal stays ignored after execve.
        if !pipes_were_ignored() {
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        }
        libc::sigaction(libc::SIGCHLD, (*start).on_child_end, ptr::null_mut());
        libc::sigprocmask(libc::SIG_SETMASK, (*start).mask, ptr::null_mut());
        // As in execvp, continue after a candidate that this user may not execute, but remember its error.
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

//! System calls that have no safe wrapper. All of the crate's `unsafe` code is in this module.

#![allow(unsafe_code)]

mod image;
mod signals;
mod standard_output;
mod witness;

use std::ffi::{CString, c_char};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

pub(crate) use image::Image;
pub(crate) use signals::{
    Before, Change, Received, block_signals, die_of, end_on_signals_as_init, group_of,
    ignore_broken_pipes, leads_its_group, next_signal, pending_continue, reap, send, stop_of,
    unblock_signals,
};
pub(crate) use standard_output::is_closed as is_standard_output_closed;
pub(crate) use witness::{Witness, is_stopped};

/// Prevents core dumps of the redirector, because they could contain outputs and tokens. Also prevents the same user's other
/// processes from reading the redirector's memory. `execve` resets this setting, so the command itself can still dump core. The
/// redirector terminates with the same signal as the command, so without this call, the redirector's core dump could overwrite
/// the command's.
pub(crate) fn deny_core_dumps() {
    // SAFETY: prctl with these arguments does not access memory.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
}

// === sockets ===

/// Connects to the socket `path` without blocking. The error is `WouldBlock` if the socket's queue is full. In that case, the
/// standard library's `connect` would wait without a time limit.
pub(crate) fn connect(path: &Path) -> io::Result<UnixStream> {
    // SAFETY: an address with all bytes zero is valid.
    let mut address = unsafe { MaybeUninit::<libc::sockaddr_un>::zeroed().assume_init() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let path = path.as_os_str().as_bytes();
    // The last byte must remain zero, because it terminates the path.
    if path.len() >= address.sun_path.len() {
        return Err(io::ErrorKind::InvalidFilename.into());
    }
    for (to, &byte) in address.sun_path.iter_mut().zip(path) {
        *to = byte as c_char;
    }
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: socket does not access memory.
    let socket = unsafe { libc::socket(libc::AF_UNIX, kind, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is open and has no other owner.
    let stream = unsafe { UnixStream::from_raw_fd(socket) };
    let length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the address is initialized and has at least this length.
    if unsafe { libc::connect(socket, (&raw const address).cast(), length) } != 0 {
        return Err(io::Error::last_os_error());
    }
    stream.set_nonblocking(false)?;
    Ok(stream)
}

// === files ===

/// Returns the type of the filesystem that contains the file (`f_type` of `statfs`).
pub(crate) fn file_system(file: &File) -> io::Result<i64> {
    let mut statistics = MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: the descriptor is open, and the buffer is writable.
    if unsafe { libc::fstatfs(file.as_raw_fd(), statistics.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has filled the buffer. The cast is needed because the type of the field differs between architectures.
    #[allow(clippy::unnecessary_cast)]
    Ok(unsafe { statistics.assume_init() }.f_type as i64)
}

/// Returns true if this process may create files in the directory `path`.
pub(crate) fn is_writable(path: &Path) -> bool {
    CString::new(path.as_os_str().as_bytes()).is_ok_and(|path| {
        // SAFETY: `path` is a valid C string.
        unsafe { libc::access(path.as_ptr(), libc::W_OK | libc::X_OK) == 0 }
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_connection_to_a_full_queue_fails_immediately() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        // SAFETY: the socket is open. A second call to `listen` changes the length of the socket's queue.
        assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
        let first = connect(&path).unwrap();
        let full = connect(&path).expect_err("the queue must not accept a second connection");
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);

        let (mut accepted, _) = listener.accept().unwrap();
        let _second = connect(&path).unwrap();
        // After the connection is established, the stream blocks as usual.
        std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            accepted.write_all(b"x").unwrap();
        });
        let mut received = Vec::new();
        (&first).read_to_end(&mut received).unwrap();
        assert_eq!(received, b"x");
    }

    #[test]
    fn a_path_that_does_not_fit_into_an_address_is_an_error() {
        let long = connect(Path::new(&"x".repeat(108))).unwrap_err();
        assert_eq!(long.kind(), io::ErrorKind::InvalidFilename);
        let none = connect(Path::new(&"x".repeat(107))).unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::NotFound);
    }
}

//! Finds the command, runs it, and waits until it exits.
//!
//! While the command runs, the redirector blocks all signals and receives them with `sigwaitinfo`, so that no signal terminates
//! it before it has read the outputs. It installs no handlers, so the command inherits the same signal actions as without the
//! redirector. The redirector forwards a signal to the command, unless the signal was sent to the whole process group, because
//! the command then receives the signal directly. [`Witness`] determines whether a signal was sent to the group. If the command
//! is stopped, the redirector stops itself too, so that a shell that waits for the redirector observes the same state changes
//! as without the redirector.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use gleaner_proto::path;

use crate::Exit;
use crate::failure::{Failure, Reason};
use crate::sys::{self, Change, Received, Witness};

/// The search path that a shell uses without `PATH` (`confstr(_CS_PATH)`).
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// The exit status of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The command exited with this code.
    Code(u8),
    /// The command was killed by this signal.
    Signal(i32),
}

// === impl Ended ===

impl Ended {
    pub(crate) fn succeeded(self) -> bool {
        self == Self::Code(0)
    }

    /// Returns the exit code in the shell's encoding: 128 plus the signal number if a signal killed the command.
    pub(crate) fn exit_code(self) -> i32 {
        match self {
            Self::Code(code) => code.into(),
            Self::Signal(signal) => 128 + signal,
        }
    }
}

impl From<Ended> for Exit {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Code(code) => Self::Code(code),
            Ended::Signal(signal) => Self::Signal(signal),
        }
    }
}

/// Runs `command` with `$GLEANER_OUTPUTS` set to `folder`, and waits until the command exits.
///
/// # Errors
/// Fails if the command cannot be run (exit code 126) or does not exist (127).
pub(crate) fn run(command: &[OsString], folder: Option<&Path>) -> Result<Ended, Failure> {
    let name = command[0].as_os_str();
    let candidates = candidates(name, std::env::var_os("PATH").as_deref());
    let variable = folder.map(|folder| {
        let mut variable = OsString::from(path::OUTPUTS_VARIABLE);
        variable.push("=");
        variable.push(folder);
        c_string(&variable)
    });
    let arguments = command.iter().map(|argument| c_string(argument)).collect();
    let image = sys::Image::new(candidates.clone(), arguments, variable);

    let mask = sys::block_signals();
    let mut witness = Witness::start();
    let mut started = image.spawn(&mask, &mut witness);
    if matches!(&started, Err(error) if error.raw_os_error() == Some(libc::EAGAIN)) {
        // If the limit on the number of processes is reached, stop the witness, so that the command can start.
        witness.end();
        started = image.spawn(&mask, &mut witness);
    }
    drop(image);
    let ended = match started {
        Ok(child) => Ok(wait(child, &mut witness)),
        Err(error) => Err(cannot_run(name, &candidates, &error)),
    };
    witness.end();
    sys::unblock_signals(&mask);
    ended
}

fn wait(child: libc::pid_t, witness: &mut Witness) -> Ended {
    loop {
        let signal = sys::next_signal();
        if signal.number != libc::SIGCHLD {
            pass_on(signal, child, witness);
            continue;
        }
        // One SIGCHLD may report the state changes of several children, including adopted orphans if this process is PID 1.
        let mut last = None;
        while let Some((pid, change)) = sys::reap() {
            match change {
                _ if pid == child => last = Some(change),
                _ => witness.changed(pid, change),
            }
        }
        match last {
            Some(Change::Killed(signal)) => return Ended::Signal(signal),
            // The kernel stores only eight bits of an exit code.
            Some(Change::Exited(code)) => return Ended::Code(code as u8),
            Some(Change::Stopped(signal)) => {
                // The command, and perhaps this process too, may have received SIGCONT since it stopped.
                if let Some(signal) = sys::pending_continue() {
                    pass_on(signal, child, witness);
                }
                if sys::is_stopped(child) {
                    witness.while_stopped(child, || sys::stop_of(signal));
                }
            }
            None => {}
        }
    }
}

/// Forwards `signal` to the command, unless the command has already received it.
fn pass_on(signal: Received, command: libc::pid_t, witness: &mut Witness) {
    if witness.sent(signal) {
        return;
    }
    if !witness.received(signal) {
        sys::send(signal.number, command);
        return;
    }
    let group = sys::group_of(command);
    // Forward the signal if the command has left the group that this process leads. Without the redirector, the command itself
    // would lead that group and could not leave it, so it would receive the signal.
    if sys::leads_its_group() && group != sys::group_of(0) {
        sys::send(
            signal.number,
            if group == command { -group } else { command },
        );
    }
}

/// Returns the paths at which a shell would look for a command with this name.
fn candidates(name: &OsStr, path: Option<&OsStr>) -> Vec<CString> {
    if name.is_empty() {
        return Vec::new();
    }
    if name.as_bytes().contains(&b'/') {
        return vec![c_string(name)];
    }
    let path = path.unwrap_or(OsStr::new(DEFAULT_PATH));
    std::env::split_paths(path)
        // An empty element of PATH represents the working directory. Joining it with the name results in the name alone.
        .map(|folder| c_string(folder.join(name).as_os_str()))
        .collect()
}

fn c_string(text: &OsStr) -> CString {
    CString::new(text.as_bytes()).expect("invariant: argv and environ contain no zero bytes")
}

fn cannot_run(name: &OsStr, candidates: &[CString], error: &io::Error) -> Failure {
    let shown = name.display();
    // The kernel also returns ENOENT if the interpreter of a script is missing, so check whether the script itself exists.
    let there = candidates
        .iter()
        .map(|candidate| Path::new(OsStr::from_bytes(candidate.as_bytes())))
        .find(|candidate| candidate.exists());
    let not_found = matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR));
    if !not_found || there.is_some() {
        let help = match error.raw_os_error() {
            Some(libc::EACCES) if there.is_some_and(Path::is_dir) => "it is a directory".to_owned(),
            Some(libc::EACCES) => "it is not executable; run `chmod +x` on it".to_owned(),
            Some(libc::E2BIG) => {
                "an argument or environment variable is longer than 128 KiB, or together they are too long; pass the data in a file".to_owned()
            }
            Some(libc::ENOEXEC) => {
                "it is not an executable for this machine, or it is a script without '#!' in its first line".to_owned()
            }
            _ if not_found => "the interpreter in its first line, or its dynamic loader, does not exist".to_owned(),
            _ => error.to_string(),
        };
        let message = format!("command '{shown}' cannot be run: {help}");
        return Failure::new(Reason::CommandNotExecutable, message);
    }
    let message = if name.as_bytes().contains(&b'/') {
        format!("command '{shown}' not found; check the image and the path")
    } else {
        format!("command '{shown}' not found in PATH")
    };
    Failure::new(Reason::CommandNotFound, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, path: Option<&str>) -> Vec<String> {
        let candidates = candidates(OsStr::new(name), path.map(OsStr::new));
        candidates
            .into_iter()
            .map(|path| path.into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_command_is_looked_up_as_a_shell_does() {
        assert_eq!(found("sh", Some("/a:/b")), ["/a/sh", "/b/sh"]);
        assert_eq!(found("sh", Some("/a::/b")), ["/a/sh", "sh", "/b/sh"]);
        assert_eq!(found("sh", None), ["/bin/sh", "/usr/bin/sh"]);
        assert_eq!(found("./sh", Some("/a")), ["./sh"]);
        assert!(found("", Some("/a")).is_empty());
    }
}

//! Unpacks a step's script that has the redirector as its interpreter.
//!
//! In two cases, injection changes the script itself: if no webhook will process the pod, and if the script contains artifact
//! variables, which Tekton's entrypoint replaces. The first line then specifies the redirector as the interpreter, the second
//! line contains the redirector's flags, and the original script follows. The redirector writes the original script to a separate
//! file and runs that file, because some interpreters do not accept a `#!` after the first line.
//!
//! ```text
//! #!/gleaner/bin/redirector --script
//! #gleaner: ["--injected","--step=build","--output=digest"]
//! #!/usr/bin/env python3
//! ```

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use gleaner_proto::redirector::{INJECTED, SCRIPT, SCRIPT_FLAGS, SCRIPT_PREAMBLE};

use crate::directory::Directory;
use crate::failure::{Failure, Reason};
use crate::options::{TEMPORARY_DIR, TEMPORARY_DIR_DEFAULT};

/// The arguments to parse, and the directory of the unpacked script if a script was unpacked.
#[derive(Debug)]
pub(crate) struct Unpacked {
    pub(crate) arguments: Vec<OsString>,
    /// The directory of the unpacked script. It is removed on drop, together with the script.
    pub(crate) folder: Option<Directory>,
}

/// Unpacks the script if the redirector was started as an interpreter, with the arguments `--script FILE ARGUMENT...`. Returns
/// any other arguments unchanged.
///
/// # Errors
/// Fails if the script cannot be read or unpacked, or if its second line contains no flags.
pub(crate) fn unpack(mut arguments: impl Iterator<Item = OsString>) -> Result<Unpacked, Failure> {
    let first = arguments.next();
    if first.as_deref() != Some(SCRIPT.as_ref()) {
        return Ok(Unpacked {
            arguments: first.into_iter().chain(arguments).collect(),
            folder: None,
        });
    }
    let file = arguments.next().ok_or_else(|| {
        Failure::usage(format!("{SCRIPT} requires a file: use it only after '#!'"))
    })?;
    let cannot = |what: &str, error: &dyn std::fmt::Display| {
        let message = format!("the script '{}' cannot be {what}: {error}", file.display());
        Failure::new(Reason::ScriptNotRun, message)
    };
    let content = fs::read(&file).map_err(|error| cannot("read", &error))?;
    let (flags, script) = split(&content).ok_or_else(|| {
        let message = format!(
            "the second line of the script '{}' must be '{SCRIPT_FLAGS}[...]'",
            file.display()
        );
        Failure::usage(message)
    })?;
    let injected = flags.iter().any(|flag| flag == INJECTED);
    let fallback = std::env::var_os(TEMPORARY_DIR).filter(|value| !injected && !value.is_empty());
    let fallback = fallback.unwrap_or_else(|| TEMPORARY_DIR_DEFAULT.into());
    let folder = Directory::temporary("script", Path::new(&fallback))
        .map_err(|error| cannot("unpacked", &error))?;
    let place = folder.path().unwrap_or(Path::new("/")).join("script");
    write(&place, script).map_err(|error| cannot("unpacked", &error))?;
    let flags = flags.into_iter().map(OsString::from);
    let command = [OsString::from("--"), place.into_os_string()];
    Ok(Unpacked {
        arguments: flags.chain(command).chain(arguments).collect(),
        folder: Some(folder),
    })
}

/// Splits a script into the flags and the original script.
pub(crate) fn split(content: &[u8]) -> Option<(Vec<String>, &[u8])> {
    let mut lines = content.splitn(3, |&byte| byte == b'\n');
    let flags = lines.nth(1)?.strip_prefix(SCRIPT_FLAGS.as_bytes())?;
    Some((serde_json::from_slice(flags).ok()?, lines.next()?))
}

/// Writes the script to a new file that only this user can access.
fn write(place: &Path, script: &[u8]) -> io::Result<()> {
    fs::write(place, runnable(script))?;
    fs::set_permissions(place, fs::Permissions::from_mode(0o700))
}

/// Returns the script with its `#!` line first, as the kernel requires. Tekton also accepts empty lines before the `#!`, and runs
/// a script without a `#!` with `sh`.
fn runnable(script: &[u8]) -> Cow<'_, [u8]> {
    let trimmed = script.trim_ascii_start();
    if trimmed.starts_with(b"#!") {
        Cow::Borrowed(trimmed)
    } else {
        Cow::Owned([SCRIPT_PREAMBLE.as_bytes(), script].concat())
    }
}

#[cfg(test)]
mod tests;

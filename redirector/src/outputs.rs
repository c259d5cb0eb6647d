//! Read the files that a step has left behind, and nothing but regular ones.
//!
//! The rule for links: the folder that a declared path names is where it leads, through whatever links. The file
//! itself may be a link only to a regular file in that folder or below it. Files of the kernel (`/proc`, `/sys` and
//! their kin) are never read, by whatever path: `/proc/self/environ` counts as a regular file too.

use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use gleaner_proto::{OutputSpec, OutputType, When, path};

use crate::body::Output;
use crate::failure::{Failure, Reason, cut};
use crate::{json, sys};

/// File systems whose files are the kernel's own (`linux/magic.h`): proc, sysfs, debugfs, tracefs, cgroup, cgroup2,
/// bpf, securityfs, devpts, pstore.
const KERNEL_FILE_SYSTEMS: [i64; 10] = [
    0x9fa0,
    0x6265_6572,
    0x6462_6720,
    0x7472_6163,
    0x0027_e0eb,
    0x6367_7270,
    0xcafe_4a11,
    0x7363_6673,
    0x1cd1,
    0x6165_676c,
];

/// How much is shown of a number that is refused, in bytes.
const NUMBER_SHOWN: usize = 40;

/// An output that cannot be read.
#[derive(Debug)]
enum Unread {
    /// The file does not exist.
    Missing,
    /// Another reason, and the end of its message.
    Refused(Reason, String),
}

/// What was read of a step's declared files.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) outputs: Vec<Output>,
    missing: Vec<(String, String)>,
    wrong: Vec<(Reason, String)>,
}

/// Reads what counts of `declared`: all when the step has succeeded, otherwise what is kept always.
pub(crate) fn gather(
    declared: &[OutputSpec],
    folder: Option<&Path>,
    bound: u64,
    succeeded: bool,
) -> Gathered {
    let mut gathered = Gathered::default();
    for output in declared {
        if !succeeded && output.when != When::Always {
            continue;
        }
        let (path, shown) = location(output, folder);
        match read(output, &path, bound) {
            Ok(text) => gathered.outputs.push(Output {
                name: output.name.clone(),
                kind: output.kind,
                text,
            }),
            Err(Unread::Missing) if output.optional || !succeeded => {}
            Err(Unread::Missing) => gathered.missing.push((output.name.to_string(), shown)),
            Err(Unread::Refused(reason, what)) => gathered.wrong.push((
                reason,
                format!("output '{}': '{shown}' {what}", output.name),
            )),
        }
    }
    gathered
}

// === impl Gathered ===

impl Gathered {
    /// Everything that is wrong, as one failure; `None` when all is well.
    pub(crate) fn failure(&self) -> Option<Failure> {
        let mut sentences = Vec::new();
        let mut reason = None;
        match &self.missing[..] {
            [] => {}
            [(name, path)] => sentences.push(format!(
                "output '{name}' is missing: there is no file '{path}'; let the command write it, or declare a default"
            )),
            several => {
                let names = several
                    .iter()
                    .map(|(name, path)| format!("'{name}' (no file '{path}')"))
                    .collect::<Vec<_>>();
                sentences.push(format!(
                    "outputs {} are missing; let the command write them, or declare defaults",
                    names.join(", ")
                ));
            }
        }
        if !sentences.is_empty() {
            reason = Some(Reason::OutputMissing);
        }
        for (why, sentence) in &self.wrong {
            reason.get_or_insert_with(|| why.clone());
            sentences.push(sentence.clone());
        }
        reason.map(|reason| Failure::new(reason, sentences.join("; ")))
    }
}

/// Where the file is, and how the person who writes the command knows it.
fn location(output: &OutputSpec, folder: Option<&Path>) -> (PathBuf, String) {
    match (&output.path, folder) {
        (Some(path), _) => (PathBuf::from(path), path.clone()),
        (None, Some(folder)) => (
            folder.join(output.name.as_str()),
            format!("${}/{}", path::OUTPUTS_VARIABLE, output.name),
        ),
        (None, None) => unreachable!("invariant: without a folder no output needs one"),
    }
}

fn read(output: &OutputSpec, path: &Path, bound: u64) -> Result<String, Unread> {
    let file = open(path)?;
    let bytes = content(file, bound)?;
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        invalid(format!(
            "is not UTF-8 (byte {offset}); encode it, for example with base64"
        ))
    })?;
    // Cut in place: a second copy of 16 MiB would be one too many.
    let trimmed = output.trim.apply(&text);
    let start = trimmed.as_ptr().addr() - text.as_ptr().addr();
    let end = start + trimmed.len();
    text.truncate(end);
    text.drain(..start);
    if output.kind != OutputType::String {
        // First: the parser has no remedy for 1e400.
        json::check_numbers(&text).map_err(|number| {
            invalid(format!(
                "holds the number {}, which would change on its way: numbers travel as 64-bit integers and doubles; \
                 declare type: string",
                cut(number, NUMBER_SHOWN)
            ))
        })?;
        json::check(&text, output.kind).map_err(|found| {
            invalid(format!(
                "{found}; the declaration says type: {}",
                output.kind.as_str()
            ))
        })?;
    }
    Ok(text)
}

/// Opens a regular file without ever waiting for anybody.
fn open(path: &Path) -> Result<File, Unread> {
    let opened = match open_itself(path) {
        // NOFOLLOW says this of a link.
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return open_target(path),
        opened => opened,
    };
    regular(path, opened)
}

fn open_itself(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        // NONBLOCK: a FIFO must not wait for a writer. NOCTTY: a terminal must not become ours.
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
}

/// Opens what the link `path` leads to, when that lies within the link's own folder.
fn open_target(path: &Path) -> Result<File, Unread> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let folder = parent.canonicalize().map_err(|error| unread(&error))?;
    let target = path.canonicalize().map_err(|error| unread(&error))?;
    let leaves = |target: &Path| {
        let target = target.display();
        irregular(format!(
            "is a link to '{target}', outside of its folder; write a file there, not a link"
        ))
    };
    if !target.starts_with(&folder) {
        return Err(leaves(&target));
    }
    let file = regular(path, open_itself(&target))?;
    // Somebody may have changed a folder on the way since; what counts is what was opened.
    match std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())) {
        Ok(opened) if !opened.starts_with(&folder) => Err(leaves(&opened)),
        _ => Ok(file),
    }
}

fn regular(path: &Path, opened: io::Result<File>) -> Result<File, Unread> {
    let file = opened.map_err(|error| match std::fs::symlink_metadata(path) {
        // A socket cannot be opened at all.
        Ok(metadata) if !metadata.is_file() && !metadata.is_symlink() => {
            not_regular(metadata.file_type())
        }
        _ => unread(&error),
    })?;
    let metadata = file.metadata().map_err(|error| unread(&error))?;
    if !metadata.is_file() {
        return Err(not_regular(metadata.file_type()));
    }
    if KERNEL_FILE_SYSTEMS.contains(&sys::file_system(&file).map_err(|error| unread(&error))?) {
        return Err(irregular(
            "is a file of the kernel (/proc, /sys), which is never read".to_owned(),
        ));
    }
    Ok(file)
}

fn content(file: File, bound: u64) -> Result<Vec<u8>, Unread> {
    let too_large = |size: u64, or_more: &str| {
        let message = format!(
            "has {size} bytes{or_more}, and at most {bound} are taken (--max-output-size); write less, or hand on \
             where it is stored"
        );
        Unread::Refused(Reason::OutputTooLarge, message)
    };
    let size = file.metadata().map_err(|error| unread(&error))?.len();
    if size > bound {
        return Err(too_large(size, ""));
    }
    // One byte more than there should be, to see a file grow.
    let mut bytes = Vec::with_capacity(size as usize + 1);
    file.take(bound.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| unread(&error))?;
    if bytes.len() as u64 > bound {
        return Err(too_large(bytes.len() as u64, " or more"));
    }
    Ok(bytes)
}

fn unread(error: &io::Error) -> Unread {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Unread::Missing,
        _ => Unread::Refused(Reason::OutputUnreadable, format!("cannot be read: {error}")),
    }
}

fn not_regular(kind: FileType) -> Unread {
    let name = if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    irregular(format!("is {name}; only regular files are read"))
}

fn irregular(message: String) -> Unread {
    Unread::Refused(Reason::OutputNotRegular, message)
}

fn invalid(message: String) -> Unread {
    Unread::Refused(Reason::OutputInvalid, message)
}

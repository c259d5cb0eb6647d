//! Reads the output files of a step. Only regular files are read.
//!
//! The directories in a declared path may be symbolic links. The file itself may be a link only if the target is a regular file
//! in the link's directory or below it. Files on kernel filesystems (`/proc`, `/sys` and similar) are never read, regardless of
//! the path, because files such as `/proc/self/environ` are also regular files.

use std::fs::{File, FileType, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use gleaner_proto::{OutputSpec, When, path};

use crate::body::Output;
use crate::content::{Content, Refused};
use crate::failure::{Failure, Reason};
use crate::options::Wrap;
use crate::sys;
use crate::validator::Invalid;

/// The kernel filesystems (`linux/magic.h`): proc, sysfs, debugfs, tracefs, cgroup, cgroup2, bpf, securityfs, devpts and pstore.
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

/// A reason why an output cannot be read.
#[derive(Debug)]
enum Unread {
    /// The file does not exist.
    Missing,
    /// The file is refused for this reason. The text is the part of the message that follows the names of the output and the
    /// file.
    Refused(Reason, String),
}

/// The contents of a step's output files, and the errors that occurred while the files were read.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) outputs: Vec<Output>,
    missing: Vec<(String, String)>,
    wrong: Vec<(Reason, String)>,
}

/// An output file that was opened.
struct Opened<'a> {
    output: &'a OutputSpec,
    shown: String,
    file: File,
    size: u64,
}

/// If the command succeeded, reads and checks all output files. Otherwise, reads and checks only the files of outputs with
/// `when: Always`.
pub(crate) fn gather(options: &Wrap, folder: Option<&Path>, succeeded: bool) -> Gathered {
    let mut gathered = Gathered::default();
    let mut opened = Vec::new();
    for output in &options.outputs {
        if !succeeded && output.when != When::Always {
            continue;
        }
        let (path, shown) = location(output, folder);
        match open(&path).and_then(|file| Ok((size(&file, options.max_output_size)?, file))) {
            Ok((size, file)) => opened.push(Opened {
                output,
                shown,
                file,
                size,
            }),
            Err(Unread::Missing) if output.optional || !succeeded => {}
            Err(Unread::Missing) => gathered.missing.push((output.name.to_string(), shown)),
            Err(Unread::Refused(reason, what)) => gathered.refuse(output, &shown, reason, &what),
        }
    }
    if let Some(sentence) = too_many(&opened, options.max_outputs_size) {
        gathered.wrong.push((Reason::OutputTooLarge, sentence));
        return gathered;
    }
    for Opened {
        output,
        shown,
        file,
        size,
    } in opened
    {
        match Content::check(file, size, output.trim, output.kind) {
            Ok(content) => gathered.outputs.push(Output {
                name: output.name.clone(),
                content,
            }),
            Err(refused) => {
                let (reason, what) = explained(&refused, output);
                gathered.refuse(output, &shown, reason, &what);
            }
        }
    }
    gathered
}

/// Returns an error message if the total size of the files exceeds `bound` bytes.
fn too_many(opened: &[Opened<'_>], bound: u64) -> Option<String> {
    let sizes = opened.iter().map(|opened| opened.size);
    let sum = sizes.fold(0, u64::saturating_add);
    if sum <= bound {
        return None;
    }
    let each = opened
        .iter()
        .map(|opened| format!("'{}' ({})", opened.output.name, opened.size));
    let each: Vec<String> = each.collect();
    Some(format!(
        "the outputs {} have a total size of {sum} bytes, which exceeds --max-outputs-size ({bound}); write less, or output \
         references to the data",
        each.join(", ")
    ))
}

fn explained(refused: &Refused, output: &OutputSpec) -> (Reason, String) {
    let declared = output.kind.as_str();
    let what = match refused {
        Refused::Io(error) => {
            return (Reason::OutputUnreadable, format!("cannot be read: {error}"));
        }
        Refused::Changed => {
            let what = "shrank while it was being read; before the command exits, stop all processes that write to the file";
            return (Reason::OutputUnreadable, what.to_owned());
        }
        Refused::Encoding(error) => error.to_string(),
        Refused::Json(Invalid::Number(line, column)) => format!(
            "contains, at line {line} column {column}, a number that cannot be stored exactly, because Kubernetes stores only 64-bit \
             integers and doubles; declare type: string"
        ),
        Refused::Json(Invalid::Empty) => {
            format!("is empty, but the declaration requires type: {declared}")
        }
        Refused::Json(Invalid::Syntax(what, line, column)) => format!(
            "is not valid JSON: {what} at line {line} column {column}, but the declaration requires type: {declared}"
        ),
        Refused::Shape(shape) => {
            format!("contains JSON of type {shape}, but the declaration requires type: {declared}")
        }
    };
    (Reason::OutputInvalid, what)
}

// === impl Gathered ===

impl Gathered {
    fn refuse(&mut self, output: &OutputSpec, shown: &str, reason: Reason, what: &str) {
        let sentence = format!("output '{}': '{shown}' {what}", output.name);
        self.wrong.push((reason, sentence));
    }

    /// Returns all errors as one failure, or `None` if no error occurred.
    pub(crate) fn failure(&self) -> Option<Failure> {
        let mut sentences = Vec::new();
        let mut reason = None;
        match &self.missing[..] {
            [] => {}
            [(name, path)] => sentences.push(format!(
                "output '{name}' is missing: the file '{path}' does not exist; make the command write it, or declare a default"
            )),
            several => {
                let names = several
                    .iter()
                    .map(|(name, path)| format!("'{name}' (no file '{path}')"))
                    .collect::<Vec<_>>();
                sentences.push(format!(
                    "outputs {} are missing; make the command write them, or declare defaults",
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

/// Returns the path of an output's file, and the same path as displayed in messages (`$GLEANER_OUTPUTS/...`).
fn location(output: &OutputSpec, folder: Option<&Path>) -> (PathBuf, String) {
    match (&output.path, folder) {
        (Some(path), _) => (PathBuf::from(path), path.clone()),
        (None, Some(folder)) => (
            folder.join(output.name.as_str()),
            format!("${}/{}", path::OUTPUTS_VARIABLE, output.name),
        ),
        (None, None) => {
            unreachable!("invariant: if no outputs directory exists, every output has a path")
        }
    }
}

/// Opens an output file. Fails if it is not a regular file. The call never blocks.
fn open(path: &Path) -> Result<File, Unread> {
    let opened = match open_itself(path) {
        // With O_NOFOLLOW, the kernel reports ELOOP for a link.
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return open_target(path),
        opened => opened,
    };
    regular(path, opened)
}

fn open_itself(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        // With O_NONBLOCK, opening a FIFO does not wait for a writer. With O_NOCTTY, a terminal does not become the controlling
        // terminal.
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
}

/// Opens the target of the link `path` if the target is in the link's directory or below it.
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
            "is a link to '{target}', which is outside of the link's directory; write a regular file"
        ))
    };
    if !target.starts_with(&folder) {
        return Err(leaves(&target));
    }
    let file = regular(path, open_itself(&target))?;
    // Check the path of the opened file again, because a directory in the path may have been replaced since the first check.
    match std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())) {
        Ok(opened) if !opened.starts_with(&folder) => Err(leaves(&opened)),
        _ => Ok(file),
    }
}

fn regular(path: &Path, opened: io::Result<File>) -> Result<File, Unread> {
    let file = opened.map_err(|error| match std::fs::symlink_metadata(path) {
        // A socket cannot be opened, so its metadata determines the message.
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
            "is on a kernel filesystem (/proc, /sys), which is not allowed".to_owned(),
        ));
    }
    Ok(file)
}

/// Returns the size of a file. Fails if the size exceeds `bound` bytes.
fn size(file: &File, bound: u64) -> Result<u64, Unread> {
    let size = file.metadata().map_err(|error| unread(&error))?.len();
    if size > bound {
        let message = format!(
            "has a size of {size} bytes, which exceeds --max-output-size ({bound}); write less, or output a reference to the \
             data"
        );
        return Err(Unread::Refused(Reason::OutputTooLarge, message));
    }
    Ok(size)
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

//! Reads the input files of a command.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Finding, Place, Source};
use gleaner_proto::encoding::{self, EncodingError};
use gleaner_proto::exit_code;

use crate::terminal;

/// The maximum size of a file. This is enough, because a file usually contains only a few objects of at most 1.5 MiB each.
const LARGEST: u64 = 32 << 20;

/// An error in a file that prevents the use of its documents.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The file cannot be read.
    Missing(Finding),
    /// The file does not contain Kubernetes objects. The second value is the file's text; it is empty if the file is too large or
    /// not UTF-8.
    Invalid(Finding, String),
}

impl Unread {
    pub(crate) const fn finding(&self) -> &Finding {
        match self {
            Self::Missing(finding) | Self::Invalid(finding, _) => finding,
        }
    }
}

/// Reads the file at `path`, or standard input for `-`.
///
/// # Errors
/// Fails if the file cannot be read, is too large, or is not valid UTF-8 or YAML.
pub(crate) fn read(path: &str) -> Result<Source, Unread> {
    let (name, text) = if path == "-" {
        ("<stdin>", bounded(io::stdin().lock()))
    } else {
        (path, File::open(path).and_then(bounded))
    };
    let refused = |message| Finding::error(name, Diagnostic::new(Place::root(), None, message));
    let invalid = |message| Unread::Invalid(refused(message), String::new());
    match text {
        Ok(Some(Ok(text))) => Source::parse(name.to_owned(), text.clone())
            .map_err(|finding| Unread::Invalid(finding, text)),
        Ok(Some(Err(error))) => Err(invalid(error.to_string())),
        Ok(None) => Err(invalid(format!(
            "the file is larger than {} MiB, which is the limit; split it into several files",
            LARGEST >> 20
        ))),
        Err(error) => Err(Unread::Missing(refused(format!("cannot be read: {error}")))),
    }
}

/// Reads a small text file.
///
/// # Errors
/// Fails if the file cannot be read, or is not valid UTF-8.
pub(crate) fn read_text(path: impl AsRef<Path>) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    encoding::decode(bytes).map_err(|error| error.to_string())
}

/// Reads the whole stream. Returns `None` if the stream exceeds the maximum size.
fn bounded(reader: impl Read) -> io::Result<Option<Result<String, EncodingError>>> {
    let mut bytes = Vec::new();
    reader.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= LARGEST).then(|| encoding::decode(bytes)))
}

/// Reads the files. For a directory, reads its files with the extension `.yaml`, `.yml` or `.json`, but not files in
/// subdirectories.
///
/// # Errors
/// If a file cannot be read, prints the messages and returns the exit code.
pub(crate) fn read_with_directories(paths: &[String]) -> Result<Vec<Source>, u8> {
    let mut files = Vec::new();
    let mut found = Vec::new();
    for path in paths {
        match expand(path) {
            Ok(expanded) => files.extend(expanded),
            Err(message) => {
                let diagnostic = Diagnostic::new(Place::root(), None, message);
                found.push(Finding::error(path, diagnostic));
            }
        }
    }
    read_each(&files, found)
}

/// Reads the files, then prints all findings, including those in `found`.
///
/// # Errors
/// Returns the exit code if there are any findings.
pub(crate) fn read_each(files: &[String], mut found: Vec<Finding>) -> Result<Vec<Source>, u8> {
    let mut sources = Vec::new();
    for file in files {
        match read(file) {
            Ok(source) => sources.push(source),
            Err(unread) => found.push(unread.finding().clone()),
        }
    }
    if found.is_empty() {
        return Ok(sources);
    }
    terminal::print_findings(&found);
    Err(exit_code::USAGE)
}

/// If `path` is a directory, returns the paths of its YAML and JSON files. Otherwise, returns `path`.
fn expand(path: &str) -> Result<Vec<String>, String> {
    if path == "-" || !Path::new(path).is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| format!("cannot be read: {error}"))?;
    let mut files: Vec<String> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .filter(|path| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|extension| ["yaml", "yml", "json"].contains(&extension))
        })
        .filter_map(|path| path.to_str().map(str::to_owned))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(
            "the directory contains no files with the extension .yaml, .yml or .json".to_owned(),
        );
    }
    Ok(files)
}

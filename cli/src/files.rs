//! The files that a command reads.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Finding, Place, Source};
use gleaner_proto::encoding::{self, EncodingError};

/// The largest file that is read: Kubernetes accepts no object over 1.5 MiB, and a file holds a few.
const LARGEST: u64 = 32 << 20;

/// Reads `path`, or standard input for `-`.
///
/// # Errors
/// When it cannot be read, is too large, is not UTF-8 or not YAML.
pub(crate) fn read(path: &str) -> Result<Source, Finding> {
    let (name, text) = if path == "-" {
        ("<stdin>", bounded(io::stdin().lock()))
    } else {
        (path, File::open(path).and_then(bounded))
    };
    let refused = |message| Finding::error(name, Diagnostic::new(Place::root(), None, message));
    match text {
        Ok(Some(Ok(text))) => Source::parse(name.to_owned(), text),
        Ok(Some(Err(error))) => Err(refused(error.to_string())),
        Ok(None) => Err(refused(format!(
            "larger than {} MiB, which is not a file of Kubernetes objects",
            LARGEST >> 20
        ))),
        Err(error) => Err(refused(format!("cannot be read: {error}"))),
    }
}

/// Reads a small file of text.
///
/// # Errors
/// It cannot be read, or is not UTF-8.
pub(crate) fn read_text(path: impl AsRef<Path>) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    encoding::decode(bytes).map_err(|error| error.to_string())
}

/// Reads to the end; nothing when there is too much.
fn bounded(reader: impl Read) -> io::Result<Option<Result<String, EncodingError>>> {
    let mut bytes = Vec::new();
    reader.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= LARGEST).then(|| encoding::decode(bytes)))
}

//! The files that a command reads.

use std::fs::File;
use std::io::{self, Read};

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Finding, Place, Source};

/// The largest file that is read: Kubernetes accepts no object over 1.5 MiB, and a file holds a few.
const LARGEST: u64 = 32 << 20;

/// The reason why there are no documents of a file.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The file cannot be read.
    Missing(Finding),
    /// It is not a file of Kubernetes objects.
    Invalid(Finding),
}

impl Unread {
    pub(crate) const fn finding(&self) -> &Finding {
        match self {
            Self::Missing(finding) | Self::Invalid(finding) => finding,
        }
    }
}

/// Reads `path`, or standard input for `-`.
///
/// # Errors
/// When it cannot be read, is too large, is not UTF-8 or not YAML.
pub(crate) fn read(path: &str) -> Result<Source, Unread> {
    let (name, text) = if path == "-" {
        ("<stdin>", bounded(io::stdin().lock()))
    } else {
        (path, File::open(path).and_then(bounded))
    };
    let refused = |message| Finding::error(name, Diagnostic::new(Place::root(), None, message));
    match text {
        Ok(Some(text)) => Source::parse(name.to_owned(), text).map_err(Unread::Invalid),
        Ok(None) => Err(Unread::Invalid(refused(format!(
            "larger than {} MiB, which is not a file of Kubernetes objects",
            LARGEST >> 20
        )))),
        Err(error) => Err(Unread::Missing(refused(format!("cannot be read: {error}")))),
    }
}

/// Reads to the end; nothing when there is too much.
fn bounded(reader: impl Read) -> io::Result<Option<String>> {
    let mut text = String::new();
    reader.take(LARGEST + 1).read_to_string(&mut text)?;
    Ok((text.len() as u64 <= LARGEST).then_some(text))
}

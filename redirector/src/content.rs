//! Streams the content of an output's file. The file is read once to check and measure the content, and again each time the
//! content is sent. The content is never stored completely in memory, because the redirector's memory counts toward the memory
//! limit of the step's container.

use std::fs::File;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use gleaner_proto::encoding::{Encoding, EncodingError, HEAD, MARK};
use gleaner_proto::{OutputType, Trim};

use crate::json;
use crate::validator::{Invalid, Shape, Validator};

/// The size of one read, in bytes.
const PIECE: usize = 64 << 10;
/// The maximum length of a UTF-8 character, in bytes.
const CHARACTER_MAX: usize = 4;

/// The checked content of a file.
#[derive(Debug)]
pub(crate) struct Content {
    file: File,
    /// The part of the file that remains after trimming.
    range: Range<u64>,
    is_string: bool,
    hash: u64,
    /// The length of the content as JSON, in bytes.
    length: u64,
}

/// A reason to reject the content of an output.
#[derive(Debug)]
pub(crate) enum Refused {
    Io(io::Error),
    Encoding(EncodingError),
    Json(Invalid),
    /// The content is JSON of this type, but a different type is declared.
    Shape(Shape),
    Changed,
}

/// An error for a file that has changed since it was checked. It is the inner error of an [`io::Error`].
#[derive(Debug)]
pub(crate) struct Changed;

// === impl Content ===

impl Content {
    /// Checks the first `size` bytes of `file`. Bytes that are added later are ignored.
    pub(crate) fn check(
        file: File,
        size: u64,
        trim: Trim,
        kind: OutputType,
    ) -> Result<Self, Refused> {
        let head = head(&file, size)?;
        let other = Encoding::of(&head).map(EncodingError::Unicode);
        match other {
            // Without trimming, a string may contain zero bytes, so content that looks like UTF-16 or UTF-32 is not rejected
            // here.
            Some(other) if trim.cuts_mark(kind) => return Err(Refused::Encoding(other)),
            _ => {}
        }
        let mark = MARK.len_utf8();
        let is_marked = std::str::from_utf8(&head[..mark.min(head.len())])
            .is_ok_and(|first| first.starts_with(MARK));
        let begin = match is_marked && trim.cuts_mark(kind) {
            true => mark as u64,
            false => 0,
        };
        let range =
            trimmed(&file, begin..size, trim).map_err(|refused| match (refused, other) {
                (Refused::Encoding(_), Some(other)) => Refused::Encoding(other),
                (refused, _) => refused,
            })?;
        let is_string = kind == OutputType::String;
        let mut hash = DefaultHasher::new();
        let mut validator = Validator::new();
        let mut length = Count(0);
        read(&file, range.clone(), |text| {
            hash.write(text.as_bytes());
            if is_string {
                json::write_escaped(&mut length, text).map_err(Refused::Io)
            } else {
                length.0 += text.len() as u64;
                validator.feed(text.as_bytes()).map_err(Refused::Json)
            }
        })?;
        if is_string {
            length.0 += 2;
        } else {
            let shape = validator.finish().map_err(Refused::Json)?;
            if shape != shape_of(kind) {
                return Err(Refused::Shape(shape));
            }
        }
        Ok(Self {
            file,
            range,
            is_string,
            hash: hash.finish(),
            length: length.0,
        })
    }

    /// Returns the length of the content as JSON, in bytes.
    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    /// Writes the content as JSON, at most [`length`](Self::length) bytes.
    ///
    /// # Errors
    /// Fails with [`Changed`] if the content is incomplete or has changed since it was checked, or with the error from reading or
    /// writing.
    pub(crate) fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        let mut bounded = Bounded {
            out,
            left: self.length,
        };
        let quote: &[u8] = if self.is_string { b"\"" } else { b"" };
        bounded.write_all(quote)?;
        let mut hash = DefaultHasher::new();
        let read = read(&self.file, self.range.clone(), |text| {
            hash.write(text.as_bytes());
            if self.is_string {
                json::write_escaped(&mut bounded, text)
            } else {
                bounded.write_all(text.as_bytes())
            }
            .map_err(Refused::Io)
        });
        match read {
            Ok(()) if hash.finish() == self.hash => bounded.write_all(quote),
            Err(Refused::Io(error)) => Err(error),
            _ => Err(io::Error::other(Changed)),
        }
    }
}

impl std::fmt::Display for Changed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("the file of an output changed while it was being sent")
    }
}

impl std::error::Error for Changed {}

const fn shape_of(kind: OutputType) -> Shape {
    match kind {
        OutputType::String => Shape::String,
        OutputType::Number => Shape::Number,
        OutputType::Boolean => Shape::Boolean,
        OutputType::Array => Shape::Array,
        OutputType::Object => Shape::Object,
    }
}

/// Returns the first bytes of a file, at most [`HEAD`]. `size` is the size of the file.
fn head(file: &File, size: u64) -> Result<Vec<u8>, Refused> {
    let length = usize::try_from(size).unwrap_or(HEAD).min(HEAD);
    let mut head = vec![0; length];
    match file.read_exact_at(&mut head, 0) {
        Ok(()) => Ok(head),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Refused::Changed),
        Err(error) => Err(Refused::Io(error)),
    }
}

/// Returns the part of `range` that remains after trimming, with the same rules as [`Trim::apply`]. The content of `range` must
/// be UTF-8.
fn trimmed(file: &File, range: Range<u64>, trim: Trim) -> Result<Range<u64>, Refused> {
    let (mut at, mut start, mut end) = (range.start, None, range.start);
    let mut last = [0; 2];
    read(file, range.clone(), |text| {
        let kept = text.trim_start();
        if !kept.is_empty() {
            start.get_or_insert(at + (text.len() - kept.len()) as u64);
            end = at + text.trim_end().len() as u64;
        }
        if let [.., a, b] = text.as_bytes() {
            last = [*a, *b];
        } else if let [b] = text.as_bytes() {
            last = [last[1], *b];
        }
        at += text.len() as u64;
        Ok(())
    })?;
    Ok(match trim {
        Trim::None => range,
        Trim::Whitespace => start.unwrap_or(end)..end,
        Trim::Newline => match last {
            [b'\r', b'\n'] => range.start..range.end - 2,
            [_, b'\n'] => range.start..range.end - 1,
            _ => range,
        },
    })
}

/// Reads a range of a file as UTF-8, and passes it to `each` in nonempty pieces.
fn read(
    file: &File,
    range: Range<u64>,
    mut each: impl FnMut(&str) -> Result<(), Refused>,
) -> Result<(), Refused> {
    let mut buffer = vec![0; PIECE + CHARACTER_MAX];
    let mut at = range.start;
    // The number of bytes that belong to an incomplete character at the end of the previous piece.
    let mut kept = 0;
    while at < range.end {
        let wanted = usize::try_from(range.end - at).unwrap_or(PIECE).min(PIECE);
        let count = match file.read_at(&mut buffer[kept..kept + wanted], at) {
            Ok(0) => return Err(Refused::Changed),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Refused::Io(error)),
        };
        let begin = at - kept as u64;
        at += count as u64;
        let bytes = &buffer[..kept + count];
        let (text, rest) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, 0),
            Err(error) => {
                let valid = error.valid_up_to();
                if error.error_len().is_some() || at == range.end {
                    return Err(Refused::Encoding(EncodingError::Byte {
                        at: begin + valid as u64,
                        byte: bytes[valid],
                    }));
                }
                let text = std::str::from_utf8(&bytes[..valid]);
                (
                    text.expect("invariant: the text is valid up to this position"),
                    bytes.len() - valid,
                )
            }
        };
        if !text.is_empty() {
            each(text)?;
        }
        let end = kept + count;
        buffer.copy_within(end - rest..end, 0);
        kept = rest;
    }
    Ok(())
}

/// A writer that counts bytes.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer that accepts a limited number of bytes. If the redirector sent more bytes than the Content-Length header specifies,
/// the server would misinterpret the additional bytes.
struct Bounded<'a, Out> {
    out: &'a mut Out,
    left: u64,
}

impl<Out: Write> Write for Bounded<'_, Out> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.left {
            return Err(io::Error::other(Changed));
        }
        let written = self.out.write(bytes)?;
        self.left -= written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests;

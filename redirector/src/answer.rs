//! Parses an HTTP/1.1 response (RFC 9112) without network I/O: the head (status line and headers) from bytes, and the body from
//! any reader.
//!
//! The parser supports only what a connection with a single request needs. A body either has a `Content-Length`, as in all
//! responses from the sidecar's routes for steps, or ends when the connection closes. Interim responses (`100 Continue`) are
//! skipped, and chunked encoding is rejected. All sizes are limited, and a body is never stored completely in memory.

use std::fmt;
use std::io::{self, Read};

/// The maximum total length of all heads of a response, in bytes, including interim responses. Servers commonly use the same
/// limit.
const HEAD_MAX: usize = 16 << 10;
/// The maximum length of a body, in bytes. This length limits the time and the bytes written to disk, not the memory. An outcome
/// with 9,000 resources takes about 2 MiB, plus at most 1 KiB for each result field.
const BODY_MAX: u64 = 64 << 20;

/// The head of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    /// The length of the body, in bytes, as specified in the head, or `None` if the body ends when the connection closes.
    length: Option<u64>,
}

/// A response body without the HTTP framing.
///
/// A read fails with an [`io::Error`] that contains a [`Malformed`] if the body is truncated or too long. If the head
/// already specifies a length over the limit, the first read fails.
#[derive(Debug)]
pub struct Body<R> {
    source: R,
    left: Option<u64>,
    room: u64,
}

/// An error in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    Truncated,
    /// The first line is not an HTTP/1 status line.
    Status,
    Header,
    TooLarge,
    /// The body exceeds the length limit.
    TooLong,
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Truncated => "the connection closed in the middle of the response",
            Self::Status => "the response is not HTTP/1",
            Self::Header => "a header of the response is not valid",
            Self::TooLarge => "the head of the response is too large",
            Self::TooLong => "the body of the response is too large",
        })
    }
}

impl std::error::Error for Malformed {}

impl From<Malformed> for io::Error {
    fn from(malformed: Malformed) -> Self {
        Self::new(io::ErrorKind::InvalidData, malformed)
    }
}

/// Returns true if reading a body failed because the body is too long.
pub fn is_too_long(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    inner == Some(&Malformed::TooLong)
}

/// Parses the bytes `received` so far. Returns the head and the position at which the body begins, or `Ok(None)` if more
/// bytes are needed.
///
/// # Errors
/// Fails if the bytes cannot be the beginning of a valid response.
pub fn parse(received: &[u8]) -> Result<Option<(Head, usize)>, Malformed> {
    let mut begin = 0;
    while let Some(end) = head_end(received, begin)? {
        let head = understand(&received[begin..end])?;
        begin = end + BLANK_LINE.len();
        match head.status {
            // The status 101 switches to another protocol, but the request did not offer any.
            101 => return Err(Malformed::Status),
            100..200 => {}
            _ => return Ok(Some((head, begin))),
        }
    }
    Ok(None)
}

// === impl Head ===

impl Head {
    /// Returns the body. `source` contains the bytes after the head.
    pub const fn body<R: Read>(self, source: R) -> Body<R> {
        Body {
            source,
            left: self.length,
            room: BODY_MAX,
        }
    }
}

// === impl Body ===

impl<R: Read> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.is_some_and(|left| left > self.room) {
            return Err(Malformed::TooLong.into());
        }
        // If the length is unknown, read up to one byte more than the limit, to detect a body that is too long.
        let most = self.left.unwrap_or(self.room + 1);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let most = most.min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let count = self.source.read(&mut buffer[..most])?;
        match (&mut self.left, count as u64) {
            (Some(_), 0) => return Err(Malformed::Truncated.into()),
            (Some(left), count) => *left -= count,
            (None, count) if count > self.room => return Err(Malformed::TooLong.into()),
            (None, _) => {}
        }
        self.room -= count as u64;
        Ok(count)
    }
}

/// Parses a head, which contains the status code and the length of the body.
fn understand(head: &[u8]) -> Result<Head, Malformed> {
    let mut lines = head
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii_end);
    let status = status(lines.next().unwrap_or_default())?;
    let mut length = None;
    for line in lines {
        let colon = line
            .iter()
            .position(|&byte| byte == b':')
            .ok_or(Malformed::Header)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Err(Malformed::Header);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let announced = number(value).ok_or(Malformed::Header)?;
            if length.is_some_and(|other| other != announced) {
                return Err(Malformed::Header);
            }
            length = Some(announced);
        }
    }
    if matches!(status, 204 | 304) {
        length = Some(0);
    }
    Ok(Head { status, length })
}

fn status(line: &[u8]) -> Result<u16, Malformed> {
    let code = line.strip_prefix(b"HTTP/1.").ok_or(Malformed::Status)?;
    let [b'0' | b'1', b' ', code @ ..] = code else {
        return Err(Malformed::Status);
    };
    match code {
        [a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9']
        | [a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', ..] => {
            let digit = |byte: &u8| u16::from(byte - b'0');
            Ok(digit(a) * 100 + digit(b) * 10 + digit(c))
        }
        _ => Err(Malformed::Status),
    }
}

const BLANK_LINE: &[u8] = b"\r\n\r\n";

/// Returns the end of the head that begins at `begin`, or `None` if the head is incomplete.
///
/// # Errors
/// Fails if all heads together exceed the length limit.
fn head_end(bytes: &[u8], begin: usize) -> Result<Option<usize>, Malformed> {
    let bound = HEAD_MAX + BLANK_LINE.len();
    let window = &bytes[begin..bytes.len().min(bound).max(begin)];
    let found = window
        .windows(BLANK_LINE.len())
        .position(|place| place == BLANK_LINE);
    if found.is_none() && bytes.len() >= bound {
        return Err(Malformed::TooLarge);
    }
    Ok(found.map(|end| begin + end))
}

/// Parses a number that consists only of digits; `str::parse` would also accept a sign.
fn number(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;

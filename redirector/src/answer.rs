//! The grammar of an HTTP/1.1 response (RFC 9112), free of I/O: parses the head from bytes, and the body from any
//! reader.
//!
//! It supports only the parts of HTTP/1 that a connection with one request needs: a body with `Content-Length`, which all
//! responses of the sidecar's routes for steps have, or a body that ends with the connection. Interim responses
//! (`100 Continue`) are skipped, and the chunked encoding is rejected. All sizes are bounded, and a body is never held in
//! memory as a whole.

use std::fmt;
use std::io::{self, Read};

/// The maximum length of all heads together, in bytes, including interim responses: a common limit of servers.
const HEAD_MAX: usize = 16 << 10;
/// The maximum length of a body, in bytes. The limit bounds time and written bytes, not memory: an outcome with 9,000
/// resources has about 2 MiB, and their results have at most 1 KiB for each field.
const BODY_MAX: u64 = 64 << 20;

/// The head of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// The announced length of the body, in bytes; `None` if the body ends with the connection.
    length: Option<u64>,
}

/// The body of a response, without its framing.
///
/// Reading fails with an inner [`Malformed`] if the body is truncated or exceeds its limit; if the head announces a body
/// over the limit, the first read fails.
#[derive(Debug)]
pub struct Body<R> {
    source: R,
    left: Option<u64>,
    room: u64,
}

/// An error in the bytes of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    Truncated,
    /// The first line is not a status line of HTTP/1.
    Status,
    Header,
    TooLarge,
    /// The body exceeds its limit.
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

/// Returns true if reading a body failed because it exceeds its limit.
pub fn is_too_long(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    inner == Some(&Malformed::TooLong)
}

/// Parses the bytes `received` so far: the head, and the position of its body. `Ok(None)` means that more bytes are
/// needed.
///
/// # Errors
/// Fails if the bytes cannot be the beginning of a valid response.
pub fn parse(received: &[u8]) -> Result<Option<(Head, usize)>, Malformed> {
    let mut begin = 0;
    while let Some(end) = head_end(received, begin)? {
        let head = understand(&received[begin..end])?;
        begin = end + BLANK_LINE.len();
        match head.status {
            // 101 would switch to another protocol, which the request did not offer.
            101 => return Err(Malformed::Status),
            100..200 => {}
            _ => return Ok(Some((head, begin))),
        }
    }
    Ok(None)
}

// === impl Head ===

impl Head {
    /// Returns the body, read from the bytes after the head.
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
        // A body of unknown length is read up to one byte over its limit, to detect that it exceeds it.
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

/// Returns the status and the announced length of the body.
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

/// Returns the position of the blank line after the head that begins at `begin`.
///
/// # Errors
/// Fails if all heads together exceed their limit.
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

/// Parses a number of digits only: `str::parse` would also accept a sign.
fn number(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;

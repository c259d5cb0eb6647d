//! The grammar of an HTTP/1.1 answer (RFC 9112), free of I/O: bytes in, an [`Answer`] or the wish for more out.
//!
//! As much as one request on a connection of its own needs: `Content-Length`, `Transfer-Encoding: chunked`, or a
//! body that ends with the connection; interim answers (`100 Continue`) are skipped. Everything is bounded.

use std::fmt;

/// Longest head, in bytes, and longest line within a chunked body: what servers commonly allow themselves.
const HEAD_MAX: usize = 16 << 10;
/// Longest body, in bytes: an outcome with a thousand resources has about 300 KiB.
const BODY_MAX: usize = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The body, without its framing; `None` when it is over its bound and was not read to its end.
    pub body: Option<Vec<u8>>,
}

/// Why some bytes are no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    Truncated,
    /// The first line is no status line of HTTP/1.
    Status,
    Header,
    Chunk,
    TooLarge,
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Truncated => "the connection ended before the answer did",
            Self::Status => "the answer is not HTTP/1",
            Self::Header => "a header of the answer cannot be understood",
            Self::Chunk => "the chunks of the answer cannot be understood",
            Self::TooLarge => "the head of the answer is too large",
        })
    }
}

impl std::error::Error for Malformed {}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    UntilEnd,
}

/// Understands what was `received` so far; `ended` says that nothing will follow. `Ok(None)` asks for more.
///
/// # Errors
/// No continuation could make it an answer, or there is none.
pub fn parse(received: &[u8], ended: bool) -> Result<Option<Answer>, Malformed> {
    let mut rest = received;
    loop {
        let Some(end) = find(rest, b"\r\n\r\n", HEAD_MAX)? else {
            return more(ended);
        };
        let (head, body) = (&rest[..end], &rest[end + 4..]);
        let (status, framing) = understand(head)?;
        match status {
            // 101 would leave HTTP, which nobody asked for.
            101 => return Err(Malformed::Status),
            100..200 => rest = body,
            _ => {
                let body = match framing {
                    Framing::Length(length) if length > BODY_MAX => Err(Malformed::TooLarge),
                    Framing::Length(length) => Ok(body.get(..length).map(<[u8]>::to_vec)),
                    Framing::Chunked => unchunk(body),
                    Framing::UntilEnd if body.len() > BODY_MAX => Err(Malformed::TooLarge),
                    Framing::UntilEnd => Ok(ended.then(|| body.to_vec())),
                };
                let body = match body {
                    Ok(None) => return more(ended),
                    // The status says what has happened, however many words follow it.
                    Err(Malformed::TooLarge) => None,
                    body => body?,
                };
                return Ok(Some(Answer { status, body }));
            }
        }
    }
}

fn more(ended: bool) -> Result<Option<Answer>, Malformed> {
    if ended {
        Err(Malformed::Truncated)
    } else {
        Ok(None)
    }
}

fn understand(head: &[u8]) -> Result<(u16, Framing), Malformed> {
    let mut lines = head
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii_end);
    let status = status(lines.next().unwrap_or_default())?;
    let mut framing = Framing::UntilEnd;
    for line in lines {
        let colon = line
            .iter()
            .position(|&byte| byte == b':')
            .ok_or(Malformed::Header)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed::Header);
            }
            // Overrides a length (RFC 9112, 6.3).
            framing = Framing::Chunked;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let length = number(value, 10).ok_or(Malformed::Header)?;
            match framing {
                Framing::UntilEnd => framing = Framing::Length(length),
                Framing::Length(other) if other != length => return Err(Malformed::Header),
                Framing::Length(_) | Framing::Chunked => {}
            }
        }
    }
    if matches!(status, 204 | 304) {
        framing = Framing::Length(0);
    }
    Ok((status, framing))
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

/// The content of a chunked body; `None` while its end has not arrived.
fn unchunk(mut rest: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
    let mut content = Vec::new();
    loop {
        let Some(end) = find(rest, b"\r\n", HEAD_MAX)? else {
            return Ok(None);
        };
        let line = &rest[..end];
        // Whatever stands behind a semicolon is an extension that nobody uses.
        let size = line.split(|&byte| byte == b';').next().unwrap_or_default();
        let size = number(size.trim_ascii_end(), 16).ok_or(Malformed::Chunk)?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Ok(trailers_end(rest)?.then_some(content));
        }
        if size > BODY_MAX - content.len() {
            return Err(Malformed::TooLarge);
        }
        let Some(chunk) = rest.get(..size) else {
            return Ok(None);
        };
        content.extend_from_slice(chunk);
        rest = match &rest[size..] {
            [b'\r', b'\n', rest @ ..] => rest,
            [] | [b'\r'] => return Ok(None),
            _ => return Err(Malformed::Chunk),
        };
    }
}

/// Whether the lines behind the last chunk have come to their end, an empty one.
fn trailers_end(mut rest: &[u8]) -> Result<bool, Malformed> {
    let mut length = 0;
    while let Some(end) = find(rest, b"\r\n", HEAD_MAX)? {
        if end == 0 {
            return Ok(true);
        }
        length += end;
        if length > HEAD_MAX {
            return Err(Malformed::TooLarge);
        }
        rest = &rest[end + 2..];
    }
    Ok(false)
}

/// Where `mark` begins; an error when it is not among the first `bound` bytes, although there are more.
fn find(bytes: &[u8], mark: &[u8], bound: usize) -> Result<Option<usize>, Malformed> {
    let window = &bytes[..bytes.len().min(bound + mark.len())];
    let found = window.windows(mark.len()).position(|place| place == mark);
    if found.is_none() && bytes.len() >= bound + mark.len() {
        return Err(Malformed::TooLarge);
    }
    Ok(found)
}

/// Digits only: `parse` alone would also take a sign.
fn number(digits: &[u8], radix: u32) -> Option<usize> {
    let text = std::str::from_utf8(digits).ok()?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    usize::from_str_radix(text, radix).ok()
}

#[cfg(test)]
mod tests;

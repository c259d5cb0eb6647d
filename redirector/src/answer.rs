//! The grammar of an HTTP/1.1 answer (RFC 9112), free of I/O: bytes in, an [`Answer`] or the wish for more out.
//!
//! As much as one request on a connection of its own needs: `Content-Length`, which all responses of the sidecar's routes
//! for steps carry, or a body that ends with the connection; interim answers (`100 Continue`) are skipped. Chunks are
//! refused. Everything is bounded.

use std::fmt;

/// Longest head, in bytes: what servers commonly allow themselves.
const HEAD_MAX: usize = 16 << 10;
/// Longest body of a success, in bytes: an outcome with 9,000 resources has about 2 MiB.
const SUCCESS_MAX: usize = 8 << 20;
/// Longest body of any other answer, in bytes.
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
    TooLarge,
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Truncated => "the connection ended before the answer did",
            Self::Status => "the answer is not HTTP/1",
            Self::Header => "a header of the answer cannot be understood",
            Self::TooLarge => "the head of the answer is too large",
        })
    }
}

impl std::error::Error for Malformed {}

/// Understands what was `received` so far; `ended` says that nothing will follow. `Ok(None)` asks for more.
///
/// # Errors
/// No continuation could make it an answer, or there is none.
pub fn parse(received: &[u8], ended: bool) -> Result<Option<Answer>, Malformed> {
    let mut rest = received;
    loop {
        let Some(end) = head_end(rest)? else {
            return more(ended);
        };
        let (head, body) = (&rest[..end], &rest[end + 4..]);
        let (status, length) = understand(head)?;
        match status {
            // 101 would leave HTTP, which nobody asked for.
            101 => return Err(Malformed::Status),
            100..200 => rest = body,
            _ => {
                let bound = match status {
                    200..300 => SUCCESS_MAX,
                    _ => BODY_MAX,
                };
                let body = if length.unwrap_or(body.len()) > bound {
                    // The status says what has happened, however many words follow it.
                    None
                } else {
                    let whole = match length {
                        Some(length) => body.get(..length),
                        None => ended.then_some(body),
                    };
                    let Some(whole) = whole else {
                        return more(ended);
                    };
                    Some(whole.to_vec())
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

/// The status and the announced length of the body; none when the body ends with the connection.
fn understand(head: &[u8]) -> Result<(u16, Option<usize>), Malformed> {
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
    Ok((status, length))
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

/// Where the blank line after the head begins; an error when the head is over its bound.
fn head_end(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    const BLANK_LINE: &[u8] = b"\r\n\r\n";
    let bound = HEAD_MAX + BLANK_LINE.len();
    let window = &bytes[..bytes.len().min(bound)];
    let found = window
        .windows(BLANK_LINE.len())
        .position(|place| place == BLANK_LINE);
    if found.is_none() && bytes.len() >= bound {
        return Err(Malformed::TooLarge);
    }
    Ok(found)
}

/// Digits only: `parse` alone would also take a sign.
fn number(digits: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(digits).ok()?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;

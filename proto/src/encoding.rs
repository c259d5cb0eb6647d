//! The encoding of text files: UTF-8, with or without a byte order mark. For a file in UTF-16 or UTF-32, the error names the
//! encoding.

use std::fmt;

/// The byte order mark in UTF-8, which PowerShell and .NET write at the start of a file. It is not part of the text.
pub const MARK: char = '\u{feff}';

/// The number of bytes at the start of a file that [`Encoding::of`] needs.
pub const HEAD: usize = 256;

/// A Unicode encoding other than UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Two or four bytes for each character; the default encoding of Windows PowerShell.
    Utf16,
    /// Four bytes for each character.
    Utf32,
}

/// An error for a string that is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// The text is in a different Unicode encoding.
    #[error("is {0}; write UTF-8 (in PowerShell with -Encoding utf8)")]
    Unicode(Encoding),
    /// The text has a byte that is invalid in UTF-8.
    #[error(
        "is not UTF-8 (byte {at} is {byte:#04x}); write UTF-8 (`iconv -f LATIN1 -t UTF-8` converts Latin-1), or encode binary \
         data, for example with base64"
    )]
    Byte {
        /// The offset of the byte, starting at 0.
        at: u64,
        /// The byte.
        byte: u8,
    },
}

impl Encoding {
    /// If the file that begins with `head` is in UTF-16 or UTF-32, in either byte order, returns that encoding. Only the first
    /// [`HEAD`] bytes are examined.
    ///
    /// Without a byte order mark, UTF-16 is recognized by its zero bytes, as in RFC 4627, section 3: more than half of the
    /// examined characters must be below U+0100, and none may be U+0000.
    pub fn of(head: &[u8]) -> Option<Self> {
        let head = &head[..head.len().min(HEAD)];
        match head {
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some(Self::Utf32),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some(Self::Utf16),
            _ if is_utf32(head, u32::from_le_bytes) || is_utf32(head, u32::from_be_bytes) => {
                Some(Self::Utf32)
            }
            _ if is_utf16(head, u16::from_le_bytes) || is_utf16(head, u16::from_be_bytes) => {
                Some(Self::Utf16)
            }
            _ => None,
        }
    }
}

/// The minimum number of characters needed to recognize an encoding without a byte order mark. A single letter followed by a zero
/// byte is more likely the end of a C string.
const UNITS: usize = 2;

fn is_utf32(head: &[u8], number: fn([u8; 4]) -> u32) -> bool {
    let units = head.chunks_exact(4);
    let number = |unit: &[u8]| number([unit[0], unit[1], unit[2], unit[3]]);
    units.len() >= UNITS
        && units
            .map(number)
            .all(|unit| unit != 0 && char::from_u32(unit).is_some())
}

fn is_utf16(head: &[u8], number: fn([u8; 2]) -> u16) -> bool {
    let units = head.chunks_exact(2);
    let count = units.len();
    let mut units = units.map(|unit| number([unit[0], unit[1]]));
    let narrow = units.try_fold(0, |narrow, unit| {
        (unit != 0).then_some(narrow + usize::from(unit < 0x100))
    });
    count >= UNITS && narrow.is_some_and(|narrow| narrow * 2 > count)
}

/// Decodes UTF-8, and keeps a byte order mark.
///
/// # Errors
/// Fails if `bytes` is not UTF-8, or is recognized as UTF-16 or UTF-32. UTF-16 and UTF-32 are rejected even if the bytes are also
/// valid UTF-8 (with zero bytes).
pub fn decode(bytes: Vec<u8>) -> Result<String, EncodingError> {
    if let Some(other) = Encoding::of(&bytes) {
        return Err(EncodingError::Unicode(other));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        EncodingError::Byte {
            at: at as u64,
            byte: error.as_bytes()[at],
        }
    })
}

/// Returns `text` without a byte order mark at its beginning.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix(MARK).unwrap_or(text)
}

impl fmt::Display for Encoding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Utf16 => "UTF-16",
            Self::Utf32 => "UTF-32",
        })
    }
}

#[cfg(test)]
mod tests;

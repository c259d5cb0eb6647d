//! Writes JSON strings.

use std::io::{self, Write};

/// Writes `text` as a JSON string.
pub(crate) fn write_string(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(b"\"")?;
    write_escaped(out, text)?;
    out.write_all(b"\"")
}

/// Writes a part of a JSON string. Only quotation marks, backslashes and control characters are escaped.
pub(crate) fn write_escaped(out: &mut impl Write, text: &str) -> io::Result<()> {
    let bytes = text.as_bytes();
    let mut written = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.write_all(&bytes[written..at])?;
        written = at + 1;
        match byte {
            b'"' => out.write_all(b"\\\"")?,
            b'\\' => out.write_all(b"\\\\")?,
            b'\n' => out.write_all(b"\\n")?,
            b'\r' => out.write_all(b"\\r")?,
            b'\t' => out.write_all(b"\\t")?,
            _ => {
                let digit = |digit: u8| b"0123456789abcdef"[usize::from(digit)];
                let digits = [digit(byte >> 4), digit(byte & 0xf)];
                out.write_all(&[b'\\', b'u', b'0', b'0', digits[0], digits[1]])?;
            }
        }
    }
    out.write_all(&bytes[written..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_written_string_can_be_parsed_again(text in any::<String>()) {
            let mut out = Vec::new();
            write_string(&mut out, &text).unwrap();
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}

//! Forwards a step's output line by line.

use std::io;
use std::path::{Path, PathBuf};

use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};

/// The length in bytes from which a line is forwarded in pieces.
const LONGEST: usize = 64 << 10;

/// Reads `stream`, the output of a step, to its end, and calls `line` for each line without its line break. If `copy` is
/// set, also copies all bytes to this file (`stdoutConfig` and `stderrConfig`).
pub(crate) async fn forward(
    stream: impl AsyncRead + Unpin,
    copy: Option<PathBuf>,
    mut line: impl FnMut(&str),
) -> io::Result<()> {
    let mut copy = match copy {
        Some(path) => Some(create(&path).await?),
        None => None,
    };
    let mut reader = BufReader::new(stream);
    let mut pending: Vec<u8> = Vec::new();
    loop {
        let chunk = reader.fill_buf().await?;
        if chunk.is_empty() {
            break;
        }
        let read = chunk.len();
        if let Some(copy) = &mut copy {
            copy.write_all(chunk).await?;
        }
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            pending.extend_from_slice(piece);
            if piece.ends_with(b"\n") || pending.len() >= LONGEST {
                line(text(&pending).as_ref());
                pending.clear();
            }
        }
        reader.consume(read);
    }
    if !pending.is_empty() {
        line(text(&pending).as_ref());
    }
    match &mut copy {
        Some(copy) => copy.flush().await,
        None => Ok(()),
    }
}

async fn create(path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        tokio::fs::create_dir_all(parent).await?;
    }
    File::create(&path).await
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_forwarded_one_by_one_and_the_copy_is_exact() {
        let directory = tempfile::tempdir().unwrap();
        let copy = directory.path().join("a/copy");
        let mut lines = Vec::new();
        let text = "one\r\n\ntwo \u{e9}\nrest";
        forward(text.as_bytes(), Some(copy.clone()), |line| {
            lines.push(line.to_owned())
        })
        .await
        .unwrap();
        assert_eq!(lines, ["one", "", "two \u{e9}", "rest"]);
        assert_eq!(std::fs::read_to_string(copy).unwrap(), text);
    }

    #[tokio::test]
    async fn a_long_line_is_forwarded_in_pieces() {
        let mut pieces = 0;
        forward(vec![b'x'; 3 * LONGEST].as_slice(), None, |line| {
            pieces += usize::from(line.len() >= LONGEST)
        })
        .await
        .unwrap();
        assert!(pieces >= 2, "{pieces}");
    }
}

//! The containers that share the space for a pod's termination messages.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::entry::{Entry, EntryType, message, plain_len};
use crate::{CONTAINER_MAX, POD_MAX, Size};

/// The keyword that stands for compressed messages in the text form of a [`Share`].
const COMPRESSED: &str = "compressed";
/// The prefix of a compressed message (`pkg/termination/write.go`).
const COMPRESSED_PREFIX: &str = "tknz:";
/// The compression level that Tekton uses (`flate.BestCompression`).
const LEVEL: u8 = 9;
/// The compressed size is increased by an eighth and by this number of bytes, for two reasons: Tekton uses a different
/// compressor, and the entries of two messages may take more space when compressed together than separately.
const MARGIN: usize = 32;

/// The containers that share a pod's 12 KiB for termination messages. The text form is `OWN+ADDED`, such as `3+1`, or
/// `3+1,compressed` if Tekton compresses messages (`enable-termination-message-compression`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The pod's own containers, including Tekton's init containers.
    pub own: usize,
    /// The containers that Gleaner adds: its sidecar and, in some Tasks, a step.
    pub added: usize,
    /// True if Tekton compresses messages.
    pub compressed: bool,
}

/// An error for text that is not a [`Share`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid share '{0}': use OWN+ADDED, such as 3+1, or 3+1,compressed")]
pub struct InvalidShare(String);

// === impl Share ===

impl Share {
    /// Returns the maximum size of a message that the kubelet does not truncate, in bytes.
    pub fn room(self) -> usize {
        room(self.own + self.added)
    }

    /// Returns the value that [`room`](Self::room) would have without the containers that Gleaner adds.
    pub fn room_without(self) -> usize {
        room(self.own)
    }

    /// Returns the size of a message that contains these resource results. The value of each result is compact JSON.
    pub fn size_of_results(self, results: &BTreeMap<String, Map<String, Value>>) -> Size {
        let texts: Vec<(&String, String)> = results
            .iter()
            .map(|(name, fields)| {
                let text = serde_json::to_string(fields);
                (
                    name,
                    text.expect("invariant: a map of JSON values can be serialized"),
                )
            })
            .collect();
        self.size(texts.iter().map(|(name, text)| Entry {
            key: name,
            value: text,
            kind: EntryType::TaskRunResult,
        }))
    }

    /// Returns the size of a message that contains these entries.
    pub fn size<'a>(self, entries: impl IntoIterator<Item = Entry<'a>> + Clone) -> Size {
        Size {
            plain: plain_len(entries.clone()),
            compressed: self.compressed.then(|| {
                let packed = packed_len(&message(entries));
                packed + packed / 8 + MARGIN
            }),
        }
    }
}

/// Returns the size, in bytes, of the compressed message, which consists of a prefix and the compressed text in base64.
fn packed_len(message: &str) -> usize {
    let packed = miniz_oxide::deflate::compress_to_vec(message.as_bytes(), LEVEL).len();
    COMPRESSED_PREFIX.len() + (packed * 4).div_ceil(3)
}

fn room(containers: usize) -> usize {
    CONTAINER_MAX.min(POD_MAX / containers.max(1))
}

impl fmt::Display for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}+{}", self.own, self.added)?;
        if self.compressed {
            write!(out, ",{COMPRESSED}")?;
        }
        Ok(())
    }
}

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, InvalidShare> {
        let read = || {
            let (containers, compressed) = match text.split_once(',') {
                Some((containers, COMPRESSED)) => (containers, true),
                Some(_) => return None,
                None => (text, false),
            };
            let (own, added) = containers.split_once('+')?;
            let number = |digits: &str| {
                let digits =
                    Some(digits).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
                digits?.parse::<u16>().ok().map(usize::from)
            };
            Some(Self {
                own: number(own)?,
                added: number(added)?,
                compressed,
            })
        };
        read().ok_or_else(|| InvalidShare(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;

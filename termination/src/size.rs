//! The size of a termination message.

use std::ops::Add;

/// The size of a message in bytes, in both forms that Tekton may write; Tekton uses the shorter form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// The size of the uncompressed JSON.
    pub plain: usize,
    /// The compressed size, if Tekton compresses messages: an estimate that is never below the real size.
    pub compressed: Option<usize>,
}

impl Size {
    /// Returns the size of the shorter form.
    pub fn bytes(self) -> usize {
        self.compressed
            .map_or(self.plain, |compressed| compressed.min(self.plain))
    }
}

/// Returns the size of one message with the entries of both: exact or slightly too high.
impl Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let compressed = self.compressed.zip(other.compressed);
        Self {
            plain: self.plain + other.plain,
            compressed: compressed.map(|(one, other)| one + other),
        }
    }
}

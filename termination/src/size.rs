//! The size of a termination message.

use std::ops::Add;

/// The size of a message, in bytes, without and with compression. Tekton writes the shorter form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// The size of the uncompressed JSON.
    pub plain: usize,
    /// The size of the compressed message, if Tekton compresses messages. This estimate is never below the actual size.
    pub compressed: Option<usize>,
}

impl Size {
    /// Returns the size of the shorter form.
    pub fn bytes(self) -> usize {
        self.compressed
            .map_or(self.plain, |compressed| compressed.min(self.plain))
    }
}

/// Returns the size of one message that contains the entries of both messages. The size is exact or slightly too high.
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

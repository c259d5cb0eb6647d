//! The size of a termination message.

use std::ops::Add;

/// The bytes of a message in both forms that Tekton may write, of which it uses the shorter one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Uncompressed JSON.
    pub plain: usize,
    /// Compressed, if Tekton compresses messages: an estimate that is never below the real size.
    pub compressed: Option<usize>,
}

impl Size {
    /// Returns the bytes of the shorter form.
    pub fn bytes(self) -> usize {
        self.compressed
            .map_or(self.plain, |compressed| compressed.min(self.plain))
    }
}

/// The size of one message with the entries of both: exact or a little high.
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

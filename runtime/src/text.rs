//! Truncation of text.

/// Returns the first `bytes` bytes of `text`, or slightly fewer if that would split a character.
pub fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len()))
        .rev()
        .find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or_default()]
}

//! Parses the code blocks of Markdown pages.

/// A fenced code block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fence {
    /// The language: the first word of the info string.
    pub(crate) language: String,
    /// The other words of the info string, such as `cluster` in `sh,cluster`.
    pub(crate) attributes: Vec<String>,
    pub(crate) content: String,
    /// The line number of the opening fence, counted from 1.
    pub(crate) line: usize,
}

impl Fence {
    pub(crate) fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|one| one == attribute)
    }
}

/// Returns the code blocks of a page in order.
pub(crate) fn fences(page: &str) -> Vec<Fence> {
    let mut found = Vec::new();
    let mut open: Option<Fence> = None;
    for (index, line) in page.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), open.take()) {
            (Some(info), None) => {
                let mut words = info.split(',').map(|word| word.trim().to_owned());
                open = Some(Fence {
                    language: words.next().unwrap_or_default(),
                    attributes: words.collect(),
                    content: String::new(),
                    line: index + 1,
                });
            }
            (Some(_), Some(fence)) => found.push(fence),
            (None, Some(mut fence)) => {
                fence.content.push_str(line);
                fence.content.push('\n');
                open = Some(fence);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "unclosed code block: {open:?}");
    found
}

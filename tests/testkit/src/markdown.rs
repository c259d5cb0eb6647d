//! Parses the code blocks of Markdown pages.

/// A fenced code block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// The language: the first word of the info string.
    pub language: String,
    /// The other words in the info string, such as `cluster` in `sh,cluster`.
    pub attributes: Vec<String>,
    /// The text between the fences, with all line ends.
    pub content: String,
    /// The line number of the opening fence, counted from 1.
    pub line: usize,
}

impl Fence {
    /// Returns true if the info string contains this word after the language.
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|one| one == attribute)
    }

    /// Returns the file name under which a reader saves a YAML block: the comment in the block's first line, such as
    /// `# task.yaml`.
    pub fn file_name(&self) -> Option<&str> {
        let first = self.content.lines().next()?;
        let name = first.strip_prefix("# ")?;
        (name.ends_with(".yaml") && !name.contains(' ')).then_some(name)
    }
}

/// Returns the code blocks of a page in order.
pub fn fences(page: &str) -> Vec<Fence> {
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

/// Returns the first line of `expected` that no line of `printed` contains; `…` matches any text. The order of the lines is not
/// compared, because standard output and standard error are read separately.
pub fn absent<'a>(expected: &'a str, printed: &str) -> Option<&'a str> {
    let is_shown = |wanted: &str| {
        printed.lines().any(|line| {
            let mut rest = line;
            wanted.trim_end().split('…').all(|part| {
                let found = rest.find(part);
                rest = found.map_or("", |at| &rest[at + part.len()..]);
                found.is_some()
            })
        })
    };
    expected.lines().find(|line| !is_shown(line))
}

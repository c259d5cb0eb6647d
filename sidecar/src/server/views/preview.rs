//! Renders the objects as YAML in which values with variables are marked.

use std::io::{self, Write as _};

use gleaner_core::document::writer::write_yaml_ranges;
use gleaner_core::render::Rendered;
use gleaner_proto::preview::{PreviewMark, PreviewObject, PreviewPart};
use gleaner_runtime::text::cut;

use super::Page;

/// The maximum length of a marked value, in bytes. Longer values are truncated.
const VALUE: usize = 2 << 10;

/// Writes a [`Preview`](gleaner_proto::preview::Preview) of `objects`, in which the values listed in their `leaves` are marked. Only
/// one object of the preview is in memory at a time.
///
/// # Errors
/// Fails if the preview, or the YAML of a single object, exceeds the limit of `page`.
pub(super) fn write(page: &mut Page, objects: &[Rendered]) -> io::Result<()> {
    page.write_all(b"{\"objects\":[")?;
    for (index, object) in objects.iter().enumerate() {
        if index > 0 {
            page.write_all(b",")?;
        }
        let object = one(object, page.max)?;
        serde_json::to_writer(&mut *page, &object)?;
    }
    page.write_all(b"]}\n")
}

fn one(rendered: &Rendered, max: usize) -> io::Result<PreviewObject> {
    let mut page = Page {
        bytes: Vec::new(),
        max,
    };
    let leaves = &rendered.leaves;
    let pointers = leaves.iter().map(|leaf| leaf.pointer.as_str());
    let mut ranges = write_yaml_ranges(&mut page, &rendered.object, pointers)
        .map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    ranges.sort_by_key(|(_, range)| range.start);
    let yaml = String::from_utf8(page.bytes).map_err(io::Error::other)?;
    let mut parts = Vec::new();
    let mut end = 0;
    for (leaf, range) in ranges {
        let written = &yaml[range.clone()];
        let start = range.start + (written.len() - written.trim_start().len());
        let value = written.trim();
        // Skip a leaf without text. Also skip a leaf that overlaps the previous one, which should never happen.
        if start < end || value.is_empty() {
            continue;
        }
        parts.push(plain(&yaml[end..start]));
        let shown = cut(value, VALUE);
        parts.push(PreviewPart {
            text: shown.to_owned(),
            mark: Some(match leaves[leaf].is_pending {
                true => PreviewMark::Pending,
                false => PreviewMark::Substituted,
            }),
            bytes: (shown.len() < value.len()).then_some(value.len()),
        });
        end = start + value.len();
    }
    parts.push(plain(&yaml[end..]));
    Ok(PreviewObject {
        resource: rendered.resource.to_string(),
        parts,
    })
}

fn plain(text: &str) -> PreviewPart {
    PreviewPart {
        text: text.to_owned(),
        mark: None,
        bytes: None,
    }
}

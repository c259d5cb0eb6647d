//! The body of a step's message, which is streamed from the output files.

use std::io::{self, Write};

use gleaner_proto::OutputName;

use crate::content::Content;
use crate::json;

/// An output whose file was checked.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) name: OutputName,
    pub(crate) content: Content,
}

/// The body of a request. It is [`gleaner_proto::message::Outputs`] as JSON, or empty for a message without content.
#[derive(Debug, Default)]
pub(crate) struct Body {
    outputs: Vec<Output>,
    /// The text after the outputs, or empty for an empty body.
    end: String,
}

// === impl Body ===

impl Body {
    /// Returns the body for a step that exited with `exit_code`.
    pub(crate) fn new(outputs: Vec<Output>, exit_code: i32) -> Self {
        let end = format!("}},\"exitCode\":{exit_code}}}");
        Self { outputs, end }
    }

    /// Returns the length of the body in bytes.
    pub(crate) fn length(&self) -> u64 {
        if self.end.is_empty() {
            return 0;
        }
        let outputs = self.outputs.iter();
        // Each output adds two quotation marks and a colon, and each except the first adds a comma.
        let outputs =
            outputs.map(|output| output.name.as_str().len() as u64 + 3 + output.content.length());
        let commas = self.outputs.len().saturating_sub(1) as u64;
        (BEGIN.len() + self.end.len()) as u64 + commas + outputs.sum::<u64>()
    }

    /// Writes the body. If a file has changed since it was checked, the body is written only in part.
    ///
    /// # Errors
    /// Fails with [`Changed`](crate::content::Changed) if a file has changed, or with the error from reading or writing.
    pub(crate) fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        if self.end.is_empty() {
            return Ok(());
        }
        out.write_all(BEGIN)?;
        for (index, output) in self.outputs.iter().enumerate() {
            if index > 0 {
                out.write_all(b",")?;
            }
            json::write_string(out, output.name.as_str())?;
            out.write_all(b":")?;
            output.content.write_to(out)?;
        }
        out.write_all(self.end.as_bytes())
    }
}

const BEGIN: &[u8] = b"{\"outputs\":{";

#[cfg(test)]
mod tests;

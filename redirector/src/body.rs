//! The body of a step's message, streamed: values stay where they were read to, and are escaped on their way out.

use std::io::{self, Write};

use gleaner_proto::{OutputName, OutputType};

use crate::json;

/// One output, read and checked.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) name: OutputName,
    pub(crate) kind: OutputType,
    /// A string's text; for every other type its JSON.
    pub(crate) text: String,
}

/// [`gleaner_proto::message::Outputs`], as it goes over the wire; the empty body for messages without content.
#[derive(Debug, Default)]
pub(crate) struct Body {
    content: Option<(Vec<Output>, i32)>,
}

// === impl Body ===

impl Body {
    /// Of a step that ended with `exit_code`.
    pub(crate) fn new(outputs: Vec<Output>, exit_code: i32) -> Self {
        Self {
            content: Some((outputs, exit_code)),
        }
    }

    pub(crate) fn length(&self) -> u64 {
        let mut count = Count(0);
        // Counting cannot fail.
        let _ = self.write_to(&mut count);
        count.0
    }

    pub(crate) fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        let Some((outputs, exit_code)) = &self.content else {
            return Ok(());
        };
        out.write_all(b"{\"outputs\":{")?;
        for (index, output) in outputs.iter().enumerate() {
            if index > 0 {
                out.write_all(b",")?;
            }
            json::write_string(out, output.name.as_str())?;
            out.write_all(b":")?;
            if output.kind == OutputType::String {
                json::write_string(out, &output.text)?;
            } else {
                out.write_all(output.text.as_bytes())?;
            }
        }
        write!(out, "}},\"exitCode\":{exit_code}}}")
    }
}

struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! The memory of a run: accepted outputs, and the objects rendered from them.

use super::{Collector, Examined, Refusal, StepRecord};
use crate::render::{self, Rendered, Secrecy, TooLarge};

/// The limits on the memory of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The limit for all accepted outputs together, in bytes.
    pub outputs: u64,
    /// The limits for the objects in a submission.
    pub objects: render::Bounds,
    /// The limits for the objects in one response.
    pub preview: render::Bounds,
}

impl Default for Bounds {
    /// Returns bounds with only one limit: the API server's limit for one object.
    fn default() -> Self {
        let objects = render::Bounds::default();
        Self {
            outputs: u64::MAX,
            objects,
            preview: objects,
        }
    }
}

impl Collector {
    /// Sets the limits for further messages. Messages from the journal were checked when they arrived, and are not checked again.
    pub const fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Returns the limits on memory.
    pub const fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Renders all objects, with secrets masked and unknown variables left as written. If `only` is set, renders only the object
    /// of that template.
    ///
    /// # Errors
    /// Returns [`TooLarge`] if the objects exceed the limits for a response. In that case, no object is rendered.
    pub fn masked_preview(&self, only: Option<&str>) -> Result<Vec<Rendered>, TooLarge> {
        self.measure_preview(only)?;
        let (values, run, attempts) = (&self.values, &self.run, &self.attempts);
        let secrecy = Secrecy::Masked;
        let (rendered, _) =
            render::preview_of(only, &self.declaration, values, run, attempts, secrecy);
        Ok(rendered)
    }

    /// Renders all objects like [`masked_preview`](Self::masked_preview), and records the leaves that contained variables.
    ///
    /// # Errors
    /// Returns [`TooLarge`] in the same cases as [`masked_preview`](Self::masked_preview).
    pub fn traced_preview(&self) -> Result<Vec<Rendered>, TooLarge> {
        self.measure_preview(None)?;
        let (values, run, attempts) = (&self.values, &self.run, &self.attempts);
        Ok(render::traced_preview(
            &self.declaration,
            values,
            run,
            attempts,
        ))
    }

    fn measure_preview(&self, only: Option<&str>) -> Result<(), TooLarge> {
        let (values, run, bounds) = (&self.values, &self.run, &self.bounds.preview);
        render::measure(
            &self.declaration,
            values,
            run,
            Secrecy::Masked,
            bounds,
            only,
        )
        .map(drop)
    }

    /// Checks that a message does not exceed the memory limit. `bytes` is the size of the message in the journal. The check
    /// uses the larger of this size and the size of the outputs in memory.
    ///
    /// # Errors
    /// Returns a [`Refusal`] if all outputs together would exceed the limit.
    pub fn within_memory(&self, examined: Examined, bytes: usize) -> Result<Examined, Refusal> {
        let Examined::New(mut admission) = examined else {
            return Ok(examined);
        };
        let memory = admission.memory.max(bytes as u64);
        // If the message replaces an earlier message, the memory for that message is freed.
        let replaced = match self.steps.get(&admission.step) {
            Some(StepRecord::Heard { memory, .. }) => *memory,
            _ => 0,
        };
        let others = self.accepted.saturating_sub(replaced);
        if others.saturating_add(memory) > self.bounds.outputs {
            return Err(Refusal::TooLarge {
                step: admission.step.to_string(),
                memory,
                accepted: others,
                bound: self.bounds.outputs,
            });
        }
        admission.memory = memory;
        Ok(Examined::New(admission))
    }
}

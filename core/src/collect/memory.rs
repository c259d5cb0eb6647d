//! The memory of a run: accepted outputs, and the objects rendered from them.

use super::{Collector, Examined, Refusal, StepRecord};
use crate::render::{self, Rendered, Secrecy, TooLarge};

/// The limits on the memory of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// All accepted outputs together, in bytes.
    pub outputs: u64,
    /// The objects of a submission.
    pub objects: render::Bounds,
    /// The objects of one response.
    pub preview: render::Bounds,
}

impl Default for Bounds {
    /// No limits, except the API server's on one object.
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
    /// Sets the limits for further messages. Messages in the journal were checked against the limits of their time.
    pub const fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// The limits on memory.
    pub const fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Renders the objects, or only that of one template, with secrets masked and unknown variables as written.
    ///
    /// # Errors
    /// A [`TooLarge`] if they exceed the limits of a response; then no object is rendered.
    pub fn masked_preview(&self, only: Option<&str>) -> Result<Vec<Rendered>, TooLarge> {
        let Self {
            declaration,
            values,
            run,
            attempts,
            ..
        } = self;
        let (secrecy, bounds) = (Secrecy::Masked, &self.bounds.preview);
        render::measure(declaration, values, run, secrecy, bounds, only)?;
        let (rendered, _) = render::preview_of(only, declaration, values, run, attempts, secrecy);
        Ok(rendered)
    }

    /// Checks that there is memory for a message of `bytes` bytes, which the journal keeps.
    ///
    /// # Errors
    /// A [`Refusal`] if all outputs together would exceed the limit. Nothing changes.
    pub fn within_memory(&self, examined: Examined, bytes: usize) -> Result<Examined, Refusal> {
        let Examined::New(mut admission) = examined else {
            return Ok(examined);
        };
        let memory = admission.memory.max(bytes as u64);
        // The memory of a replaced message is freed.
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

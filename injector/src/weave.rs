//! A Task that asks for Gleaner becomes one that any Tekton can run.

use serde_json::Value;

use crate::outcome::{Outcome, Refusal, Skip};
use crate::settings::Settings;

/// What is done to an object.
#[derive(Debug, Clone, Copy)]
pub enum Operation<'a> {
    /// It is created.
    Create,
    /// It takes the place of this one.
    Update {
        /// The object as it was.
        old: &'a Value,
    },
}

/// Weaves every TaskSpec in `object` (a Task, TaskRun, Pipeline or PipelineRun of `tekton.dev`) that has a declaration beside it.
///
/// # Errors
/// Everything that is wrong with the declarations.
pub fn weave(object: &Value, operation: Operation<'_>, settings: &Settings) -> Result<Outcome, Refusal> {
    let _ = (object, operation, settings);
    Ok(Outcome::Skipped(Skip::NotAsked))
}

//! Restores the state of a run from the journal after a restart.

use gleaner_core::collect::{Collector, Examined};
use gleaner_submission::Planned;

use crate::journal::Record;

/// A journal record that cannot follow the previous records. A different version of Gleaner wrote it, or the checksum did not
/// detect damage.
#[derive(Debug, thiserror::Error)]
#[error(
    "record {number} of the journal contradicts the previous records: {why}; delete the pod, so that the run starts again"
)]
pub struct RecoveryError {
    number: usize,
    why: String,
}

/// Applies `records` to `collector`, in the order in which they were written, and returns the planned objects.
///
/// # Errors
/// Returns a [`RecoveryError`] for the first record that cannot follow the previous records.
pub(crate) fn replay(
    collector: &mut Collector,
    records: Vec<Record>,
) -> Result<Vec<Planned>, RecoveryError> {
    let is_key = |record: &&Record| matches!(record, Record::SecretKey(_));
    let count = records.len() - records.iter().filter(is_key).count();
    let mut planned = Vec::new();
    for (index, record) in records.into_iter().enumerate() {
        apply(collector, record, &mut planned).map_err(|why| RecoveryError {
            number: index + 1,
            why,
        })?;
    }
    if count > 0 {
        let phase = collector.phase();
        tracing::info!(records = count, ?phase, "recovered");
    }
    Ok(planned)
}

fn apply(
    collector: &mut Collector,
    record: Record,
    planned: &mut Vec<Planned>,
) -> Result<(), String> {
    match record {
        Record::Accepted { step, message } => match collector.examine(step.as_str(), message) {
            Ok(Examined::New(admission)) => {
                collector.accept(admission);
            }
            Ok(Examined::Repeated(_)) => {
                return Err(format!(
                    "the journal contains two messages of step '{step}'"
                ));
            }
            Err(refusal) => return Err(refusal.to_string()),
        },
        // The preceding messages have been replayed, so all variables are resolved.
        Record::SubmissionRequested => {
            collector.request_submission();
        }
        // The key was already read from the journal before the collector was created.
        Record::SecretKey(_) => {}
        Record::Planned(objects) if collector.is_submitting() => planned.push(objects),
        Record::Planned(_) => {
            return Err(
                "it contains the plan of a submission, but no submission was requested".to_owned(),
            );
        }
        Record::Finished => {
            collector.finish();
        }
        Record::Committed(commit) => {
            match collector.submitting() {
                Some(submitting) => submitting.commit(commit.outcome, commit.attempts),
                None => return Err(
                    "it reports that the resources were created, but no submission was requested"
                        .to_owned(),
                ),
            }
        }
        Record::Failed(problem) => match collector.submitting() {
            Some(submitting) => submitting.fail(problem),
            None => {
                return Err(
                    "it reports that the submission failed, but no submission was requested"
                        .to_owned(),
                );
            }
        },
    }
    Ok(())
}

#[cfg(test)]
mod tests;

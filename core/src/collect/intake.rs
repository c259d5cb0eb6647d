//! Checks a step's message against the declaration.

use crate::document::suggestion::suggestion;
use gleaner_proto::failure::{Failure, FailureCode};
use gleaner_proto::message::{Outputs, Problem, problem_type};
use gleaner_proto::{StepName, When, exit_code, number};
use sha2::{Digest, Sha256};

use super::{Collector, Life, Stage, StepRecord, Verdict};
use crate::collect::problem;
use crate::render;

/// A step's message with its hash and size. It is created without the run's state, so the run is not blocked while a large
/// message is hashed.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    outputs: Outputs,
    fingerprint: [u8; 32],
    memory: u64,
}

impl From<Outputs> for Message {
    fn from(outputs: Outputs) -> Self {
        Self {
            fingerprint: fingerprint(&outputs),
            memory: memory(&outputs),
            outputs,
        }
    }
}

/// The result of examining a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Examined {
    /// The message is new and valid. The caller writes the message to the journal, and then passes the admission to
    /// [`Collector::accept`].
    New(Admission),
    /// The step sent the same message before.
    Repeated(Verdict),
}

/// A message that was examined and found to be new and valid. Only examination creates an `Admission`.
#[derive(Debug, Clone, PartialEq)]
pub struct Admission {
    pub(super) step: StepName,
    pub(super) message: Outputs,
    pub(super) fingerprint: [u8; 32],
    /// The memory that the message uses once it is accepted, in bytes.
    pub(super) memory: u64,
}

impl Admission {
    /// Returns the step that sent the message.
    pub const fn step(&self) -> &StepName {
        &self.step
    }

    /// Returns the message.
    pub const fn message(&self) -> &Outputs {
        &self.message
    }
}

/// The reason for rejecting a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The Task does not contain the step. The fields are the step's name and a suggestion.
    #[error("unknown step '{0}'; {1}")]
    UnknownStep(String, String),
    /// The step sent different outputs before. They can no longer be replaced, because the submission started, the run finished,
    /// or the step posted too many times.
    #[error(
        "step '{0}' ran again and sent different outputs, but the outputs of its first run are already in use"
    )]
    AlreadyWritten(String),
    /// The run finished, and missing outputs took their default values.
    #[error("step '{0}' posted its outputs after the run had finished")]
    Finished(String),
    /// The step's outputs and the outputs already accepted would together exceed the memory limit.
    #[error(
        "the outputs of step '{step}' take {memory} bytes in addition to {accepted} bytes already accepted, but the limit is {bound} bytes; \
         make the outputs smaller, or raise the sidecar's memory limit or --max-outputs"
    )]
    TooLarge {
        /// The step that sent the message.
        step: String,
        /// The size of the step's outputs, in bytes.
        memory: u64,
        /// The size of the outputs accepted from all other steps, in bytes.
        accepted: u64,
        /// The limit for all outputs together, in bytes.
        bound: u64,
    },
    /// Outputs are undeclared, missing or invalid. The field contains one message for each error.
    #[error("{}", .0.join("; "))]
    Outputs(Vec<String>),
}

/// The remedy if a step ran again. Under any restart policy, the kubelet may run a container again, for example after the node
/// restarts.
const REPEATED_REMEDY: &str =
    "start a new run, and make the step produce the same outputs each time that it runs";

/// The maximum number of messages per step. The number is limited, because each message takes space in the journal.
const POSTS_MAX: u32 = 32;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (kind, status, title) = match &refusal {
            Refusal::UnknownStep(..) => (problem_type::NOT_FOUND, 404, "no such step"),
            Refusal::AlreadyWritten(_) => {
                (problem_type::ALREADY_WRITTEN, 409, "the step ran again")
            }
            Refusal::Finished(_) => (problem_type::ALREADY_WRITTEN, 409, "the run has finished"),
            Refusal::TooLarge { .. } => (problem_type::TOO_LARGE, 413, "too large"),
            Refusal::Outputs(_) => (
                problem_type::OUTPUT,
                422,
                "outputs do not match the declaration",
            ),
        };
        let code = match &refusal {
            Refusal::UnknownStep(..) => exit_code::DECLARATION,
            _ => exit_code::OUTPUT,
        };
        let failures = match &refusal {
            Refusal::AlreadyWritten(_) => vec![Failure {
                resource: None,
                code: FailureCode::StepRepeated,
                message: refusal.to_string(),
                remedy: Some(REPEATED_REMEDY.to_owned()),
            }],
            _ => Vec::new(),
        };
        Self {
            failures,
            ..problem::new(kind, status, title, refusal.to_string(), code)
        }
    }
}

pub(super) fn examine(
    collector: &Collector,
    step: &str,
    message: Message,
) -> Result<Examined, Refusal> {
    let Message {
        outputs: message,
        fingerprint,
        memory,
    } = message;
    let Some((name, record)) = collector.steps.get_key_value(step) else {
        let known = collector.steps.keys().map(StepName::as_str);
        let help = suggestion(step, known)
            .unwrap_or_else(|| "see GET /v1/status for the names of the steps".to_owned());
        return Err(Refusal::UnknownStep(step.to_owned(), help));
    };
    match record {
        StepRecord::Heard {
            fingerprint: before,
            completing,
            posts,
            ..
        } => {
            if fingerprint != *before {
                // If the step ran again before its first message was used, the later message replaces the first.
                let replaces = collector.stage == Stage::Open
                    && collector.life == Life::Running
                    && *posts < POSTS_MAX;
                return if replaces {
                    fitting(collector, name, message, (fingerprint, memory))
                } else {
                    Err(Refusal::AlreadyWritten(step.to_owned()))
                };
            }
            // The response is the same as for the first message: a sender that waited for the commit waits again.
            let waits = *completing && collector.stage != Stage::Open;
            Ok(Examined::Repeated(if waits {
                Verdict::AwaitCommit
            } else {
                Verdict::Settled
            }))
        }
        StepRecord::Waiting if collector.life == Life::Finished => {
            Err(Refusal::Finished(step.to_owned()))
        }
        StepRecord::Waiting => fitting(collector, name, message, (fingerprint, memory)),
    }
}

/// Returns an [`Admission`] if the message conforms to the declaration, and a refusal otherwise.
fn fitting(
    collector: &Collector,
    step: &StepName,
    message: Outputs,
    (fingerprint, memory): ([u8; 32], u64),
) -> Result<Examined, Refusal> {
    let wrong = misfits(collector, step.as_str(), &message);
    if wrong.is_empty() {
        Ok(Examined::New(Admission {
            step: step.clone(),
            fingerprint,
            memory,
            message,
        }))
    } else {
        Err(Refusal::Outputs(wrong))
    }
}

fn misfits(collector: &Collector, step: &str, message: &Outputs) -> Vec<String> {
    let declared = collector.declaration.outputs(step);
    let failed = message.exit_code != 0;
    let mut wrong = Wrong::default();
    for (name, value) in &message.outputs {
        let Some(output) = collector.declaration.output(step, name) else {
            wrong.add(|| {
                let name = shortened(name);
                let known = declared.iter().map(|output| output.spec.name.as_str());
                let help = suggestion(&name, known)
                    .unwrap_or_else(|| "the step declares no outputs".to_owned());
                format!("step '{step}' declares no output '{name}'; {help}")
            });
            continue;
        };
        if !output.spec.kind.admits(value) {
            let kind = output.spec.kind.as_str();
            wrong.add(|| {
                format!("output '{name}' of step '{step}' is not of the declared type {kind}")
            });
        } else if let Err(violation) = output.check(value) {
            wrong.add(|| format!("output '{name}' of step '{step}' {violation}"));
        }
        if let Some(number) = number::misfit(value) {
            wrong.add(|| {
                // Messages never quote any part of a secret.
                let number = match output.secret {
                    true => "a number that".to_owned(),
                    false => format!("the number {number}, which"),
                };
                format!(
                    "output '{name}' of step '{step}' contains {number} Kubernetes would change, because it stores only 64-bit integers and doubles; declare \
                     type: string"
                )
            });
        }
        if failed && output.spec.when == When::Success {
            wrong.add(|| {
                format!(
                    "output '{name}' of step '{step}' was posted although the step failed; set `when: Always` to use the output even if the step fails"
                )
            });
        }
    }
    for output in declared {
        let name = output.spec.name.as_str();
        if !failed && output.default.is_none() && !message.outputs.contains_key(name) {
            wrong.add(|| format!("output '{name}' of step '{step}' is missing and has no default"));
        }
    }
    wrong.sentences()
}

/// The errors in a message. Their number is bounded, because a longer list does not help users, and a hostile body must not cause
/// a huge response.
#[derive(Default)]
struct Wrong {
    sentences: Vec<String>,
    more: usize,
}

impl Wrong {
    const NAMED: usize = 10;

    fn add(&mut self, sentence: impl FnOnce() -> String) {
        if self.sentences.len() < Self::NAMED {
            self.sentences.push(sentence());
        } else {
            self.more += 1;
        }
    }

    fn sentences(mut self) -> Vec<String> {
        if self.more > 0 {
            self.sentences.push(format!("and {} more", self.more));
        }
        self.sentences
    }
}

fn shortened(name: &str) -> String {
    const SHOWN: usize = 64;
    if name.chars().count() > SHOWN {
        name.chars().take(SHOWN).chain(['…']).collect()
    } else {
        name.to_owned()
    }
}

/// Returns an upper bound on the memory that the outputs use, in bytes.
fn memory(message: &Outputs) -> u64 {
    let outputs = message.outputs.iter();
    let sizes = outputs.map(|(name, value)| name.len() as u64 + render::memory(value));
    sizes.sum()
}

/// Returns a hash that identifies a message and does not depend on whitespace.
fn fingerprint(message: &Outputs) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(message.exit_code.to_le_bytes());
    for (name, value) in &message.outputs {
        hash.update(name.len().to_le_bytes());
        hash.update(name.as_bytes());
        // Large strings are hashed directly, without a JSON copy; the tag distinguishes "1" from 1.
        match value {
            serde_json::Value::String(text) => {
                hash.update(b"s");
                hash.update(text.len().to_le_bytes());
                hash.update(text.as_bytes());
            }
            other => {
                let json = other.to_string();
                hash.update(b"j");
                hash.update(json.len().to_le_bytes());
                hash.update(json.as_bytes());
            }
        }
    }
    hash.finalize().into()
}

//! Whether a step's message fits the declaration.

use crate::document::suggestion::suggestion;
use gleaner_proto::failure::{Failure, FailureCode};
use gleaner_proto::message::{Outputs, Problem, problem_type};
use gleaner_proto::{StepName, When, exit_code, number};
use sha2::{Digest, Sha256};

use super::{Collector, Life, Stage, StepRecord, Verdict};
use crate::collect::problem;
use crate::render;

/// A step's message, with what is known of it before it is examined. It is made apart from the state: hashing a large message takes
/// time.
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
    /// It is new and right; make it durable, then [`Collector::accept`] it.
    New(Admission),
    /// The step has sent the same before.
    Repeated(Verdict),
}

/// A message that was examined and found new and right. Nothing else can make one.
#[derive(Debug, Clone, PartialEq)]
pub struct Admission {
    pub(super) step: StepName,
    pub(super) message: Outputs,
    pub(super) fingerprint: [u8; 32],
    /// Bytes that it takes up once accepted.
    pub(super) memory: u64,
}

impl Admission {
    /// The step that sent it.
    pub const fn step(&self) -> &StepName {
        &self.step
    }

    /// The message.
    pub const fn message(&self) -> &Outputs {
        &self.message
    }
}

/// The reason for refusing a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The Task has no such step; with the names that there are.
    #[error("there is no step '{0}'; {1}")]
    UnknownStep(String, String),
    /// The step has sent something else before, and that counts: the submission has begun, or the run has finished.
    #[error(
        "step '{0}' has run again and sent other outputs; those of its first run count, because the run has gone on with them"
    )]
    AlreadyWritten(String),
    /// The run has finished, and defaults have been taken.
    #[error("step '{0}' comes too late: the run has finished")]
    Finished(String),
    /// There is no memory for it next to the outputs that are accepted already.
    #[error(
        "the outputs of step '{step}' take {memory} bytes; {accepted} bytes of other outputs are accepted already, and all \
         together may take {bound}; make the outputs smaller, or raise the sidecar's memory limit or --max-outputs"
    )]
    TooLarge {
        /// The step.
        step: String,
        /// Bytes of its outputs.
        memory: u64,
        /// Bytes of all outputs accepted before.
        accepted: u64,
        /// The bound on all of them together, in bytes.
        bound: u64,
    },
    /// Outputs are unknown, missing or of the wrong type; each in a sentence.
    #[error("{}", .0.join("; "))]
    Outputs(Vec<String>),
}

/// The kubelet may run a container a second time, whatever its restart policy (after a restart of the node, for instance).
const REPEATED_REMEDY: &str =
    "start the run again; a step whose outputs are the same each time may run twice";

/// The number of messages that are kept of one step: each has its place in the journal.
const POSTS_MAX: u32 = 32;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (kind, status, title) = match &refusal {
            Refusal::UnknownStep(..) => (problem_type::NOT_FOUND, 404, "no such step"),
            Refusal::AlreadyWritten(_) => {
                (problem_type::ALREADY_WRITTEN, 409, "the step has run again")
            }
            Refusal::Finished(_) => (problem_type::ALREADY_WRITTEN, 409, "the run has finished"),
            Refusal::TooLarge { .. } => (problem_type::TOO_LARGE, 413, "too large"),
            Refusal::Outputs(_) => (
                problem_type::OUTPUT,
                422,
                "outputs do not fit the declaration",
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
            .unwrap_or_else(|| "see GET /v1/status for the steps".to_owned());
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
                // Nothing has been made of the first message: the step has run again, and the later message counts.
                let replaces = collector.stage == Stage::Open
                    && collector.life == Life::Running
                    && *posts < POSTS_MAX;
                return if replaces {
                    fitting(collector, name, message, (fingerprint, memory))
                } else {
                    Err(Refusal::AlreadyWritten(step.to_owned()))
                };
            }
            // Answered as before: who waited for the commit waits for it again.
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

/// Admits a message if it fits the declaration.
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
                let help =
                    suggestion(&name, known).unwrap_or_else(|| "it declares none".to_owned());
                format!("step '{step}' declares no output '{name}'; {help}")
            });
            continue;
        };
        if !output.spec.kind.admits(value) {
            let kind = output.spec.kind.as_str();
            wrong.add(|| {
                format!("output '{name}' of step '{step}' is no {kind}, as which it is declared")
            });
        } else if let Err(violation) = output.check(value) {
            wrong.add(|| format!("output '{name}' of step '{step}' {violation}"));
        }
        if let Some(number) = number::misfit(value) {
            wrong.add(|| {
                // No message quotes a part of a secret.
                let number = match output.secret {
                    true => "a number that".to_owned(),
                    false => format!("the number {number}, which"),
                };
                format!(
                    "output '{name}' of step '{step}' holds {number} would change on its way: Kubernetes stores 64-bit integers \
                     and doubles; declare type: string"
                )
            });
        }
        if failed && output.spec.when == When::Success {
            wrong.add(|| {
                format!(
                    "output '{name}' of step '{step}' counts only when the step succeeds; `when: Always` keeps it"
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

/// What is wrong, up to a point: more sentences are no help, and a hostile body must not become a huge answer.
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

/// Returns the bytes that the outputs take up in memory, at most.
fn memory(message: &Outputs) -> u64 {
    let outputs = message.outputs.iter();
    let sizes = outputs.map(|(name, value)| name.len() as u64 + render::memory(value));
    sizes.sum()
}

/// Tells one message from another, whatever white space it came with.
fn fingerprint(message: &Outputs) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(message.exit_code.to_le_bytes());
    for (name, value) in &message.outputs {
        hash.update(name.len().to_le_bytes());
        hash.update(name.as_bytes());
        // Large strings are hashed as they stand, without a JSON copy of them; the tag keeps "1" apart from 1.
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

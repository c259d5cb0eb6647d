//! The state of a run, without any I/O: the outputs that arrived, the variables still unknown, and when to submit.
//!
//! ```text
//!               outputs                      trigger                 commit
//! Collecting ------------> all known ---------------> Submitting ------------> Committed
//!     |                                                   |
//!     +--- finished with unknown variables ---------------+----- rejected ----> Failed
//! ```
//!
//! The trigger is the declaration's `submit`: as soon as all variables are known, when the run finishes, or on request.
//! Committed and Failed are final. Every transition can be replayed from the journal in the recorded order; recovery
//! does nothing else.

mod intake;
mod memory;
pub mod problem;
mod stage;
mod status;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::declaration::{Declaration, Submit};
use crate::variable::Reference;
use gleaner_proto::StepName;
use gleaner_proto::message::{Outcome, Phase, Problem};
use indexmap::{IndexMap, IndexSet};

use crate::render::{Attempts, Values};
use crate::run::Run;
pub use intake::{Admission, Examined, Message, Refusal};
pub use memory::Bounds;
use stage::Stage;
pub use stage::Submitting;

/// The state of one run.
///
/// A clone is a cheap snapshot: it shares the large parts.
#[derive(Debug, Clone)]
pub struct Collector {
    declaration: Arc<Declaration>,
    /// The variables of the templates; checked on every message, so gathered once.
    variables: Arc<IndexSet<Reference>>,
    /// The indices of the variables that are still unknown. A known variable stays known, unless its step runs again.
    unknown: Vec<usize>,
    run: Arc<Run>,
    /// Shared with the submission; large, so never copied without need.
    values: Arc<Values>,
    /// The memory of all accepted outputs, in bytes.
    accepted: u64,
    bounds: Bounds,
    steps: IndexMap<StepName, StepRecord>,
    defaulted: Arc<BTreeSet<(String, String)>>,
    life: Life,
    stage: Stage,
    attempts: Attempts,
    notes: Vec<String>,
}

/// The state of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
enum StepRecord {
    /// No message has arrived.
    Waiting,
    /// A message has arrived; if there are several, the last one counts.
    Heard {
        /// Identifies a repeated message.
        fingerprint: [u8; 32],
        /// The size of its outputs in memory, in bytes.
        memory: u64,
        /// The number of messages that the step sent.
        posts: u32,
        exit_code: i32,
        /// True if this message completed the set of outputs; its sender then waits for the commit.
        completing: bool,
    },
}

/// The state of the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Running,
    Finished,
}

/// The result of accepting a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The sender need not wait.
    Settled,
    /// The sender waits for the submission to finish.
    AwaitCommit,
}

impl Collector {
    /// Starts a run. `steps` are all steps that may post, whether they declare outputs or not.
    pub fn new(
        declaration: Declaration,
        run: Run,
        values: Values,
        steps: impl IntoIterator<Item = StepName>,
    ) -> Self {
        // The given steps are in the order of the Task.
        let known = steps.into_iter().chain(declaration.steps.keys().cloned());
        let steps = known.map(|step| (step, StepRecord::Waiting)).collect();
        let variables = declaration.variables();
        let mut collector = Self {
            unknown: (0..variables.len()).collect(),
            variables: Arc::new(variables),
            declaration: Arc::new(declaration),
            run: Arc::new(run),
            values: Arc::new(values),
            accepted: 0,
            bounds: Bounds::default(),
            steps,
            defaulted: Arc::default(),
            life: Life::Running,
            stage: Stage::Open,
            attempts: Attempts::new(),
            notes: Vec::new(),
        };
        collector.advance();
        collector
    }

    /// Returns the declaration of the Task.
    pub fn declaration(&self) -> &Declaration {
        &self.declaration
    }

    /// Returns the run that the sidecar serves.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Returns the messages for users.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the values that are known so far.
    pub const fn values(&self) -> &Arc<Values> {
        &self.values
    }

    /// Returns the number of name suffixes tried for each resource with a derived name.
    pub const fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// Returns the steps that may post.
    pub fn steps(&self) -> impl Iterator<Item = &StepName> {
        self.steps.keys()
    }

    /// Examines a message without accepting it.
    ///
    /// # Errors
    /// A [`Refusal`] that lists every error in the message. Nothing changes.
    pub fn examine(&self, step: &str, message: impl Into<Message>) -> Result<Examined, Refusal> {
        intake::examine(self, step, message.into())
    }

    /// Accepts an examined message, which the caller has already made durable.
    pub fn accept(&mut self, admission: Admission) -> Verdict {
        let Admission {
            step,
            message,
            fingerprint,
            memory,
        } = admission;
        let (before, posts) = match self.steps.get(&step) {
            Some(StepRecord::Heard { memory, posts, .. }) => (*memory, *posts),
            Some(StepRecord::Waiting) | None => (0, 0),
        };
        if posts > 0 {
            let note = format!("step '{step}' ran again; its later outputs are used");
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
            // Outputs that the step does not post again become unknown.
            self.unknown = (0..self.variables.len()).collect();
            Arc::make_mut(&mut self.defaulted).retain(|(defaulted, _)| defaulted != step.as_str());
        }
        self.accepted = self.accepted.saturating_sub(before).saturating_add(memory);
        let exit_code = message.exit_code;
        let mut values = message.outputs;
        for output in self.declaration.outputs(step.as_str()) {
            let name = output.spec.name.as_str();
            let counts = exit_code == 0 || output.spec.when == gleaner_proto::When::Always;
            if let (true, false, Some(default)) =
                (counts, values.contains_key(name), &output.default)
            {
                values.insert(name.to_owned(), default.clone());
                let defaulted = Arc::make_mut(&mut self.defaulted);
                defaulted.insert((step.to_string(), name.to_owned()));
            }
        }
        Arc::make_mut(&mut self.values)
            .outputs
            .insert(step.to_string(), Arc::new(values));
        let before = self.stage == Stage::Open;
        self.advance();
        let completing = before && self.stage == Stage::Submitting;
        self.steps.insert(
            step,
            StepRecord::Heard {
                fingerprint,
                exit_code,
                completing,
                memory,
                posts: posts + 1,
            },
        );
        if completing {
            Verdict::AwaitCommit
        } else {
            Verdict::Settled
        }
    }

    /// Returns true if a request starts the submission now: only with `submit: Manual`, and only once. Any other
    /// request gets the outcome.
    ///
    /// # Errors
    /// The unknown variables. Nothing changes.
    pub fn examine_request(&self) -> Result<bool, Problem> {
        if self.stage == Stage::Open && !self.is_resolved() {
            return Err(self.unresolved());
        }
        Ok(self.stage == Stage::Open && self.declaration.submit == Submit::Manual)
    }

    /// Starts the submission for an examined request, which the caller has already made durable.
    pub fn request_submission(&mut self) -> Verdict {
        if let Ok(true) = self.examine_request() {
            self.leave(Stage::submit);
        }
        Verdict::AwaitCommit
    }

    /// Returns true if all steps have finished.
    pub fn is_finished(&self) -> bool {
        self.life == Life::Finished
    }

    /// Records that all steps have finished: missing outputs take their defaults, and the run fails if one has no
    /// default.
    pub fn finish(&mut self) -> Verdict {
        if self.life == Life::Running {
            self.life = Life::Finished;
            self.take_defaults();
            self.advance();
            if self.declaration.submit != Submit::Manual {
                let problem = self.unresolved();
                self.leave(|stage| stage.abandon(problem));
            } else if self.stage == Stage::Open {
                let note = if self.is_resolved() {
                    "nothing was created: no submit request arrived (`submit: Manual` waits for POST /v1/submit)".to_owned()
                } else {
                    format!(
                        "nothing was created: no submit request arrived, and these variables are unresolved: {}",
                        self.pending_names().join(", ")
                    )
                };
                self.notes.push(note);
            }
        }
        match self.stage {
            Stage::Submitting => Verdict::AwaitCommit,
            _ => Verdict::Settled,
        }
    }

    /// Returns true if a submission is due or in progress.
    pub fn is_submitting(&self) -> bool {
        self.stage == Stage::Submitting
    }

    /// Returns the submission in progress, if there is one.
    pub fn submitting(&mut self) -> Option<Submitting<'_>> {
        Submitting::of(self)
    }

    /// Adds a message for users, unless it was added before.
    pub fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Returns the phase of the run.
    pub fn phase(&self) -> Phase {
        match &self.stage {
            Stage::Open if self.is_resolved() => Phase::Resolved,
            Stage::Open => Phase::Collecting,
            Stage::Submitting => Phase::Submitting,
            Stage::Committed(_) => Phase::Committed,
            Stage::Failed(_) => Phase::Failed,
        }
    }

    /// Returns the response to a message whose sender need not wait, or has finished waiting.
    ///
    /// # Errors
    /// The problem for which the run failed, for a sender that waited for the commit.
    pub fn outcome(&self) -> Result<Outcome, Problem> {
        match &self.stage {
            Stage::Committed(outcome) => Ok(outcome.clone()),
            Stage::Failed(problem) => Err(problem.clone()),
            Stage::Open | Stage::Submitting => Ok(Outcome {
                phase: self.phase(),
                pending: self.pending_names(),
                resources: Vec::new(),
                results: BTreeMap::new(),
                notes: self.notes.clone(),
            }),
        }
    }

    /// Returns the response to a step that need not wait for the commit: its own outputs are accepted, even if the run
    /// fails later.
    pub fn receipt(&self) -> Outcome {
        let failed = |_| Outcome {
            phase: self.phase(),
            pending: Vec::new(),
            resources: Vec::new(),
            results: BTreeMap::new(),
            notes: self.notes.clone(),
        };
        self.outcome().unwrap_or_else(failed)
    }

    /// Returns the variables of the templates that are still unknown, each once, in order of first use.
    pub fn pending(&self) -> impl Iterator<Item = &Reference> {
        let unknown = self.unknown.iter();
        unknown.filter_map(|position| self.variables.get_index(*position))
    }

    /// Returns the pending variables as written in templates, without `$()`.
    pub fn pending_names(&self) -> Vec<String> {
        self.pending().map(ToString::to_string).collect()
    }

    /// Returns the variables that stay unknown: parameters and context variables are set on the command line only.
    pub fn unreachable(&self) -> impl Iterator<Item = &Reference> {
        self.pending()
            .filter(|variable| !matches!(variable, Reference::Output { .. }))
    }

    fn is_resolved(&self) -> bool {
        self.unknown.is_empty()
    }

    fn unresolved(&self) -> Problem {
        problem::pending(self.pending_names(), &self.unheard())
    }

    fn leave(&mut self, transition: impl FnOnce(Stage) -> Stage) {
        self.stage = transition(std::mem::take(&mut self.stage));
    }

    fn knows(&self, reference: &Reference) -> bool {
        match reference {
            Reference::Param { name, .. } => self.values.params.contains_key(name),
            Reference::Output { step, output, .. } => self.values.output(step, output).is_some(),
            Reference::Context(name) => self.run.context.contains_key(name),
            Reference::Resource { .. } => true,
        }
    }

    /// Returns the declared steps that have not posted.
    fn unheard(&self) -> Vec<&str> {
        let waiting = self
            .steps
            .iter()
            .filter(|(_, record)| **record == StepRecord::Waiting);
        waiting
            .map(|(step, _)| step.as_str())
            .filter(|step| self.declaration.steps.contains_key(*step))
            .collect()
    }

    /// Starts the submission if the declaration's trigger is met. Called after every change of the values.
    fn advance(&mut self) {
        let mut unknown = std::mem::take(&mut self.unknown);
        unknown.retain(|position| {
            let variable = self.variables.get_index(*position);
            variable.is_some_and(|variable| !self.knows(variable))
        });
        self.unknown = unknown;
        let due = match self.declaration.submit {
            Submit::Resolved => true,
            Submit::Completed => self.life == Life::Finished,
            Submit::Manual => false,
        };
        if due && self.is_resolved() {
            self.leave(Stage::submit);
        }
    }

    fn take_defaults(&mut self) {
        let values = Arc::make_mut(&mut self.values);
        let defaulted = Arc::make_mut(&mut self.defaulted);
        for (step, outputs) in &self.declaration.steps {
            let known = values.outputs.entry(step.to_string()).or_default();
            for output in outputs {
                let name = output.spec.name.as_str();
                if let (false, Some(default)) = (known.contains_key(name), &output.default) {
                    Arc::make_mut(known).insert(name.to_owned(), default.clone());
                    defaulted.insert((step.to_string(), name.to_owned()));
                }
            }
        }
    }
}

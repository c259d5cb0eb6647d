//! The state of a run: the accepted outputs, the unknown variables, and the trigger of the submission. This module does no I/O.
//!
//! ```text
//!               outputs                      trigger                 commit
//! Collecting ------------> all known ---------------> Submitting ------------> Committed
//!     |                                                   |
//!     +--- finished with unknown variables ---------------+----- rejected ----> Failed
//! ```
//!
//! The trigger is the declaration's `submit`: as soon as all variables are known, when the run finishes, or on request. Committed
//! and Failed are final. The journal records every transition, and recovery replays the transitions in the recorded order.

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
/// A clone is a cheap snapshot, because it shares the large parts with the original.
#[derive(Debug, Clone)]
pub struct Collector {
    declaration: Arc<Declaration>,
    /// The variables of the templates. They are collected once, because they are needed after every accepted message.
    variables: Arc<IndexSet<Reference>>,
    /// The indices in `variables` of the unknown variables. A known variable stays known, unless its step runs again.
    unknown: Vec<usize>,
    run: Arc<Run>,
    /// The known values. The submission shares them, because a copy may be large.
    values: Arc<Values>,
    /// The memory that all accepted outputs use, in bytes.
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
    /// A message has arrived. If several messages have arrived, the last message counts.
    Heard {
        /// The hash by which a repeated message is recognized.
        fingerprint: [u8; 32],
        /// The size of the message's outputs in memory, in bytes.
        memory: u64,
        /// The number of messages accepted from the step.
        posts: u32,
        exit_code: i32,
        /// True if this message started the submission. The sender of the message waits for the commit.
        completing: bool,
    },
}

/// The state of all steps together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Running,
    Finished,
}

/// The result of accepting a message or a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The sender need not wait.
    Settled,
    /// The sender waits for the submission to finish.
    AwaitCommit,
}

impl Collector {
    /// Starts a run. `steps` are all steps that may post, including steps without declared outputs.
    pub fn new(
        declaration: Declaration,
        run: Run,
        values: Values,
        steps: impl IntoIterator<Item = StepName>,
    ) -> Self {
        // `steps` comes first, because it lists the steps in the same order as the Task.
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

    /// Returns the declaration that the run uses.
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
    /// Returns a [`Refusal`] that lists the errors in the message.
    pub fn examine(&self, step: &str, message: impl Into<Message>) -> Result<Examined, Refusal> {
        intake::examine(self, step, message.into())
    }

    /// Accepts an examined message. The caller must have written the message to the journal.
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
            let note = format!("step '{step}' ran again; its latest outputs are used");
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
            // Determine the unknown variables again, because outputs that the step does not post again become unknown.
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

    /// Returns true if a submit request starts the submission now. That is the case only if the declaration has `submit: Manual`,
    /// and only for the first request; the response to any other request is the outcome of the run.
    ///
    /// # Errors
    /// Returns a problem that names the variables that are still unknown.
    pub fn examine_request(&self) -> Result<bool, Problem> {
        if self.stage == Stage::Open && !self.is_resolved() {
            return Err(self.unresolved());
        }
        Ok(self.stage == Stage::Open && self.declaration.submit == Submit::Manual)
    }

    /// Starts the submission for an examined request. The caller must have written the request to the journal.
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

    /// Records that all steps have finished: missing outputs take their defaults. If variables are still unknown, the run fails,
    /// unless the declaration has `submit: Manual`.
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
                    "nothing was created: no submit request arrived, but `submit: Manual` requires one; send POST /v1/submit from a step".to_owned()
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

    /// If a submission is in progress, returns the submission.
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

    /// Returns the outcome of the run. Before the submission completes, the outcome contains only the phase, the unknown
    /// variables and the notes.
    ///
    /// # Errors
    /// Returns the problem that made the run fail.
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

    /// Returns the response to a step that does not wait for the commit. The response reports success even if the run failed,
    /// because the step's outputs were accepted.
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

    /// Returns the unknown variables that no step can provide: parameters and context variables, which are set only on the
    /// sidecar's command line.
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

    /// Updates the unknown variables, and, if the submission is due, starts it. Must be called whenever the values change.
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

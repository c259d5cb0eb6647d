//! Observations of a run: responses, states, and all text that users can read.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gleaner_tests::run::Ended;
use serde_json::Value;

use crate::declaration::StepPlan;
use crate::plan::Plan;

/// The time limit of a run. On an idle machine, a run takes at most 50 s, including up to 30 s for a rollback and up to 15 s to
/// wait for the deletion of an object. The limit is much longer, so that only a run that hangs exceeds it, even on a busy
/// machine.
const BOUND: Duration = Duration::from_secs(240);
/// The length of the parts of a secret that the tests search for. Shorter parts may occur in a text by chance.
const PIECE: usize = 10;

/// The observations of a run so far.
pub(crate) struct Observed {
    started: Instant,
    canary: String,
    has_canary: bool,
    submit: &'static str,
    /// The events of the run, each with the time since the start.
    pub(crate) events: Vec<String>,
    /// The promises that the run has broken so far.
    pub(crate) violations: Vec<String>,
    pub(crate) kills: usize,
    /// The number of times that the sidecar exited by itself.
    pub(crate) exits: usize,
    /// The index of the step that is running.
    pub(crate) step: Option<usize>,
    /// The number of responses to GET /v1/status.
    pub(crate) looks: usize,
    pub(crate) last_status: Value,
    /// True if the disk was full at any time. In that case, a step may fail because the sidecar could not store its outputs.
    pub(crate) disk_was_full: bool,
    told: Option<Told>,
}

/// The first report of a final state.
#[derive(Debug, Clone)]
struct Told {
    /// `Committed` or `Failed`.
    phase: String,
    by: String,
    at: Instant,
}

impl Observed {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            started: Instant::now(),
            canary: plan.canary.clone(),
            has_canary: plan.steps[0].outputs.iter().any(|output| output.is_secret),
            submit: plan.submit,
            events: Vec::new(),
            violations: Vec::new(),
            kills: 0,
            exits: 0,
            step: None,
            looks: 0,
            last_status: Value::Null,
            disk_was_full: false,
            told: None,
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Checks that the run does not hang.
    ///
    /// # Panics
    ///
    /// Panics if the run takes longer than its limit.
    pub(crate) fn check_bound(&self) {
        let elapsed = self.elapsed();
        assert!(
            elapsed < BOUND,
            "the run hangs: not finished after {elapsed:?}; events:\n{}",
            self.events.join("\n")
        );
    }

    pub(crate) fn note(&mut self, event: &str) {
        let millis = self.elapsed().as_millis();
        self.events.push(format!("{millis:>6} ms  {event}"));
    }

    pub(crate) fn violation(&mut self, what: String) {
        self.note(&format!("VIOLATION: {what}"));
        self.violations.push(what);
    }

    /// Returns true if the first report of a final state was `Committed`.
    pub(crate) fn told_success(&self) -> bool {
        self.told
            .as_ref()
            .is_some_and(|told| told.phase == "Committed")
    }

    /// Records a reported final state, and checks that this state does not contradict an earlier report. `by` names the
    /// reporter.
    pub(crate) fn tell(&mut self, phase: &str, by: &str) {
        match self.told.clone() {
            None => {
                self.note(&format!("{by}: {phase}"));
                self.told = Some(Told {
                    phase: phase.to_owned(),
                    by: by.to_owned(),
                    at: Instant::now(),
                });
            }
            Some(told) if told.phase != phase => {
                let what = format!(
                    "{} reported {}, and then {by} reported {phase}",
                    told.by, told.phase
                );
                self.violation(what);
            }
            Some(_) => {}
        }
    }

    /// Records a response to GET /v1/status; `asked` is the time at which the request was sent.
    pub(crate) fn status(&mut self, text: &str, asked: Instant) {
        self.saw("/v1/status", text);
        self.looks += 1;
        let status: Value = serde_json::from_str(text).unwrap_or_default();
        let phase = status["phase"].as_str().unwrap_or_default().to_owned();
        if self.last_status["phase"] != phase.as_str() {
            self.note(&format!("the phase is {phase}"));
        }
        let is_final = matches!(phase.as_str(), "Committed" | "Failed");
        if is_final {
            self.tell(&phase, "the status");
        } else if let Some(told) = &self.told
            && asked > told.at
        {
            let what = format!(
                "{} reported {}, and then the status reported {phase}",
                told.by, told.phase
            );
            self.violation(what);
        }
        self.last_status = status;
    }

    /// Records the response to a request that the test itself sent. If no response was received, `response` is `None`.
    pub(crate) fn response(&mut self, what: &str, response: Option<&(u16, String)>) {
        let Some((status, text)) = response else {
            self.note(&format!("{what}: no response"));
            return;
        };
        self.note(&format!("{what}: {status}"));
        self.saw(what, text);
        let body: Value = serde_json::from_str(text).unwrap_or_default();
        match body["phase"].as_str() {
            Some(phase @ ("Committed" | "Failed")) => self.tell(phase, what),
            _ if body["type"] == "/problems/not-created" => self.tell("Failed", what),
            _ => {}
        }
    }

    /// Records the outcome of a step whose outputs a redirector posts.
    pub(crate) fn step_ended(&mut self, plan: &StepPlan, ended: &Ended, finishes: bool) {
        let name = &plan.name;
        self.ended(&format!("step {name}"), ended);
        match ended.code {
            // The test killed the process, so it reported no outcome.
            None => {}
            Some(0) if finishes => self.tell("Committed", "the last step"),
            Some(code) if code == i32::from(plan.exit) => {}
            Some(73) => self.tell("Failed", &format!("step {name}")),
            Some(69) if self.disk_was_full && ended.stderr.contains("--state-dir") => {}
            Some(code) => {
                let what = format!("step {name} exited with {code}: {}", ended.stderr);
                self.violation(what);
            }
        }
    }

    /// Records the outcome of the separate step that finishes the run.
    pub(crate) fn finished(&mut self, ended: &Ended) {
        self.ended("the finish step", ended);
        match ended.code {
            Some(0) => self.tell("Committed", "the finish step"),
            Some(73) => self.tell("Failed", "the finish step"),
            // The test killed the process, so it reported no outcome.
            None => {}
            Some(69) if self.disk_was_full && ended.stderr.contains("--state-dir") => {}
            code => self.violation(format!(
                "the finish step exited with {code:?}: {} (submit: {})",
                ended.stderr, self.submit
            )),
        }
    }

    fn ended(&mut self, what: &str, ended: &Ended) {
        self.note(&format!("{what} exited with {:?}", ended.code));
        self.saw(what, &ended.stdout);
        self.saw(what, &ended.stderr);
    }

    /// Records text that a user can read, and checks that it contains no secret.
    pub(crate) fn saw(&mut self, place: &str, text: &str) {
        if text.contains("panicked") || text.contains("this is a bug in Gleaner") {
            self.violation(format!("{place} reports a bug: {text}"));
        }
        if !self.has_canary {
            return;
        }
        for secret in [self.canary.clone(), STANDARD.encode(&self.canary)] {
            let mut pieces = secret.as_bytes().windows(PIECE);
            let found = pieces.find(|piece| text.contains(&*String::from_utf8_lossy(piece)));
            if let Some(piece) = found {
                let piece = String::from_utf8_lossy(piece);
                let what = format!("{place} contains a part of the secret, '{piece}': {text}");
                self.violation(what);
                return;
            }
        }
    }
}

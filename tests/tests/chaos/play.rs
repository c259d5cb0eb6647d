//! Executes a plan with real processes, disturbs them, and finishes the run.

use std::sync::Once;
use std::time::{Duration, Instant};

use gleaner_tests::fault_proxy::FaultProxy;
use gleaner_tests::run::{Ended, MemoryLimit, Run, Running, Sending};
use gleaner_tests::server::Server;
use http::Method;
use serde_json::{Map, Value, json};

use crate::PROGRAMS;
use crate::declaration::StepPlan;
use crate::observed::Observed;
use crate::plan::{Disturbance, Plan};

/// The interval between two checks of the processes.
const TICK: Duration = Duration::from_millis(8);
/// The interval between two checks of the status.
const STATUS_EVERY: Duration = Duration::from_millis(100);
/// The delay after which the test, like the kubelet, restarts a sidecar that exited by itself.
const RESTART: Duration = Duration::from_millis(200);
/// The file size limit that simulates a disk with free space.
pub(crate) const UNLIMITED: &str = "unlimited:unlimited";

/// A run, and the state of its disturbances.
pub(crate) struct Player<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) run: Run<'a>,
    pub(crate) proxy: &'a FaultProxy,
    pub(crate) observed: Observed,
    pub(crate) crash_points: Vec<String>,
    pub(crate) disturbances: Vec<Disturbance>,
    /// The time at which to start the sidecar; `None` while it is running.
    pub(crate) start_at: Option<Instant>,
    pub(crate) continue_at: Option<Instant>,
    /// The time until which the disk is full, and the file size limit that simulates this.
    pub(crate) full_until: Option<(Instant, String)>,
    /// The time until which each fsync is delayed.
    pub(crate) slow_until: Option<Instant>,
    status: Option<Sending>,
    asked_at: Instant,
    pub(crate) twice: Vec<Sending>,
    pub(crate) floods: Vec<Sending>,
    pub(crate) is_calm: bool,
}

/// The memory limit of a sidecar's container.
const MEMORY: u64 = 128 << 20;

/// Creates a memory limit like a container's. If this fails, prints a message once and returns `None`.
fn memory_limit() -> Option<MemoryLimit> {
    static SAID: Once = Once::new();
    let made = MemoryLimit::new(MEMORY);
    let failed = |why| SAID.call_once(|| eprintln!("SKIPPED, NOT TESTED: memory limits ({why})"));
    made.map_err(failed).ok()
}

/// The outcome of the steps.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Steps {
    /// All steps succeeded, including the step that finishes the run.
    Succeeded,
    /// A step failed, so no later step ran.
    Failed,
}

impl<'a> Player<'a> {
    pub(crate) fn new(plan: &'a Plan, server: &'a Server, proxy: &'a FaultProxy) -> Self {
        let mut run = Run::new(PROGRAMS, server, &plan.declaration())
            .through(proxy)
            .flag("--request-timeout=400ms")
            .flag("--submit-deadline=4s")
            .flag("--log-level=trace")
            .within(memory_limit());
        let mut crash_points = plan.crash_points.clone();
        crash_points.reverse();
        if let Some(point) = crash_points.pop() {
            run.crash_at(&point);
        }
        Self {
            plan,
            run,
            proxy,
            observed: Observed::new(plan),
            crash_points,
            disturbances: plan.disturbances.clone(),
            start_at: None,
            continue_at: None,
            full_until: None,
            slow_until: None,
            status: None,
            asked_at: Instant::now(),
            twice: Vec::new(),
            floods: Vec::new(),
            is_calm: false,
        }
    }

    // === Processes ===

    fn launch(&mut self) {
        self.run.launch();
        self.observed.note("the sidecar starts");
        if let Some((_, limit)) = &self.full_until {
            self.run.limit_file_size(limit);
        }
    }

    pub(crate) async fn kill(&mut self, down: Duration, why: &str) {
        self.run.kill().await;
        self.observed.kills += 1;
        self.observed.note(&format!("the sidecar is killed: {why}"));
        self.continue_at = None;
        self.status = None;
        self.start_at = Some(Instant::now() + down);
    }

    /// Checks the processes and performs the actions that are due, and then waits for a short time.
    pub(crate) async fn tick(&mut self, step: Option<&Running>) {
        let now = Instant::now();
        self.observed.check_bound();
        let calm = self.plan.calm_after;
        if calm.is_some_and(|calm| self.observed.elapsed() > calm) {
            self.calm();
        }
        if self.run.has_exited() {
            self.observed.exits += 1;
            self.observed.note("the sidecar exited by itself");
            self.start_at = Some(now + RESTART);
        }
        if self.start_at.is_some_and(|start| now >= start) {
            self.start_at = None;
            self.launch();
        }
        if self.continue_at.is_some_and(|at| now >= at) {
            self.continue_at = None;
            self.run.signal("CONT");
        }
        if self.slow_until.take_if(|until| now >= *until).is_some() {
            self.run.slow_disk(0);
        }
        let is_full = self.full_until.take_if(|(until, _)| now >= *until);
        if is_full.is_some() {
            self.run.limit_file_size(UNLIMITED);
        }
        if self.start_at.is_none() && self.run.is_at_crash_point() {
            self.kill(Duration::from_millis(5), "at a crash point")
                .await;
            match self.crash_points.pop() {
                Some(point) => self.run.crash_at(&point),
                None => self.no_crash_point(),
            }
        }
        self.disturb(step).await;
        self.look_at_status().await;
        tokio::time::sleep(TICK).await;
    }

    fn no_crash_point(&mut self) {
        // Setting a crash point removes the marker of the previous one, so first set a crash point that does not exist.
        self.run.crash_at("none");
        self.run.crash_nowhere();
    }

    /// Requests the status at intervals, and checks each response.
    async fn look_at_status(&mut self) {
        if let Some(sending) = self.status.take_if(|sending| sending.is_finished()) {
            let response = sending.await.ok().flatten();
            if let Some((200, text)) = response {
                self.observed.status(&text, self.asked_at);
            }
        }
        let twice = self.twice.iter().position(|sending| sending.is_finished());
        if let Some(position) = twice {
            let response = self.twice.swap_remove(position).await.ok().flatten();
            self.observed.response("posted twice", response.as_ref());
        }
        let flood = self.floods.iter().position(|sending| sending.is_finished());
        if let Some(position) = flood {
            let response = self.floods.swap_remove(position).await.ok().flatten();
            self.observed.response("flood", response.as_ref());
            if let Some((200, _)) = response {
                let what = "an output that no step declares was accepted";
                self.observed.violation(what.to_owned());
            }
        }
        if self.status.is_none() && self.asked_at.elapsed() > STATUS_EVERY && self.run.is_ready() {
            self.asked_at = Instant::now();
            self.status = self.run.send(Method::GET, "/v1/status", "", &Value::Null);
        }
    }

    /// Waits until the sidecar is ready. If the sidecar is not running, starts it at the planned time.
    pub(crate) async fn until_ready(&mut self) {
        while !self.run.is_ready() {
            self.tick(None).await;
        }
    }

    /// Starts the sidecar for the first time.
    pub(crate) async fn begin(&mut self) {
        self.launch();
        self.until_ready().await;
    }

    /// Kills the sidecar, and starts it again.
    pub(crate) async fn restart(&mut self) {
        if self.start_at.is_none() {
            self.kill(Duration::ZERO, "to check its state after a restart")
                .await;
        }
        self.until_ready().await;
    }

    // === Steps ===

    /// Runs the steps in order until one fails, and then the step that finishes the run, unless the last step does.
    pub(crate) async fn steps(&mut self) -> Steps {
        let steps = &self.plan.steps;
        for (index, step) in steps.iter().enumerate() {
            self.observed.step = Some(index);
            let is_last = index + 1 == steps.len();
            let ended = if step.is_raw {
                self.raw_step(step).await
            } else {
                let finishes = is_last && self.plan.last_step_finishes;
                self.redirected_step(step, finishes).await
            };
            self.observed.step = None;
            if !ended {
                return Steps::Failed;
            }
        }
        let last_is_raw = steps.last().is_some_and(|step| step.is_raw);
        if self.plan.last_step_finishes && !last_is_raw {
            return Steps::Succeeded;
        }
        match self.finish().await.code {
            Some(0) => Steps::Succeeded,
            _ => Steps::Failed,
        }
    }

    async fn redirected_step(&mut self, plan: &StepPlan, finishes: bool) -> bool {
        let mut step = self.run.step(&plan.name).exits(plan.exit);
        for output in &plan.outputs {
            step = step.writes(&output.name, &output.value);
        }
        if finishes {
            step = step.last();
        }
        let ended = self.until_ended(step.begin()).await;
        self.observed.step_ended(plan, &ended, finishes);
        ended.code == Some(0)
    }

    /// Finishes the run in a separate step.
    pub(crate) async fn finish(&mut self) -> Ended {
        let ended = self.until_ended(self.run.begin_finish()).await;
        self.observed.finished(&ended);
        ended
    }

    async fn until_ended(&mut self, running: Running) -> Ended {
        while !running.has_ended() {
            self.tick(Some(&running)).await;
        }
        running.ended().await
    }

    /// Posts the outputs of a step without a redirector, and retries temporary errors. Returns true if the step succeeded.
    async fn raw_step(&mut self, plan: &StepPlan) -> bool {
        loop {
            let Some(sending) = self.post(plan) else {
                self.tick(None).await;
                continue;
            };
            while !sending.is_finished() {
                self.tick(None).await;
            }
            let response = sending.await.ok().flatten();
            self.observed.response("raw step", response.as_ref());
            match response {
                // The redirector also treats these responses as temporary errors.
                None | Some((401 | 500 | 503, _)) => {
                    for _ in 0..10 {
                        self.tick(None).await;
                    }
                }
                Some((status, _)) => return status == 200 && plan.exit == 0,
            }
        }
    }

    pub(crate) fn post(&self, plan: &StepPlan) -> Option<Sending> {
        let outputs = plan.outputs.iter();
        let outputs: Map<String, Value> = outputs
            .filter(|_| plan.exit == 0)
            .map(|output| (output.name.clone(), output.value.clone().into()))
            .collect();
        let body = json!({"outputs": outputs, "exitCode": plan.exit});
        let path = format!("/v1/steps/{}/outputs", plan.name);
        self.run.send(Method::POST, &path, &plan.name, &body)
    }

    // === Checks after the steps ===

    /// Waits until no submission is in progress, and returns the status.
    pub(crate) async fn settled(&mut self) -> Value {
        // Discard the response to a pending status request, because it may contain an older state.
        self.status = None;
        loop {
            self.until_ready().await;
            let before = self.observed.looks;
            while self.observed.looks == before {
                self.tick(None).await;
            }
            let status = self.observed.last_status.clone();
            if status["phase"] != "Submitting" {
                return status;
            }
        }
    }

    /// Checks that the sidecar's HTTP responses contain no secret.
    pub(crate) async fn readable(&mut self) {
        for path in [
            "/v1/resources?partial=true",
            "/v1/preflight",
            "/metrics",
            "/",
        ] {
            let sending = self.run.send(Method::GET, path, "", &Value::Null);
            let Some(sending) = sending else { continue };
            while !sending.is_finished() {
                self.tick(None).await;
            }
            if let Some((_, text)) = sending.await.ok().flatten() {
                self.observed.saw(path, &text);
            }
        }
    }
}

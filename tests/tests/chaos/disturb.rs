//! Starts and stops the disturbances that affect a run's processes and disk.

use std::time::{Duration, Instant};

use gleaner_tests::run::Running;
use http::Method;
use serde_json::json;

use crate::plan::{Act, At, Disturbance};
use crate::play::{Player, UNLIMITED};

impl Player<'_> {
    /// Causes one disturbance, if one is due.
    pub(crate) async fn disturb(&mut self, step: Option<&Running>) {
        if self.disturbances.is_empty() {
            return;
        }
        let millis = self.observed.elapsed().as_millis();
        let requests = self.proxy.requests().len();
        let is_due = |one: &Disturbance| match one.at {
            At::Millis(at) => millis >= u128::from(at),
            At::Requests(at) => requests >= at,
        };
        let Some(position) = self.disturbances.iter().position(is_due) else {
            return;
        };
        let act = self.disturbances.remove(position).act;
        let in_millis = |millis| Instant::now() + Duration::from_millis(millis);
        match act {
            Act::Kill { down } if self.start_at.is_none() => {
                self.kill(Duration::from_millis(down), "by the plan").await;
            }
            Act::Pause { millis } if self.start_at.is_none() => {
                self.observed
                    .note(&format!("the sidecar is stopped for {millis} ms"));
                self.run.signal("STOP");
                self.continue_at = Some(in_millis(millis));
            }
            Act::FullDisk { millis, bytes } => {
                self.observed.note(&format!(
                    "disk full for {millis} ms: no file can grow beyond {bytes} bytes"
                ));
                self.observed.disk_was_full = true;
                let limit = format!("{bytes}:unlimited");
                self.run.limit_file_size(&limit);
                self.full_until = Some((in_millis(millis), limit));
            }
            Act::SlowDisk { millis, delay } => {
                let note = format!("disk slow for {millis} ms: each fsync takes {delay} ms longer");
                self.observed.note(&note);
                self.run.slow_disk(delay);
                self.slow_until = Some(in_millis(millis));
            }
            Act::Flood { mebibytes } => self.flood(mebibytes),
            Act::KillStep => {
                if let Some(step) = step {
                    self.observed.note("the redirector is killed");
                    step.kill();
                }
            }
            Act::PostTwice => {
                if let Some(plan) = &self.observed.step {
                    let plan = &self.plan.steps[*plan];
                    self.twice.extend(self.post(plan));
                }
            }
            Act::Kill { .. } | Act::Pause { .. } => {}
        }
    }

    /// Sends two large messages. The sidecar must refuse them, but receiving them takes memory.
    fn flood(&mut self, mebibytes: usize) {
        let Some(step) = self.observed.step else {
            return;
        };
        let note = format!("flooded with two messages of {mebibytes} MiB");
        self.observed.note(&note);
        let name = &self.plan.steps[step].name;
        let body = json!({"outputs": {"flood": "x".repeat(mebibytes << 20)}});
        let path = format!("/v1/steps/{name}/outputs");
        let send = || self.run.send(Method::POST, &path, name, &body);
        self.floods.extend([send(), send()].into_iter().flatten());
    }

    /// Stops all faults and disturbances.
    pub(crate) fn calm(&mut self) {
        if self.is_calm {
            return;
        }
        self.is_calm = true;
        self.observed.note("calm");
        self.proxy.heal();
        self.disturbances.clear();
        self.crash_points.clear();
        // Start the sidecar without a crash point next time. If the sidecar is blocked at a crash point now, `tick` kills it.
        self.run.crash_nowhere();
        self.full_until = None;
        self.slow_until = None;
        self.continue_at = None;
        self.run.slow_disk(0);
        self.run.limit_file_size(UNLIMITED);
        self.run.signal("CONT");
    }
}

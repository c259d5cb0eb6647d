//! Runs the steps in sequence, as Tekton does.

use std::ffi::OsString;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use gleaner_core::declaration::Preflight;
use gleaner_proto::exit_code;
use gleaner_proto::failure::FailureCode;
use gleaner_proto::message::{Phase, Status};
use gleaner_proto::path::FINISH_STEP;
use gleaner_proto::report::Report;
use gleaner_runtime::shutdown::Signals;
use tokio::time::{Instant, MissedTickBehavior};

use super::command::Command;
use super::detached;
use super::directory::text_files;
use super::end::End;
use super::lines::forward;
use super::plan::Plan;
use super::process::{GRACE, Group};
use super::progress::Progress;
use super::redirector_arguments::{self, Finish, Role};
use super::results::result_value;
use super::sidecar_process::{SidecarProcess, without_own_variables};
use super::substitution::Substitution;
use super::waits::{Wait, Waiting};
use crate::http::PATIENCE;
use gleaner_core::finish;
use gleaner_core::task::Step;

/// The interval between requests for the sidecar's status.
const STATUS_INTERVAL: Duration = Duration::from_millis(200);
/// The exit code of a step that wrote to a read-only workspace. In a cluster, the write would fail, and most programs then exit
/// with 1.
const READ_ONLY: u8 = 1;
/// The time to wait for a step's remaining output after the step exits.
const LAST_LINES: Duration = Duration::from_secs(2);

pub(crate) struct Steps<'a> {
    pub(crate) program: &'a Path,
    pub(crate) plan: &'a Plan,
    pub(crate) sidecar: &'a mut SidecarProcess,
    pub(crate) interrupt: &'a mut Signals,
    pub(crate) progress: &'a mut Progress,
    /// True if the run uses the local API server.
    pub(crate) embedded: bool,
    /// The deadline of the task; `None` for no limit.
    pub(crate) deadline: Option<Instant>,
    /// The name of the setting that determines the deadline.
    pub(crate) limit: &'static str,
    /// True after a signal interrupted the run.
    pub(crate) interrupted: bool,
    /// True after the task exceeded its deadline.
    pub(crate) timed_out: bool,
    /// True after the first step started.
    pub(crate) begun: bool,
    /// The step or objects that the run waits for; `None` before the first step.
    pub(crate) waiting: Option<Waiting>,
}

impl Steps<'_> {
    /// Runs the steps, and returns the exit code of the first step that fails, or 0.
    pub(crate) async fn run(&mut self) -> io::Result<u8> {
        let steps = &self.plan.task.spec.steps;
        let last = steps.len().saturating_sub(1);
        let mut finished = false;
        for (index, step) in steps.iter().enumerate() {
            let substitution = self.substitution_for(step);
            let command = match Command::prepare(step, &self.plan.surroundings(&substitution)) {
                Ok(command) => command,
                // The result of an earlier step made the command invalid. All other errors were reported before the run.
                Err(error) => {
                    Progress::failed(&error);
                    return Ok(exit_code::USAGE);
                }
            };
            if command.skipped {
                Progress::step_skipped(
                    &self.plan.shown(&step.name),
                    "its when conditions are false",
                );
                continue;
            }
            let finish = match index == last && finish::can_finish(step, command.continue_on_error)
            {
                true => Finish::After,
                false => Finish::No,
            };
            finished = finish == Finish::After;
            let code = self.step(&step.name, &command, finish).await?;
            if code != 0 {
                for skipped in &steps[index + 1..] {
                    Progress::step_skipped(
                        &self.plan.shown(&skipped.name),
                        "an earlier step failed",
                    );
                }
                return Ok(code);
            }
        }
        if finished {
            return Ok(0);
        }
        let command = Command {
            working_dir: self.plan.directory.workspace(),
            ..Command::default()
        };
        self.step(FINISH_STEP, &command, Finish::Alone).await
    }

    /// Runs one step and prints its result. Returns the step's exit code, or 0 if the task continues after the failure.
    async fn step(&mut self, name: &str, command: &Command, finish: Finish) -> io::Result<u8> {
        let shown = &self.plan.shown(name);
        Progress::step_begins(shown);
        let began = Instant::now();
        let (end, reports) = self.process(name, command, finish).await?;
        let took = began.elapsed();
        let code = end.code();
        self.interrupted |= matches!(end, End::Interrupted(_));
        self.timed_out |= matches!(end, End::TimedOut { whole_run: true });
        std::fs::write(self.plan.directory.step_exit_code(name), code.to_string())?;
        if let Some(message) = self.written_to_read_only() {
            Progress::step_failed(shown, took, &message, false);
            return Ok(if code == 0 { READ_ONLY } else { code });
        }
        if code == 0 {
            Progress::step_succeeded(shown, took);
            return Ok(0);
        }
        let goes_on = command.continue_on_error && end.is_its_own();
        Progress::step_failed(shown, took, &end.describe(command, self.limit), goes_on);
        match end {
            End::Exited(exit_code::NOT_FOUND) if finish != Finish::Alone => {
                Progress::note(&format!(
                    "to replace a tool that is not installed on this machine, use --step-command {name}='...'"
                ))
            }
            // By default, the local API server serves only Kubernetes' and Tekton's own kinds. Other kinds require a CRD.
            End::Exited(exit_code::NOT_CREATED)
                if self.embedded && reports.iter().any(is_of_unknown_kind) =>
            {
                Progress::note(
                    "to add a kind to the local API server, pass its CRD with --crd FILE",
                );
            }
            _ => {}
        }
        Ok(if goes_on { 0 } else { code })
    }

    async fn process(
        &mut self,
        name: &str,
        command: &Command,
        finish: Finish,
    ) -> io::Result<(End, Vec<Report>)> {
        let working_dir = self.make_ready(name, command)?;
        let mut child = tokio::process::Command::new(self.program);
        self.set_environment(&mut child, command);
        child
            .args(self.redirector_arguments(name, command, finish))
            .envs(command.environment.iter().cloned())
            .current_dir(working_dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if finish != Finish::Alone {
            child.arg("--").args(&command.arguments);
        }
        let mut group = Group::start(&mut child, self.plan.directory.watcher())?;
        self.begun = true;
        let mut readers = tokio::task::JoinSet::new();
        let step = self.plan.shown(name);
        let show = move |line: &str| Progress::line(&step, line);
        if let Some(stream) = group.child.stdout.take() {
            readers.spawn(forward(stream, command.stdout_copy.clone(), show.clone()));
        }
        if let Some(stream) = group.child.stderr.take() {
            readers.spawn(forward(stream, command.stderr_copy.clone(), show));
        }
        let end = self.wait(name, &mut group, command.timeout).await;
        // Kill the processes that the step left running, as happens when a container terminates. This also closes the output
        // pipes.
        group.kill();
        detached::kill(&self.plan.directory.outputs(name));
        let rest = async {
            while let Some(read) = readers.join_next().await {
                if let Ok(Err(error)) = read {
                    Progress::note(&format!("some output of '{name}' was lost: {error}"));
                }
            }
        };
        let _ = tokio::time::timeout(LAST_LINES, rest).await;
        self.waiting = None;
        Progress::waits("");
        self.show_status().await;
        // Show the redirector's reports after the sidecar's status, because a report may refer to outputs in the status.
        let reports = reports(&self.plan.directory.reports(name));
        for report in &reports {
            self.progress.report(&self.plan.shown(name), report);
        }
        Ok((end?, reports))
    }

    /// Waits until a step exits, and shows progress while waiting.
    async fn wait(
        &mut self,
        name: &str,
        group: &mut Group,
        timeout: Option<Duration>,
    ) -> io::Result<End> {
        let own = timeout
            .map(|timeout| Instant::now() + timeout)
            .filter(|own| self.deadline.is_none_or(|deadline| *own < deadline));
        let deadline = own.or(self.deadline);
        let mut news = tokio::time::interval(STATUS_INTERVAL);
        news.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                status = group.child.wait() => return Ok(End::of(status?)),
                signal = self.interrupt.next() => {
                    Progress::note("stopping the step; press Ctrl-C again to kill it");
                    tokio::select! {
                        ended = group.end(GRACE) => { ended?; }
                        _ = self.interrupt.next() => {
                            group.kill();
                            group.child.wait().await?;
                        }
                    }
                    return Ok(End::Interrupted(signal));
                }
                () = until(deadline) => {
                    group.kill();
                    group.child.wait().await?;
                    return Ok(End::TimedOut { whole_run: own.is_none() });
                }
                _ = news.tick() => {
                    if let Some(status) = self.show_status().await {
                        self.show_wait(name, &status);
                    }
                    if let Some(words) = self.sidecar.unexpected_exit(self.plan) {
                        Progress::failed(&words);
                        group.end(GRACE).await?;
                        return Ok(End::Exited(exit_code::UNREACHABLE));
                    }
                }
            }
        }
    }

    /// Returns a message if the step changed a read-only workspace.
    fn written_to_read_only(&self) -> Option<String> {
        let guards = self.plan.read_only.iter();
        let mut changed = guards.filter_map(|guard| Some((&guard.workspace, guard.changed()?)));
        let (workspace, path) = changed.next()?;
        Some(format!(
            "changed '{}' in the workspace '{workspace}', which the Task declares as read-only, so the step would fail in a cluster",
            path.display()
        ))
    }

    /// Sets the environment that the step inherits. With `--clean-env`, it contains only `HOME`, `PATH` and the variables
    /// that the documents set with `valueFrom`. Gleaner's own variables are never inherited.
    fn set_environment(&self, child: &mut tokio::process::Command, command: &Command) {
        without_own_variables(child.as_std_mut());
        if !self.plan.clean_env {
            return;
        }
        child.env_clear();
        let inherited = ["PATH"].into_iter();
        for name in inherited.chain(command.from_cluster.iter().map(String::as_str)) {
            if let Some(value) = std::env::var_os(name) {
                child.env(name, value);
            }
        }
        // In a cluster, the container runtime sets HOME.
        child.env("HOME", self.plan.directory.home());
    }

    /// Shows what the run waits for. On a terminal, updates the last line; otherwise, prints a line when a report is due.
    fn show_wait(&mut self, step: &str, status: &Status) {
        let now = Instant::now();
        let declaration = &self.plan.task.declaration;
        let wait = Wait::of(&self.plan.shown(step), status, declaration);
        let current = self.waiting.take().filter(|waiting| waiting.is_for(&wait));
        let waiting = self
            .waiting
            .insert(current.unwrap_or_else(|| Waiting::new(wait, now)));
        if !Progress::waits(&format!("  {}", waiting.line(now)))
            && let Some(line) = waiting.report(now)
        {
            Progress::note(&line);
        }
    }

    async fn show_status(&mut self) -> Option<Status> {
        // Ignore errors, because `wait` reports a sidecar that exits.
        let status = self.sidecar.client.status().await.ok()?;
        self.progress.status(&status);
        if status.phase == Phase::Committed && !self.progress.has_shown_objects() {
            // The redirector reports created objects only for the last step, so read the outcome here. After the submission
            // has finished, another submit request only returns its outcome.
            if let Ok(Ok(outcome)) = self.sidecar.client.submit(PATIENCE).await {
                self.progress.all_created(&outcome);
            }
        }
        Some(status)
    }

    fn redirector_arguments(&self, name: &str, command: &Command, finish: Finish) -> Vec<OsString> {
        let declaration = &self.plan.task.declaration;
        let strict = declaration.preflight == Preflight::Strict;
        let role = Role {
            finish,
            checks_preflight: strict && !self.begun,
            answer_timeout: declaration.answer_timeout(),
        };
        redirector_arguments::of(&self.plan.directory, name, &command.outputs, role)
    }

    /// Creates the files and directories that the step expects. Returns the step's working directory.
    fn make_ready(&self, name: &str, command: &Command) -> io::Result<PathBuf> {
        let directory = &self.plan.directory;
        std::fs::create_dir_all(directory.step_results(name))?;
        std::fs::create_dir_all(directory.outputs(name))?;
        for volume in &command.volumes {
            std::fs::create_dir_all(volume)?;
        }
        // In a pod, the kubelet creates this file. The redirector writes to it only if it exists.
        std::fs::write(directory.termination(name), "")?;
        if let Some(script) = &command.script {
            let path = directory.script(name);
            std::fs::write(&path, script)?;
            std::fs::set_permissions(path, Permissions::from_mode(0o755))?;
        }
        let wanted = &command.working_dir;
        if command.makes_working_dir {
            std::fs::create_dir_all(wanted)?;
        }
        if wanted.is_dir() {
            return Ok(wanted.clone());
        }
        Progress::note(&format!(
            "the working directory {} does not exist on this machine, so the step runs in /workspace",
            wanted.display()
        ));
        Ok(directory.workspace())
    }

    /// Returns the variables of `step`, including the results of earlier steps and the step's own paths.
    fn substitution_for(&self, step: &Step) -> Substitution {
        let mut substitution = with_step_results(self.plan);
        let own = self.plan.directory.step_results(&step.name);
        for name in &step.results {
            substitution.name(
                format!("step.results.{name}.path"),
                own.join(name).to_string_lossy(),
            );
        }
        substitution
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Returns the reports in the file at `path`. Skips an incomplete last line, which a killed redirector may leave.
fn reports(path: &Path) -> Vec<Report> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let reports = text.lines().map(serde_json::from_str);
    reports.flatten().collect()
}

fn is_of_unknown_kind(report: &Report) -> bool {
    match report {
        Report::Failed { failures, .. } => failures
            .iter()
            .any(|failure| failure.code == FailureCode::KindNotServed),
        _ => false,
    }
}

/// Returns the variables of the plan and the results that steps have written so far.
pub(crate) fn with_step_results(plan: &Plan) -> Substitution {
    let mut substitution = plan.substitution.clone();
    for step in &plan.task.spec.steps {
        for (name, value) in text_files(&plan.directory.step_results(&step.name)) {
            let name = format!("steps.{}.results.{name}", step.name);
            substitution.results.insert(name, result_value(&value));
        }
    }
    substitution
}

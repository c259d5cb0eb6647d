//! Runs the tasks of a pipeline one at a time, then the `finally` tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::context::Context;
use super::directory::RunDirectory;
use super::expression::{Scope, UNKNOWN, Unavailable};
use super::model::{BoundWorkspace, Limits, Pipeline, PlannedTask, Results, RunPlan};
use super::plan::{Inputs, Plan};
use super::progress::Progress;
use super::report::{Report, TaskReport};
use super::step_commands::StepCommands;
use super::task_run::{self, Deadline, Surroundings, TaskEnd};
use crate::failure::Failure;
use gleaner_core::task::ParamSpec;
use gleaner_proto::exit_code;

/// A run of a pipeline.
pub(crate) struct PipelineRun<'a> {
    pub(crate) run_plan: &'a RunPlan,
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) context: &'a Context,
    pub(crate) directory: &'a RunDirectory,
    pub(crate) commands: &'a StepCommands,
    pub(crate) clean_env: bool,
    pub(crate) limits: Limits,
    pub(crate) scope: Scope,
    pub(crate) begun: Instant,
    pub(crate) report: Report,
    /// The tasks that did not run, for any reason other than a false `when` condition. Tasks that must run after a task in this
    /// set are skipped, too.
    pub(crate) skipped: BTreeSet<String>,
    /// True after a signal requested the shutdown.
    pub(crate) interrupted: bool,
    /// The number of task directories created so far.
    pub(crate) count: usize,
}

const SUCCEEDED: &str = "Succeeded";
const FAILED: &str = "Failed";
const NONE: &str = "None";

/// The state of the run after a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Continue,
    /// A task failed with this exit code.
    Failed(u8),
    /// The run received a signal, which determines the exit code.
    Interrupted(u8),
}

impl PipelineRun<'_> {
    /// Runs all tasks; returns the exit code.
    pub(crate) async fn run(&mut self, surroundings: &mut Surroundings<'_>) -> Result<u8, Failure> {
        let whole = self.deadline(self.limits.whole, "timeouts.pipeline or --timeout");
        let of_tasks = match (self.limits.tasks, self.limits.whole, self.limits.finally) {
            (None, Some(whole), Some(finally)) => Some(whole.saturating_sub(finally)),
            (tasks, ..) => tasks,
        };
        let tasks = self.deadline(of_tasks, "timeouts.tasks").earlier(whole);
        let mut course = Course::Continue;
        for task in &self.run_plan.tasks {
            if course != Course::Continue {
                self.skip(task, "an earlier task failed");
                continue;
            }
            course = self.task(surroundings, task, tasks, false).await?;
        }
        if let Course::Interrupted(code) = course {
            return Ok(code);
        }
        self.scope.statuses.insert(String::new(), self.status());
        let finally = self.limits.finally.map(|limit| Instant::now() + limit);
        let finally = Deadline {
            at: finally,
            limit: "timeouts.finally",
        }
        .earlier(whole);
        for task in &self.pipeline.finally {
            match self.task(surroundings, task, finally, true).await? {
                Course::Continue => {}
                Course::Interrupted(code) => return Ok(code),
                failed if course == Course::Continue => course = failed,
                Course::Failed(_) => {}
            }
        }
        self.pipeline_results();
        Ok(match course {
            Course::Continue => 0,
            Course::Failed(code) | Course::Interrupted(code) => code,
        })
    }

    fn deadline(&self, limit: Option<Duration>, name: &'static str) -> Deadline {
        Deadline {
            at: limit.map(|limit| self.begun + limit),
            limit: name,
        }
    }

    /// Runs a task, unless it must be skipped.
    async fn task(
        &mut self,
        surroundings: &mut Surroundings<'_>,
        task: &PlannedTask,
        limit: Deadline,
        is_finally: bool,
    ) -> Result<Course, Failure> {
        if let Some(other) = task.after.iter().find(|name| self.skipped.contains(*name))
            && !is_finally
        {
            let why = format!("task '{other}' did not run");
            self.skip(task, &why);
            return Ok(Course::Continue);
        }
        let prepared = match self.scope.holds(&task.when) {
            Ok(false) => {
                // As in Tekton, tasks that list this task in `runAfter` still run, unless they use its results.
                self.end_without(task, "its when conditions are false");
                return Ok(Course::Continue);
            }
            Ok(true) => self.prepare(task),
            Err(error) => Err(error),
        };
        let (params, workspaces) = match prepared {
            Ok(prepared) => prepared,
            Err(error @ Unavailable::Result { .. }) if is_finally || self.is_skipped(&error) => {
                self.skip(task, &error.to_string());
                return Ok(Course::Continue);
            }
            Err(error) => {
                Progress::failed(&format!("task '{}': {error}", task.name));
                self.record(task, FAILED, String::new(), Results::new());
                return Ok(Course::Failed(exit_code::OUTPUT));
            }
        };
        let end = self
            .run_task(surroundings, task, params, workspaces, limit)
            .await?;
        let status = if end.code == 0 { SUCCEEDED } else { FAILED };
        let reason = match end.code {
            0 => SUCCEEDED,
            _ if end.timed_out => "TaskRunTimeout",
            _ if task.continues && !is_finally => "FailureIgnored",
            _ => "StepFailed",
        };
        self.scope.reasons.insert(task.name.clone(), reason);
        let name = self.context.task_run_name(&task.name);
        self.record(task, status, name, end.results.clone());
        self.scope.results.insert(task.name.clone(), end.results);
        self.report.objects.extend(end.objects);
        self.interrupted |= end.interrupted;
        Ok(match end.code {
            0 => Course::Continue,
            code if end.interrupted => Course::Interrupted(code),
            code if task.continues && !is_finally => {
                Progress::note(&format!(
                    "task '{}' failed with exit code {code}, but the pipeline continues (onError: continue)",
                    task.name
                ));
                Course::Continue
            }
            code => Course::Failed(code),
        })
    }

    /// Returns true if the value is missing because the task that writes the result did not run.
    fn is_skipped(&self, error: &Unavailable) -> bool {
        match error {
            Unavailable::Result { task, .. } => !self.scope.results.contains_key(task),
            Unavailable::Invalid(_) => false,
        }
    }

    fn prepare(&self, task: &PlannedTask) -> Result<Prepared, Unavailable> {
        prepare(task, &self.scope)
    }

    async fn run_task(
        &mut self,
        surroundings: &mut Surroundings<'_>,
        task: &PlannedTask,
        params: BTreeMap<String, Value>,
        workspaces: BTreeMap<String, BoundWorkspace>,
        limit: Deadline,
    ) -> Result<TaskEnd, Failure> {
        Progress::task_begins(&task.name);
        let directory = self.directory.of_task(self.count)?;
        self.count += 1;
        let inputs = Inputs {
            params,
            results: &self.scope.results,
            workspaces,
            commands: self.commands.get(&task.name).cloned().unwrap_or_default(),
            clean_env: self.clean_env,
            shared: &self.directory.claims(),
            in_pipeline: true,
            tentative: false,
        };
        let failed = |errors: Vec<String>| {
            Progress::failed(&format!("task '{}': {}", task.name, errors.join("; ")));
            TaskEnd {
                code: exit_code::USAGE,
                interrupted: false,
                timed_out: false,
                objects: Vec::new(),
                texts: Results::new(),
                results: Results::new(),
            }
        };
        let mut plan = match Plan::new(task, inputs, directory) {
            Ok(plan) => plan,
            Err(errors) => return Ok(failed(errors)),
        };
        let context = self
            .context
            .of_task(&task.name, &task.task.name, surroundings.cluster)?;
        plan.set_context_variables(&self.context.of_pipeline());
        plan.set_context_variables(&context);
        let (errors, _) = plan.trial();
        if !errors.is_empty() {
            return Ok(failed(errors));
        }
        let own = Deadline {
            at: task.timeout.map(|timeout| Instant::now() + timeout),
            limit: "the task's timeout",
        };
        task_run::run(surroundings, &plan, &context, own.earlier(limit)).await
    }

    fn skip(&mut self, task: &PlannedTask, why: &str) {
        self.skipped.insert(task.name.clone());
        self.end_without(task, why);
    }

    fn end_without(&mut self, task: &PlannedTask, why: &str) {
        Progress::task_skipped(&task.name, why);
        self.record(task, NONE, String::new(), Results::new());
    }

    fn record(&mut self, task: &PlannedTask, status: &'static str, run: String, results: Results) {
        self.scope.statuses.insert(task.name.clone(), status);
        // For a task without a TaskRun, `$(tasks.NAME.reason)` is empty.
        self.scope.reasons.entry(task.name.clone()).or_default();
        self.report.tasks.push(TaskReport {
            name: task.name.clone(),
            run,
            status,
            results,
        });
    }

    /// Returns the value of `$(tasks.status)` (Tekton's `docs/variables.md`).
    fn status(&self) -> &'static str {
        let statuses = self.run_plan.tasks.iter();
        let statuses: Vec<_> = statuses
            .map(|task| self.scope.statuses.get(&task.name))
            .collect();
        let is = |wanted: &str| statuses.contains(&Some(&wanted));
        match (is(FAILED), is(NONE)) {
            (true, _) => FAILED,
            (false, true) => "Completed",
            (false, false) => SUCCEEDED,
        }
    }

    /// Evaluates the pipeline's results. As in Tekton, omits results that refer to a task that did not run.
    fn pipeline_results(&mut self) {
        for (name, value) in &self.pipeline.results {
            match self.scope.value(value) {
                Ok(value) => {
                    self.report.results.insert(name.clone(), value);
                }
                Err(error) => Progress::note(&format!(
                    "the Pipeline's result '{name}' is omitted: {error}"
                )),
            }
        }
    }
}

type Prepared = (BTreeMap<String, Value>, BTreeMap<String, BoundWorkspace>);

/// Replaces the pipeline's variables in the parameters and workspaces of a task.
pub(crate) fn prepare(task: &PlannedTask, scope: &Scope) -> Result<Prepared, Unavailable> {
    let mut file = serde_json::Map::new();
    let mut unknown = BTreeMap::new();
    for (name, value) in &task.params {
        match scope.value(value)? {
            // In the trial, this is a placeholder for a result. Do not check its type: the result may have a different type.
            Value::String(text) if scope.tentative && text.contains(UNKNOWN) => {
                unknown.insert(name.clone(), Value::String(text));
            }
            value => {
                file.insert(name.clone(), value);
            }
        }
    }
    let known = task.task.spec.params.iter();
    let known = known.filter(|spec| !unknown.contains_key(&spec.name));
    let known: Vec<ParamSpec> = known.cloned().collect();
    let (mut params, errors) = crate::values::params(&known, &[], &file);
    if let Some(error) = errors.first() {
        return Err(Unavailable::Invalid(error.to_string()));
    }
    params.append(&mut unknown);
    let mut workspaces = task.workspaces.clone();
    for bound in workspaces.values_mut() {
        if let Some(sub_path) = &mut bound.sub_path {
            *sub_path = scope.text(sub_path)?;
        }
    }
    Ok((params, workspaces))
}

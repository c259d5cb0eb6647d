//! Runs one task: starts its sidecar, runs its steps, and determines the objects that exist afterwards.

use std::collections::BTreeMap;
use std::path::Path;

use gleaner_proto::exit_code;
use gleaner_proto::message::Phase;
use gleaner_proto::path::{RUN, SOCKET_FILE};
use gleaner_proto::route;
use gleaner_runtime::shutdown::Signals;
use serde_json::Value;
use tokio::time::Instant;

use super::browser;
use super::cluster::Cluster;
use super::hold::Held;
use super::model::{PlannedTask, Results};
use super::outcome;
use super::plan::Plan;
use super::progress::Progress;
use super::report;
use super::results;
use super::sidecar_process::SidecarProcess;
use super::steps::{self, Steps};
use crate::args::Run;
use crate::failure::Failure;
use crate::terminal;

/// The state that all tasks of a run share.
pub(crate) struct Surroundings<'a> {
    pub(crate) program: &'a Path,
    pub(crate) cluster: &'a Cluster,
    pub(crate) interrupt: &'a mut Signals,
    /// True to open the page of each task in the user's browser (`--open`).
    pub(crate) open: bool,
    /// True to keep the sidecars running after their tasks (`--hold`).
    pub(crate) hold: bool,
    /// The finished tasks whose sidecars are still running.
    pub(crate) held: Vec<Held>,
}

/// The deadline of a task, and the name of the setting that determines it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Option<Instant>,
    pub(crate) limit: &'static str,
}

impl Deadline {
    /// Returns the deadline of a task that is not part of a pipeline.
    pub(crate) fn of_single(options: &Run, task: &PlannedTask, begun: Instant) -> Self {
        let (time, limit) = match (options.timeout, task.timeout) {
            (Some(time), _) => (Some(time), "--timeout"),
            (None, time) => (time, "the TaskRun's timeout, or --timeout"),
        };
        Self {
            at: time.map(|time| begun + time),
            limit,
        }
    }

    /// Returns the earlier of two deadlines.
    pub(crate) fn earlier(self, other: Self) -> Self {
        match (self.at, other.at) {
            (_, None) => self,
            (Some(at), Some(of_other)) if at <= of_other => self,
            _ => other,
        }
    }
}

/// The result of running a task.
#[derive(Debug)]
pub(crate) struct TaskEnd {
    /// The exit code of the step that failed, or 0.
    pub(crate) code: u8,
    /// True if a signal interrupted the task.
    pub(crate) interrupted: bool,
    /// True if the task exceeded its time limit.
    pub(crate) timed_out: bool,
    pub(crate) objects: Vec<Value>,
    /// The results as strings, as the steps wrote them.
    pub(crate) texts: Results,
    /// The results, converted to their types.
    pub(crate) results: Results,
}

/// Runs the task. `context` contains the values of `$(context.*)`.
pub(crate) async fn run(
    surroundings: &mut Surroundings<'_>,
    plan: &Plan,
    context: &BTreeMap<String, String>,
    deadline: Deadline,
) -> Result<TaskEnd, Failure> {
    let Surroundings {
        program,
        cluster,
        interrupt,
        open,
        hold,
        held,
    } = surroundings;
    let interrupted = |signal: u8| TaskEnd {
        code: 128 | signal,
        interrupted: true,
        timed_out: false,
        objects: Vec::new(),
        texts: Results::new(),
        results: Results::new(),
    };
    let mut sidecar = tokio::select! {
        started = SidecarProcess::start(program, plan, context, cluster) => started?,
        signal = interrupt.next() => return Ok(interrupted(signal)),
    };
    Progress::note(&format!("page: {}", sidecar.page));
    if *open {
        browser::open(&sidecar.page);
    }
    let mut progress = Progress::default();
    let mut steps = Steps {
        program,
        plan,
        sidecar: &mut sidecar,
        interrupt,
        progress: &mut progress,
        embedded: cluster.is_embedded(),
        deadline: deadline.at,
        limit: deadline.limit,
        interrupted: false,
        timed_out: false,
        begun: false,
        waiting: None,
    };
    let ended = steps.run().await;
    let (was_interrupted, timed_out) = (steps.interrupted, steps.timed_out);
    let declared = &plan.task.spec.results;
    let declaration = &plan.task.declaration;
    let substitution = steps::with_step_results(plan);
    let texts = report::results(&plan.directory, declared, declaration, &substitution);
    let type_errors = report::type_errors(&texts, declared);
    type_errors.iter().for_each(terminal::error);
    let ended = ended.map(|code| match code {
        0 if !type_errors.is_empty() => exit_code::OUTPUT,
        code => code,
    });
    let succeeded = matches!(ended, Ok(0));
    let (existing, sidecar) = outcome::end(sidecar, interrupt, *hold && !was_interrupted).await;
    if !declaration.templates.is_empty() {
        existing.print(succeeded, &context["taskRun.uid"]);
    }
    let unsubmitted = existing.unsubmitted(succeeded, declaration);
    if let Some(phase) = unsubmitted {
        warn_of_missing_request(phase == Phase::Resolved, *hold);
    }
    held.extend(sidecar.map(|sidecar| Held::new(sidecar, plan, unsubmitted)));
    Ok(TaskEnd {
        code: ended?,
        interrupted: was_interrupted,
        timed_out,
        objects: existing.objects().to_vec(),
        results: results::typed(&texts, declared, declaration),
        texts,
    })
}

/// Warns that a task succeeded but created no objects, because no submit request was sent. `is_resolved` is true if all
/// variables are known, so that a submit request would succeed.
fn warn_of_missing_request(is_resolved: bool, hold: bool) {
    let by_hand = match is_resolved && !hold {
        true => "; with --hold, you can send it yourself",
        false => "",
    };
    terminal::warning(format_args!(
        "the task succeeded but, as in a cluster, created no objects, because no step sent the request that 'submit: Manual' \
         requires (curl --unix-socket {RUN}/me/{SOCKET_FILE} -X POST http://localhost{}){by_hand}",
        route::SUBMIT
    ));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;
    use gleaner_core::document::Source;
    use serde_json::Map;

    use super::super::model::Limits;
    use super::super::planner;
    use super::*;
    use crate::args::{Cli, Command};

    /// Returns the time limit of a TaskRun whose spec contains `line`.
    fn time(line: &str, arguments: &[&str]) -> Option<Duration> {
        let text = format!(
            "kind: TaskRun\nmetadata: {{name: r}}\nspec:\n  taskSpec: {{steps: [{{name: s, script: x}}]}}\n  {line}\n"
        );
        let source = Source::parse("f".to_owned(), text).unwrap();
        let arguments = ["gleaner", "run", "-f", "f"].iter().chain(arguments);
        let Command::Run(options) = Cli::parse_from(arguments).command else {
            unreachable!("the arguments select the subcommand run");
        };
        let run_plan = planner::plan(&options, &Map::new(), &[source]).unwrap();
        let begun = Instant::now();
        let deadline = Deadline::of_single(&options, &run_plan.tasks[0], begun);
        deadline.at.map(|at| at - begun)
    }

    #[test]
    fn a_timeout_of_zero_means_no_limit() {
        assert_eq!(time("timeout: '0'", &[]), None);
        assert_eq!(time("timeout: 0s", &[]), None);
        assert_eq!(time("timeout: 5m", &[]), Some(Duration::from_secs(300)));
        assert_eq!(time("", &[]), Some(Limits::DEFAULT));
        let given = time("timeout: '0'", &["--timeout", "1m"]);
        assert_eq!(given, Some(Duration::from_secs(60)));
    }
}

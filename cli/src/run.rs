//! `gleaner run`: a Task's steps as processes of this machine, and all that follows from what they leave behind.
//!
//! | module | its one job |
//! | --- | --- |
//! | `plan` | what the command line and the Task come to, before anything runs |
//! | `directory`, `paths` | the run's directory, and the pod's paths that lead into it |
//! | `substitution`, `command` | Tekton's `$(...)`; from a step to a command |
//! | `cluster` | an API server within this process, or a real cluster |
//! | `sidecar_process`, `http` | the real sidecar as a child, and what it is asked |
//! | `steps`, `process`, `lines`, `end` | the steps in order, each under the real redirector |
//! | `progress`, `report` | what a person sees, and what a program reads |
//! | `outcome` | what exists in the end |

mod cluster;
mod command;
mod directory;
mod end;
mod http;
mod lines;
mod outcome;
mod paths;
mod plan;
mod process;
mod progress;
mod report;
mod sidecar_process;
mod steps;
mod substitution;
mod watcher;

use std::collections::BTreeMap;
use std::process::ExitCode;

use gleaner_runtime::shutdown::Signals;
use serde_json::Value;
use tokio::signal::unix::SignalKind;
use tokio::time::Instant;

use crate::args::{Form, Run};
use crate::failure::Failure;
use crate::terminal;
use cluster::Cluster;
use gleaner_core::task::name as task_name;
use plan::Plan;
use progress::Progress;
use sidecar_process::SidecarProcess;
use steps::Steps;

pub(crate) use watcher::{COMMAND as WATCHER, main as watch};

/// Runs the Task; the exit code is what the TaskRun's failing step would have, or 0.
pub(crate) fn main(options: &Run) -> Result<ExitCode, u8> {
    let plan = Plan::new(options)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = runtime
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(run(options, plan)));
    ended.map(ExitCode::from).map_err(Failure::print)
}

async fn run(options: &Run, mut plan: Plan) -> Result<u8, Failure> {
    let mut interrupt = Signals::new(&[
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ])?;
    let program = std::env::current_exe()?;
    plan.directory.watch(&program)?;
    let deadline = Instant::now() + options.timeout;
    let cluster = Cluster::open(options, plan.directory.path()).await?;
    let context = context(&plan, &cluster)?;
    plan.name_run(&context);
    begin(&plan, &context, &cluster);

    let mut sidecar = tokio::select! {
        started = SidecarProcess::start(&program, &plan, &context, &cluster) => started?,
        signal = interrupt.next() => return Ok(128 | signal),
    };
    let mut progress = Progress::default();
    let mut steps = Steps {
        program: &program,
        plan: &plan,
        sidecar: &mut sidecar,
        interrupt: &mut interrupt,
        progress: &mut progress,
        embedded: cluster.is_embedded(),
        deadline,
        begun: false,
    };
    let ended = steps.run().await;
    let succeeded = matches!(ended, Ok(0));
    let existing = outcome::end(sidecar, &mut interrupt).await;
    if !plan.task.declaration.templates.is_empty() {
        existing.say(succeeded, &context["taskRun.uid"]);
    }
    let reported = report(&plan, existing.objects(), options.form);
    cluster.close().await;
    if options.keep {
        Progress::note(&format!(
            "the folder of this run is {}",
            plan.directory.path().display()
        ));
    }
    reported?;
    Ok(ended?)
}

/// The values of `$(context.*)`.
fn context(plan: &Plan, cluster: &Cluster) -> Result<BTreeMap<String, String>, Failure> {
    let task = &plan.task.name;
    let name = task_name::of_run(task);
    let uid = match cluster.make_task_run(&name, task)? {
        Some(uid) => uid,
        None => random_uid()?,
    };
    Ok([
        ("task.name", task.clone()),
        ("task.retry-count", "0".to_owned()),
        ("taskRun.name", name),
        ("taskRun.namespace", cluster.namespace.clone()),
        ("taskRun.uid", uid),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into())
}

fn begin(plan: &Plan, context: &BTreeMap<String, String>, cluster: &Cluster) {
    let name = &context["taskRun.name"];
    Progress::begins(&plan.task.name, name, &cluster.describe());
    let notes = plan.notes.iter().map(String::as_str);
    cluster
        .note()
        .into_iter()
        .chain(notes)
        .for_each(Progress::note);
}

/// Prints what exists now, and the results.
fn report(plan: &Plan, objects: &[Value], form: Form) -> Result<(), Failure> {
    let substitution = steps::with_step_results(plan);
    let declared = &plan.task.spec.results;
    let results = report::results(&plan.directory, declared, &substitution);
    report::warnings(&results, declared)
        .iter()
        .for_each(terminal::warning);
    report::print(objects, &results, form)
}

/// A UID (RFC 9562, version 4) for a run that no API server knows.
fn random_uid() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let bounds = [0..8, 8..12, 12..16, 16..20, 20..32];
    Ok(bounds.map(|bounds| &hex[bounds]).join("-"))
}

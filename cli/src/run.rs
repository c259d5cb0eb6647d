//! `gleaner run`: runs the steps of a Task, TaskRun or PipelineRun as local processes, and creates resources from
//! their outputs.
//!
//! | module | content |
//! | --- | --- |
//! | `documents`, `fields`, `params`, `variable` | the documents in the files, with their fields, parameters and variables |
//! | `choice`, `planner`, `pipeline_planner`, `model` | the selection of the run, and its plan; pure functions |
//! | `pipeline`, `pipeline_task`, `pipeline_variables`, `order`, `expression` | a Pipeline's tasks, and the values passed between them |
//! | `reference`, `task_source`, `step_actions` | the Task that a pipeline task refers to, and the Task's StepActions |
//! | `workspaces`, `read_only`, `step_commands`, `context`, `waits` | settings from the command line |
//! | `pipeline_run`, `task_run` | execution of all tasks in sequence, and of one task |
//! | `plan` | the plan of one task on this machine, created before its first step runs |
//! | `directory`, `paths` | the run's directory, and the mapping of pod paths to it |
//! | `substitution`, `command` | replacement of Tekton's `$(...)`; conversion of a step to a command |
//! | `cluster`, `seeds` | the local API server or a real cluster; the objects from `--object` |
//! | `sidecar_process`, `http` | the sidecar as a child process, and requests to it |
//! | `steps`, `redirector_arguments`, `process`, `lines`, `end` | execution of the steps in order, each started by the redirector |
//! | `browser`, `hold` | opening a task's page in a browser (`--open`); keeping the pages and the API server after the run (`--hold`) |
//! | `progress`, `live`, `report`, `results` | output for users and for programs |
//! | `outcome` | the objects that exist at the end of a run |

mod browser;
mod choice;
mod cluster;
mod command;
mod context;
mod detached;
mod directory;
mod documents;
mod end;
mod expression;
mod fields;
mod hold;
mod http;
mod lines;
mod live;
mod model;
mod outcome;
mod params;
mod paths;
mod pipeline;
mod pipeline_planner;
mod pipeline_run;
mod pipeline_task;
mod pipeline_variables;
mod plan;
mod planner;
mod process;
mod progress;
mod read_only;
mod redirector_arguments;
mod reference;
mod report;
mod results;
mod seeds;
mod sidecar_process;
mod step_actions;
mod step_commands;
mod steps;
mod substitution;
mod task_run;
mod task_source;
mod variable;
mod waits;
mod watcher;
mod workspaces;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use gleaner_core::document::Node;
use gleaner_core::task::site;
use gleaner_proto::exit_code;
use gleaner_runtime::shutdown::Signals;
use tokio::signal::unix::SignalKind;
use tokio::time::Instant;

use crate::api_server::block_on;
use crate::args::Run;
use crate::checking;
use crate::failure::Failure;
use crate::files;
use crate::render;
use crate::terminal;
use cluster::Cluster;
use context::Context;
use directory::RunDirectory;
use expression::Scope;
use model::{Limits, PlannedTask, RunPlan, Volume};
use pipeline_run::PipelineRun;
use plan::{Inputs, Plan};
use planner::Refusal;
use progress::Progress;
use report::Report;
use seeds::Seeds;
use step_commands::StepCommands;
use task_run::{Deadline, Surroundings};

pub(crate) use watcher::{COMMAND as WATCHER, main as watch};

/// A run that is ready to start.
struct Ready {
    run_plan: RunPlan,
    directory: RunDirectory,
    commands: StepCommands,
    overrides: context::Overrides,
    seeds: Seeds,
    /// The plan of the only task; `None` for a pipeline, whose tasks are planned when they start.
    plan: Option<Plan>,
}

/// Runs the task or pipeline in the files; returns the exit code of the failed step, or 0.
pub(crate) fn main(options: &Run) -> Result<ExitCode, u8> {
    if options.quiet {
        Progress::quiet();
    }
    let ready = prepare(options)?;
    let ended = block_on(run(options, ready));
    ended.map(ExitCode::from).map_err(Failure::print)
}

/// Plans the run and checks all steps in a trial. If there are errors, prints them and returns the exit code.
fn prepare(options: &Run) -> Result<Ready, u8> {
    let sources = files::read_with_directories(&options.task.files())?;
    let params = render::read_param_file(&options.task)?;
    let seeds = Seeds::read(options)?;
    let mut run_plan =
        planner::plan(options, &params, &sources).map_err(|refusal| refuse(&refusal))?;
    checking::pass(&sources, |document| is_used(&run_plan, document))?;
    if options.no_wait {
        run_plan
            .all_tasks_mut()
            .for_each(|task| waits::remove_waits(&mut task.task.document));
    }
    let mut errors = Vec::new();
    let commands = step_commands::read(&options.step_commands, &run_plan, &mut errors);
    let overrides = context::overrides(&options.variables, &mut errors);
    let directory = RunDirectory::new(options.keep).map_err(|error| {
        Failure::unreachable(format_args!("cannot create a temporary directory: {error}")).print()
    })?;
    let mut plan = None;
    let (mut warnings, mut notes) = (Vec::new(), Vec::new());
    for task in run_plan.all_tasks() {
        match trial(options, &run_plan, task, &commands, &directory) {
            Ok(tried) => {
                let (found, warned) = tried.trial();
                errors.extend(found);
                warnings.extend(warned);
                notes.extend(tried.differences(run_plan.pipeline.is_none()));
                plan = run_plan.pipeline.is_none().then_some(tried);
            }
            Err(found) => errors.extend(found),
        }
    }
    warnings.iter().for_each(terminal::warning);
    if !errors.is_empty() {
        errors.iter().for_each(terminal::error);
        return Err(exit_code::USAGE);
    }
    let mut all = std::mem::take(&mut run_plan.notes);
    if !run_plan.cluster.is_empty() {
        let words: Vec<&str> = run_plan.cluster.iter().copied().collect();
        all.push(format!(
            "a local run uses the tools installed on this machine, and ignores these features: {}",
            words.join(", ")
        ));
    }
    if run_plan.pipeline.is_some() {
        all.push(format!(
            "the directories of the tasks are in {}",
            directory.path().display()
        ));
    }
    all.append(&mut notes);
    run_plan.notes = all;
    Ok(Ready {
        run_plan,
        directory,
        commands,
        overrides,
        seeds,
        plan,
    })
}

/// Returns true if `document` is the run itself, the run's Pipeline or one of its Tasks.
fn is_used(plan: &RunPlan, document: &Node) -> bool {
    let name = site::metadata_name(document).unwrap_or_default();
    match site::kind_of(document) {
        "Task" => plan.all_tasks().any(|task| task.task.name == name),
        "Pipeline" => plan.pipeline.as_ref().is_some_and(|one| one.name == name),
        "TaskRun" | "PipelineRun" => {
            let given = site::given_name(document);
            given == Some(&plan.name) || given.is_none() && plan.name.starts_with(name)
        }
        _ => false,
    }
}

fn refuse(refusal: &Refusal) -> u8 {
    terminal::print_findings(&refusal.findings);
    refusal.usage.iter().for_each(terminal::error);
    if refusal.usage.is_empty() {
        exit_code::DECLARATION
    } else {
        exit_code::USAGE
    }
}

/// Plans a task with the values that are known before the run, to report errors early.
fn trial(
    options: &Run,
    run_plan: &RunPlan,
    task: &PlannedTask,
    commands: &StepCommands,
    directory: &RunDirectory,
) -> Result<Plan, Vec<String>> {
    let Some(pipeline) = &run_plan.pipeline else {
        let inputs = Inputs {
            params: task.params.clone(),
            results: &BTreeMap::new(),
            workspaces: task.workspaces.clone(),
            commands: commands.get(&task.name).cloned().unwrap_or_default(),
            clean_env: options.clean_env,
            shared: &directory.claims(),
            in_pipeline: false,
            tentative: false,
        };
        return Plan::new(task, inputs, directory.same());
    };
    let scope = Scope {
        params: pipeline.params.clone(),
        workspaces: pipeline.workspaces.clone(),
        tentative: true,
        ..Scope::default()
    };
    let wrong = |error: &dyn std::fmt::Display| vec![format!("task '{}': {error}", task.name)];
    let prepared = pipeline_run::prepare(task, &scope);
    let (params, mut workspaces) = prepared.map_err(|error| wrong(&error))?;
    // The trial must not write to the user's directories, so it uses empty workspaces.
    for workspace in workspaces.values_mut() {
        workspace.source = Volume::Empty;
    }
    let trial = RunDirectory::new(false).map_err(|error| wrong(&error))?;
    let claims = trial.claims();
    let inputs = Inputs {
        params,
        results: &BTreeMap::new(),
        workspaces,
        commands: commands.get(&task.name).cloned().unwrap_or_default(),
        clean_env: options.clean_env,
        shared: &claims,
        in_pipeline: true,
        tentative: true,
    };
    Plan::new(task, inputs, trial).map_err(|errors| {
        let errors = errors.into_iter();
        errors
            .map(|error| format!("task '{}': {error}", task.name))
            .collect()
    })
}

async fn run(options: &Run, ready: Ready) -> Result<u8, Failure> {
    let Ready {
        run_plan,
        mut directory,
        commands,
        overrides,
        seeds,
        plan,
    } = ready;
    let mut interrupt = Signals::new(&[
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ])?;
    let program = std::env::current_exe()?;
    directory.watch(&program)?;
    let own = run_plan.namespace.as_deref();
    let seeded = seeds.namespaces();
    let mut namespaces = run_plan.namespaces();
    namespaces.retain(|name| !seeded.contains(name.as_str()));
    let cluster = Cluster::open(options, own, &namespaces, &seeded, directory.path()).await?;
    let refused = seeds.create(&cluster);
    if !refused.is_empty() {
        terminal::print_findings(&refused);
        return Ok(exit_code::DECLARATION);
    }
    let context = Context::new(&run_plan, overrides, &cluster)?;
    begin(&run_plan, &context, &cluster, options, &namespaces);
    let mut surroundings = Surroundings {
        program: &program,
        cluster: &cluster,
        interrupt: &mut interrupt,
        open: options.open,
        hold: options.hold,
        held: Vec::new(),
    };
    let begun = Instant::now();
    let (code, interrupted, report) = match (&run_plan.pipeline, plan) {
        (Some(pipeline), _) => {
            let mut run = PipelineRun {
                run_plan: &run_plan,
                pipeline,
                context: &context,
                directory: &directory,
                commands: &commands,
                clean_env: options.clean_env,
                limits: Limits {
                    whole: options.timeout.or(pipeline.limits.whole),
                    ..pipeline.limits
                },
                scope: Scope {
                    params: pipeline.params.clone(),
                    context: context.of_pipeline(),
                    workspaces: pipeline.workspaces.clone(),
                    ..Scope::default()
                }
                .with_context(),
                begun,
                report: Report::default(),
                skipped: BTreeSet::new(),
                interrupted: false,
                count: 0,
            };
            let code = run.run(&mut surroundings).await?;
            (code, run.interrupted, run.report)
        }
        (None, Some(mut plan)) => {
            plan.directory = directory.same();
            let task = &run_plan.tasks[0];
            let context = context.of_task(&task.name, &task.task.name, &cluster)?;
            plan.set_context_variables(&context);
            let deadline = Deadline::of_single(options, task, begun);
            let end = task_run::run(&mut surroundings, &plan, &context, deadline).await?;
            let report = Report {
                objects: end.objects,
                results: end.results,
                texts: Some(end.texts),
                ..Report::default()
            };
            (end.code, end.interrupted, report)
        }
        (None, None) => unreachable!("invariant: a run without a pipeline has one plan"),
    };
    let reported = report::print(&report, options.form);
    let held = surroundings.held;
    if options.hold && !interrupted && reported.is_ok() {
        let objects = &report.objects;
        hold::until_signal(held, &cluster, &directory, objects, &mut interrupt).await?;
    }
    cluster.close().await;
    if options.keep {
        Progress::requested(&format!(
            "the directory of this run is {}",
            directory.path().display()
        ));
    }
    reported?;
    Ok(code)
}

fn begin(
    run_plan: &RunPlan,
    context: &Context,
    cluster: &Cluster,
    options: &Run,
    namespaces: &[String],
) {
    let title = match &run_plan.pipeline {
        Some(pipeline) if !pipeline.name.is_empty() => &pipeline.name,
        Some(_) => "pipeline",
        None if run_plan.tasks[0].task.name.is_empty() => "task",
        None => &run_plan.tasks[0].task.name,
    };
    Progress::begins(title, context.name(), &cluster.describe());
    cluster.note().into_iter().for_each(Progress::note);
    let others = namespaces.iter().filter(|name| **name != cluster.namespace);
    let others: Vec<&str> = others.map(String::as_str).collect();
    if cluster.is_embedded() && !others.is_empty() {
        Progress::note(&format!(
            "created the namespaces to which templates refer: {}; in a cluster, they must exist before the run",
            others.join(", ")
        ));
    }
    if cluster.is_embedded() && !options.no_wait {
        let notes = run_plan
            .all_tasks()
            .filter_map(|task| waits::note(&task.task.declaration));
        notes.for_each(|note| Progress::note(&note));
    }
    run_plan.notes.iter().for_each(|note| Progress::note(note));
}

//! Reads the option `--step-command STEP=COMMAND`; for a pipeline also `TASK.STEP=COMMAND`.

use std::collections::BTreeMap;

use super::model::RunPlan;
use crate::values::{Assignment, did_you_mean};

/// The shell commands, by task and step.
pub(crate) type StepCommands = BTreeMap<String, BTreeMap<String, String>>;

/// Reads the assignments. A step name without a task applies to all steps with that name in all tasks.
pub(crate) fn read(
    assignments: &[Assignment],
    run_plan: &RunPlan,
    errors: &mut Vec<String>,
) -> StepCommands {
    let finally = run_plan
        .pipeline
        .iter()
        .flat_map(|pipeline| &pipeline.finally);
    let tasks = run_plan.tasks.iter().chain(finally);
    let steps = tasks.flat_map(|task| {
        let steps = task.task.spec.steps.iter();
        steps.map(|step| (task.name.as_str(), step.name.as_str()))
    });
    let steps: Vec<(&str, &str)> = steps.collect();
    let mut commands = StepCommands::new();
    for Assignment { name, value } in assignments {
        let is_meant =
            |(task, step): &&(&str, &str)| *step == name || format!("{task}.{step}") == *name;
        let meant: Vec<_> = steps.iter().filter(is_meant).collect();
        if meant.is_empty() {
            let known = steps.iter().map(|(_, step)| *step);
            let help = did_you_mean(name, known);
            errors.push(format!("--step-command: unknown step '{name}'{help}"));
        }
        let mut twice = false;
        for (task, step) in meant {
            let of_task = commands.entry((*task).to_owned()).or_default();
            twice |= of_task.insert((*step).to_owned(), value.clone()).is_some();
        }
        if twice {
            errors.push(format!("--step-command: duplicate step '{name}'"));
        }
    }
    commands
}

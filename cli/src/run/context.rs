//! The identity of a run: its names, namespace and UIDs, which templates and steps use as `$(context.*)`.

use std::collections::BTreeMap;

use gleaner_core::task::name as task_name;
use gleaner_core::variable::CONTEXT;
use gleaner_runtime::text::hex;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::model::RunPlan;
use crate::failure::Failure;
use crate::values::{Assignment, did_you_mean};

/// The values set with `--variable`, by variable name.
pub(crate) type Overrides = BTreeMap<String, String>;

/// Reads the `--variable NAME=VALUE` flags.
pub(crate) fn overrides(assignments: &[Assignment], errors: &mut Vec<String>) -> Overrides {
    let mut overrides = Overrides::new();
    for Assignment { name, value } in assignments {
        let bare = name.strip_prefix("context.").unwrap_or(name);
        if !CONTEXT.contains(&bare) {
            let help = did_you_mean(bare, CONTEXT);
            errors.push(format!(
                "--variable: unknown context variable '{bare}'{help}"
            ));
        } else if bare.ends_with(".namespace") {
            errors.push(format!("--variable {bare}: set the namespace with -n NAME"));
        } else if overrides.insert(bare.to_owned(), value.clone()).is_some() {
            errors.push(format!("--variable: duplicate variable '{bare}'"));
        }
    }
    overrides
}

/// The identity of a run.
#[derive(Debug)]
pub(crate) struct Context {
    overrides: Overrides,
    namespace: String,
    /// The name and UID of the PipelineRun.
    pipeline_run: Option<(String, String)>,
    pipeline: String,
    /// The name of the TaskRun if the run has no PipelineRun.
    task_run: String,
}

// === impl Context ===

impl Context {
    /// Creates the context. For a pipeline, also creates the PipelineRun in the local API server.
    pub(crate) fn new(
        run_plan: &RunPlan,
        overrides: Overrides,
        cluster: &Cluster,
    ) -> Result<Self, Failure> {
        let named = |variable: &str| {
            overrides
                .get(variable)
                .cloned()
                .unwrap_or_else(|| run_plan.name.clone())
        };
        let pipeline_run = match &run_plan.pipeline {
            Some(pipeline) => {
                let name = named("pipelineRun.name");
                let spec = json!({"pipelineRef": {"name": or_run(&pipeline.name, &name)}});
                let uid = uid(cluster, "PipelineRun", &name, &spec, None)?;
                let uid = overrides.get("pipelineRun.uid").cloned().unwrap_or(uid);
                Some((name, uid))
            }
            None => None,
        };
        Ok(Self {
            namespace: cluster.namespace.clone(),
            pipeline: run_plan
                .pipeline
                .iter()
                .map(|pipeline| pipeline.name.clone())
                .collect(),
            task_run: named("taskRun.name"),
            pipeline_run,
            overrides,
        })
    }

    /// Returns the name of the run, for messages.
    pub(crate) fn name(&self) -> &str {
        match &self.pipeline_run {
            Some((name, _)) => name,
            None => &self.task_run,
        }
    }

    /// Returns the name of the TaskRun that runs a pipeline task.
    pub(crate) fn task_run_name(&self, task: &str) -> String {
        match &self.pipeline_run {
            Some((run, _)) => task_name::of_part(run, task),
            None => self.task_run.clone(),
        }
    }

    /// Returns the values of the `$(context.*)` variables that a Pipeline may use.
    pub(crate) fn of_pipeline(&self) -> BTreeMap<String, String> {
        let mut context = BTreeMap::new();
        if let Some((name, uid)) = &self.pipeline_run {
            for (variable, value) in [
                ("pipelineRun.name", name.as_str()),
                ("pipelineRun.namespace", &self.namespace),
                ("pipelineRun.uid", uid),
                ("pipeline.name", or_run(&self.pipeline, name)),
                ("pipelineTask.retries", "0"),
            ] {
                context.insert(variable.to_owned(), value.to_owned());
            }
        }
        context
    }

    /// Creates the TaskRun for a task in the local API server, and returns the values of `$(context.*)`. `name` is the name of
    /// the pipeline task, `task` the name of the Task.
    pub(crate) fn of_task(
        &self,
        name: &str,
        task: &str,
        cluster: &Cluster,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let run = self.task_run_name(name);
        let spec = json!({"taskRef": {"name": or_run(task, &run)}});
        let owner = self.pipeline_run.as_ref().map(|(name, uid)| {
            json!([{
                "apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": name, "uid": uid,
                "controller": true, "blockOwnerDeletion": true,
            }])
        });
        let uid = uid(cluster, "TaskRun", &run, &spec, owner)?;
        let mut context = self.of_pipeline();
        context.retain(|name, _| CONTEXT.contains(&name.as_str()));
        for (name, value) in [
            // For an embedded spec, Tekton uses the TaskRun's name as the Task's name (`GetTaskData` in
            // `pkg/reconciler/taskrun/resources`).
            ("task.name", or_run(task, &run)),
            ("task.retry-count", "0"),
            ("taskRun.name", &run),
            ("taskRun.namespace", &self.namespace),
            ("taskRun.uid", &uid),
        ] {
            context.insert(name.to_owned(), value.to_owned());
        }
        context.retain(|_, value| !value.is_empty());
        let of_each = ["taskRun.name", "taskRun.uid"];
        let overrides = self
            .overrides
            .iter()
            .filter(|(name, _)| self.pipeline_run.is_none() || !of_each.contains(&name.as_str()));
        context.extend(overrides.map(|(name, value)| (name.clone(), value.clone())));
        Ok(context)
    }
}

fn or_run<'a>(name: &'a str, run: &'a str) -> &'a str {
    if name.is_empty() { run } else { name }
}

/// Creates the run in the local API server and returns its UID. In a real cluster, where Tekton would execute the run, only
/// returns a random UID.
fn uid(
    cluster: &Cluster,
    kind: &str,
    name: &str,
    spec: &Value,
    owner: Option<Value>,
) -> Result<String, Failure> {
    match cluster.make_run(kind, name, spec, owner)? {
        Some(uid) => Ok(uid),
        None => random_uid(),
    }
}

/// Returns a random UID (RFC 9562, version 4) for a run that does not exist in an API server.
fn random_uid() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex(&bytes);
    let bounds = [0..8, 8..12, 12..16, 16..20, 20..32];
    Ok(bounds.map(|bounds| &hex[bounds]).join("-"))
}

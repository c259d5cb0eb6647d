//! Plans a PipelineRun, or a Pipeline without a run.

use std::collections::BTreeSet;
use std::time::Duration;

use gleaner_core::document::{Content, Cursor, Diagnostics, Location, Node, Place};
use gleaner_core::task::{ParamSpec, name as task_name};
use gleaner_proto::duration;

use super::documents::Document;
use super::fields::{self, Kind};
use super::model::{Limits, Pipeline, RunPlan};
use super::params;
use super::pipeline;
use super::pipeline_task::PipelineSource;
use super::planner::{NOTHING_DECLARED, Planner, Refusal, run_name, run_params, run_spec, unbound};
use super::reference::{Given, PIPELINE};
use super::workspaces;
use crate::values::did_you_mean;

static EMPTY: Node = Node {
    at: Location { line: 1, column: 1 },
    content: Content::Null,
};

impl<'a> Planner<'a> {
    pub(crate) fn pipeline_run(&self, document: Document<'a>) -> Result<RunPlan, Refusal> {
        let (mut found, mut cluster) = (Diagnostics::default(), BTreeSet::new());
        let root = Cursor::root(document.node);
        let run = run_spec(&root, Kind::PipelineRun, document, &mut found, &mut cluster)?;
        let overrides = run.items_at("taskRunSpecs", &mut found);
        for item in &overrides {
            fields::check(item, Kind::TaskRunSpec, &mut found, &mut cluster);
        }
        let source = match PIPELINE.given_by(&run, "run", &mut found) {
            Some(Given::Spec(spec)) => Some((document, spec)),
            Some(Given::Reference(reference)) => {
                let namespace = document.namespace();
                let documents = self.documents;
                PIPELINE.resolve(
                    &reference,
                    namespace,
                    None,
                    documents,
                    &mut cluster,
                    &mut found,
                )
            }
            None => None,
        };
        let Some((of_pipeline, spec)) = source else {
            return Err(document.errors(found.into_vec()).into());
        };
        let limits = limits(&run, &mut found);
        let tasks = ["tasks", "finally"].into_iter();
        let tasks = tasks.flat_map(|list| spec.node.list_of(list));
        let tasks = tasks.filter_map(|task| task.text_of("name"));
        let overridden = overrides.iter();
        for field in overridden.filter_map(|item| item.field("pipelineTaskName")) {
            let text = field.text(&mut found).unwrap_or_default();
            if !tasks.clone().any(|task| task == text) {
                let help = found.suggestion(text, tasks.clone());
                found.add(&field, format!("the Pipeline has no task '{text}'"), help);
            }
        }
        let run_plan = self.tasks_of(document, Some(&run), of_pipeline, spec, cluster, found)?;
        Ok(RunPlan {
            pipeline: run_plan
                .pipeline
                .map(|pipeline| Pipeline { limits, ..pipeline }),
            ..run_plan
        })
    }

    /// Plans a Pipeline without a run. Uses the Pipeline's default parameters and the parameters from the command line.
    pub(crate) fn pipeline(&self, document: Document<'a>) -> Result<RunPlan, Refusal> {
        let mut found = Diagnostics::default();
        let root = Cursor::root(document.node);
        let Some(spec) = root.required("spec", "{tasks: []}", &mut found) else {
            return Err(document.errors(found.into_vec()).into());
        };
        self.tasks_of(document, None, document, spec, BTreeSet::new(), found)
    }

    fn tasks_of(
        &self,
        run: Document<'_>,
        run_spec: Option<&Cursor<'_>>,
        document: Document<'a>,
        spec: Cursor<'a>,
        mut cluster: BTreeSet<&'static str>,
        mut found: Diagnostics,
    ) -> Result<RunPlan, Refusal> {
        let mut wrong = Diagnostics::default();
        let mut specs = ParamSpec::read_all(&spec, &mut wrong);
        let declared = spec.items_at("workspaces", &mut wrong);
        let mut errors = Vec::new();
        let mut known: Vec<String> = declared
            .iter()
            .filter_map(|item| item.name(&mut wrong))
            .collect();
        wrong.finish(()).map_err(|wrong| document.errors(wrong))?;
        let is_own = document.kind() == "Pipeline";
        if let Some(run) = run_spec.filter(|_| !is_own) {
            params::propagate(run, &mut specs);
        }
        let (run_params, mut notes) = match run_spec {
            Some(run) => run_params(run, &specs, "Pipeline", &mut found),
            None => Default::default(),
        };
        let bound_by_run = run_spec.map(|run| run.items_at("workspaces", &mut found));
        let bound_by_run = bound_by_run.into_iter().flatten();
        let embedded_names =
            bound_by_run.filter_map(|item| item.node.text_of("name").map(str::to_owned));
        known.extend(embedded_names);
        let given = workspaces::given(&self.options.workspaces, &known, &mut errors);
        let bound = match run_spec {
            Some(run) => workspaces::bound(run, &given, &mut found),
            None => workspaces::bound(&Cursor::new(&EMPTY, Place::root()), &given, &mut found),
        };
        for item in &declared {
            let optional = item
                .node
                .get("optional")
                .is_some_and(|node| node.to_json() == true);
            let name = item.node.text_of("name").unwrap_or_default();
            if optional || bound.contains_key(name) {
                continue;
            }
            match run_spec {
                // An invalid binding of this workspace was already reported.
                Some(run) if is_bound_by(run, name) => {}
                Some(run) => found.add(run, unbound(name), None),
                None => errors.push(unbound(name)),
            }
        }
        let params = self.params(&specs, run_params, &mut errors);
        found.finish(()).map_err(|found| Refusal {
            findings: run.errors(found),
            usage: std::mem::take(&mut errors),
        })?;
        if !errors.is_empty() {
            return Err(Refusal {
                usage: errors,
                ..Refusal::default()
            });
        }
        let source = PipelineSource {
            document,
            spec,
            specs,
            params,
            workspaces: bound,
            namespace: run.namespace().or_else(|| document.namespace()),
        };
        let read = pipeline::read(&source, self.documents, &mut cluster, &mut notes)?;
        if !read.declares {
            notes.push(NOTHING_DECLARED.to_owned());
        }
        // Report bound workspaces that the Pipeline does not declare. An embedded Pipeline need not declare them.
        let unknown = source.workspaces.keys().filter(|name| {
            let declares = |item: &Cursor<'_>| item.node.text_of("name") == Some(name);
            is_own && !declared.iter().any(declares)
        });
        notes.extend(unknown.map(|name| {
            let known = declared.iter().filter_map(|item| item.node.text_of("name"));
            let help = did_you_mean(name, known);
            format!(
                "the run binds the workspace '{name}', which the Pipeline does not declare{help}"
            )
        }));
        let name = if is_own { document.name() } else { "" }.to_owned();
        let namespace = run.namespace().or_else(|| document.namespace());
        Ok(RunPlan {
            name: match run_spec {
                Some(_) => run_name(run, &name),
                None => task_name::of_run(&name),
            },
            namespace: namespace.map(str::to_owned),
            tasks: read.tasks,
            pipeline: Some(Pipeline {
                name,
                ..read.pipeline
            }),
            cluster,
            notes,
        })
    }
}

fn is_bound_by(run: &Cursor<'_>, name: &str) -> bool {
    let bound = run.node.list_of("workspaces").iter();
    bound
        .filter_map(|item| item.text_of("name"))
        .any(|bound| bound == name)
}

fn limits(run: &Cursor<'_>, found: &mut Diagnostics) -> Limits {
    let Some(timeouts) = run.field("timeouts") else {
        return Limits::default();
    };
    let mut read = |key: &str| {
        let field = timeouts.field(key)?;
        field.parsed(duration::parse, found)
    };
    let [whole, tasks, finally] = ["pipeline", "tasks", "finally"].map(&mut read);
    if let Some(whole) = whole.filter(|whole| !whole.is_zero()) {
        check_limits(&timeouts, whole, [tasks, finally], found);
    }
    let limit = |limit: Option<Duration>| limit.filter(|limit| !limit.is_zero());
    Limits {
        whole: limit(Some(whole.unwrap_or(Limits::DEFAULT))),
        tasks: limit(tasks),
        finally: limit(finally),
    }
}

/// Checks that `timeouts.tasks` and `timeouts.finally` do not exceed the pipeline's timeout (`validatePipelineTimeout` in
/// `pkg/apis/pipeline/v1/pipelinerun_validation.go`).
fn check_limits(
    timeouts: &Cursor<'_>,
    whole: Duration,
    parts: [Option<Duration>; 2],
    found: &mut Diagnostics,
) {
    let help = "reduce the timeout, or increase timeouts.pipeline";
    let mut fit = true;
    for (key, part) in ["tasks", "finally"].into_iter().zip(parts) {
        let (Some(part), Some(field)) = (part, timeouts.field(key)) else {
            continue;
        };
        if part > whole || part.is_zero() {
            fit = false;
            found.refuse(&field, "the timeout exceeds the pipeline's timeout", help);
        }
    }
    if let [Some(tasks), Some(finally)] = parts
        && fit
        && tasks + finally > whole
    {
        let message = "timeouts.tasks and timeouts.finally together exceed the pipeline's timeout";
        found.refuse(
            timeouts,
            message,
            "reduce one of them, or increase timeouts.pipeline",
        );
    }
}

//! Plans a run from the documents in the files: selects the run, Pipeline or Task, and reports all errors in these documents.

use std::collections::{BTreeMap, BTreeSet};

use gleaner_core::document::{Cursor, Diagnostics, Finding, Place, Source};
use gleaner_core::task::{ParamSpec, name as task_name};
use gleaner_proto::duration;
use gleaner_proto::name::is_dns_subdomain;
use serde_json::{Map, Value};

use super::choice;
use super::documents::{Document, Documents};
use super::fields::{self, Kind};
use super::model::{Limits, Params, PlannedTask, RunPlan};
use super::params;
use super::reference::{self, Given, TASK};
use super::task_source::{self, ReadTask};
use super::workspaces;
use crate::args::Run;
use crate::values::{self, Assignment, ParamError, did_you_mean};

/// The errors that prevent a run.
#[derive(Debug, Default)]
pub(crate) struct Refusal {
    /// The errors in the documents.
    pub(crate) findings: Vec<Finding>,
    /// The errors in the command-line arguments.
    pub(crate) usage: Vec<String>,
}

impl From<Vec<Finding>> for Refusal {
    fn from(findings: Vec<Finding>) -> Self {
        Self {
            findings,
            ..Self::default()
        }
    }
}

fn usage(message: impl Into<String>) -> Refusal {
    Refusal {
        usage: vec![message.into()],
        ..Refusal::default()
    }
}

/// Plans the run that `options` selects. `file` contains the parameter values from `--param-file`.
///
/// # Errors
/// Returns all errors in the command line and in the documents that the run uses.
pub(crate) fn plan(
    options: &Run,
    file: &Map<String, Value>,
    sources: &[Source],
) -> Result<RunPlan, Refusal> {
    let documents = Documents::new(sources)?;
    let planner = Planner {
        options,
        file,
        documents: &documents,
    };
    let chosen = choice::choose(options, &documents, sources).map_err(usage)?;
    let mut run_plan = match chosen.kind() {
        "TaskRun" => planner.task_run(chosen),
        "PipelineRun" => planner.pipeline_run(chosen),
        "Pipeline" => planner.pipeline(chosen),
        _ => planner.task(chosen),
    }?;
    run_plan.notes.extend(documents.others());
    Ok(run_plan)
}

/// The inputs from which a run is planned.
pub(crate) struct Planner<'a> {
    pub(crate) options: &'a Run,
    pub(crate) file: &'a Map<String, Value>,
    pub(crate) documents: &'a Documents<'a>,
}

// === impl Planner ===

impl<'a> Planner<'a> {
    fn task(&self, document: Document<'a>) -> Result<RunPlan, Refusal> {
        let mut cluster = BTreeSet::new();
        let spec = Place::from(["spec"]);
        let read = task_source::read(document, &spec, None, self.documents, &mut cluster)?;
        let mut errors = Vec::new();
        let known = workspace_names(&read);
        let given = workspaces::given(&self.options.workspaces, &known, &mut errors);
        let name = task_name::of_run(&read.task.name);
        let mut notes = self.old_runs();
        if !read.declares {
            notes.push(NOTHING_DECLARED.to_owned());
        }
        let run_plan = self.single(document, name, read, given, Params::new(), cluster, errors)?;
        Ok(RunPlan { notes, ..run_plan })
    }

    /// Returns a note for each TaskRun and PipelineRun in an old syntax, because `gleaner run` cannot run them untranslated.
    fn old_runs(&self) -> Vec<String> {
        let kinds = ["TaskRun", "PipelineRun"].into_iter();
        let runs = kinds.flat_map(|kind| self.documents.of_kind(kind));
        let old = runs.filter(|run| self.options.task.task.is_none() && choice::is_old(run));
        old.map(|run| {
            format!(
                "{} ({}) uses an old syntax, which `gleaner run` does not support; translate it first: `gleaner translate -f FILE | \
                 gleaner run -f -`",
                run.title(),
                run.position()
            )
        })
        .collect()
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the shared part of planning a TaskRun and planning a Task"
    )]
    fn single(
        &self,
        document: Document<'_>,
        name: String,
        read: ReadTask,
        workspaces: workspaces::Given,
        run_params: Params,
        cluster: BTreeSet<&'static str>,
        mut errors: Vec<String>,
    ) -> Result<RunPlan, Refusal> {
        let params = self.params(&read.task.spec.params, run_params, &mut errors);
        if !errors.is_empty() {
            return Err(Refusal {
                usage: errors,
                ..Refusal::default()
            });
        }
        let workspaces = workspaces.into_iter().map(|(name, directory)| {
            let source = super::model::Volume::Directory(directory);
            let sub_path = None;
            (name, super::model::BoundWorkspace { source, sub_path })
        });
        let task = PlannedTask {
            name: read.task.name.clone(),
            params,
            when: Vec::new(),
            after: BTreeSet::new(),
            takes: BTreeSet::new(),
            workspaces: workspaces.collect(),
            mounts: read.mounts,
            timeout: Some(Limits::DEFAULT),
            continues: false,
            task: read.task,
        };
        Ok(RunPlan {
            name,
            namespace: document.namespace().map(str::to_owned),
            tasks: vec![task],
            pipeline: None,
            cluster,
            notes: Vec::new(),
        })
    }

    /// Returns the value of each parameter in `specs`. In order of precedence, values come from the command line, the parameter
    /// file, the run and the defaults.
    pub(crate) fn params(
        &self,
        specs: &[ParamSpec],
        run: Params,
        errors: &mut Vec<String>,
    ) -> Params {
        let mut file: Map<String, Value> = run.into_iter().collect();
        file.extend(self.file.clone());
        let given: &[Assignment] = &self.options.task.params;
        let (params, wrong) = values::params(specs, given, &file);
        errors.extend(wrong.iter().map(ParamError::to_string));
        params
    }

    fn task_run(&self, document: Document<'a>) -> Result<RunPlan, Refusal> {
        let (mut found, mut cluster) = (Diagnostics::default(), BTreeSet::new());
        let root = Cursor::root(document.node);
        let spec = run_spec(&root, Kind::TaskRun, document, &mut found, &mut cluster)?;
        let mut errors = Vec::new();
        let read = match TASK.given_by(&spec, "run", &mut found) {
            Some(Given::Spec(task)) => {
                let items = spec.node.list_of("workspaces").iter();
                let names = items.filter_map(|item| Some(item.text_of("name")?.to_owned()));
                let (names, documents) = (names.collect(), self.documents);
                let place = &task.place;
                task_source::read(document, place, Some(&names), documents, &mut cluster).map(Some)
            }
            Some(Given::Reference(reference)) => {
                let namespace = document.namespace();
                let documents = self.documents;
                reference::task(
                    &reference,
                    namespace,
                    None,
                    documents,
                    &mut cluster,
                    &mut found,
                )
            }
            None => Ok(None),
        };
        let read = match read {
            Ok(Some(read)) => read,
            Ok(None) => return Err(document.errors(found.into_vec()).into()),
            Err(of_task) => {
                let of_run = document.errors(found.into_vec()).into_iter();
                return Err(of_run.chain(of_task).collect::<Vec<_>>().into());
            }
        };
        let known = workspace_names(&read);
        let given = workspaces::given(&self.options.workspaces, &known, &mut errors);
        let bound = workspaces::bound(&spec, &given, &mut found);
        check_bound(&spec, &read, &bound, &mut found);
        let specs = &read.task.spec.params;
        let (run_params, notes) = run_params(&spec, specs, "Task", &mut found);
        let timeout = spec
            .field("timeout")
            .and_then(|field| field.parsed(duration::parse, &mut found));
        found.finish(()).map_err(|found| Refusal {
            findings: document.errors(found),
            usage: std::mem::take(&mut errors),
        })?;
        let declares = read.declares;
        let name = run_name(document, &read.task.name);
        let mut run_plan = self.single(
            document,
            name,
            read,
            workspaces::Given::new(),
            run_params,
            cluster,
            errors,
        )?;
        run_plan.notes = notes;
        if !declares {
            run_plan.notes.push(NOTHING_DECLARED.to_owned());
        }
        let task = &mut run_plan.tasks[0];
        task.workspaces = bound;
        if let Some(timeout) = timeout {
            task.timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
        }
        Ok(run_plan)
    }
}

pub(crate) const NOTHING_DECLARED: &str =
    "no task of this run declares outputs (annotation gleaner.dev/outputs)";

pub(crate) fn unbound(name: &str) -> String {
    format!(
        "the workspace '{name}' is not bound; bind it in the run, or with --workspace {name}=DIR"
    )
}

fn workspace_names(read: &ReadTask) -> Vec<String> {
    let spec = &read.task.spec;
    let cloned = spec.inputs.iter().filter(|input| input.kind == "git");
    let cloned = cloned.map(|input| input.name.clone());
    let own = spec
        .workspaces
        .iter()
        .map(|workspace| workspace.name.clone());
    own.chain(cloned).collect()
}

pub(crate) fn run_spec<'a>(
    root: &Cursor<'a>,
    kind: Kind,
    document: Document<'_>,
    found: &mut Diagnostics,
    cluster: &mut BTreeSet<&'static str>,
) -> Result<Cursor<'a>, Refusal> {
    fields::check(root, Kind::Document, found, cluster);
    if let Some(name) = root.descend(&["metadata", "name"])
        && let Some(text) = name.node.as_str()
        && !is_dns_subdomain(text)
    {
        let message = format!("'{text}' is not a valid {} name", document.kind());
        let help = "use at most 253 lower-case letters, digits, '-' and '.'";
        found.refuse(&name, message, help);
    }
    let Some(spec) = root.required("spec", "{}", found) else {
        let found = std::mem::take(found);
        return Err(document.errors(found.into_vec()).into());
    };
    fields::check(&spec, kind, found, cluster);
    Ok(spec)
}

/// Checks, as Tekton does, that each declared workspace is bound and each bound workspace is declared.
fn check_bound(
    run: &Cursor<'_>,
    read: &ReadTask,
    bound: &BTreeMap<String, super::model::BoundWorkspace>,
    found: &mut Diagnostics,
) {
    let declared = &read.task.spec.workspaces;
    let cloned = |name: &String| {
        read.task
            .spec
            .inputs
            .iter()
            .any(|input| input.name == *name)
    };
    let items = run.items_at("workspaces", &mut Diagnostics::default());
    let binds = |name: &str| {
        items
            .iter()
            .find(|item| item.node.text_of("name") == Some(name))
    };
    for name in bound.keys() {
        if declared.iter().all(|workspace| workspace.name != *name) && !cloned(name) {
            let known = declared.iter().map(|workspace| workspace.name.as_str());
            let help = found.suggestion(name, known);
            let help = help.unwrap_or_else(|| "remove it, or declare it in the Task".to_owned());
            let message = format!("the Task has no workspace '{name}'");
            found.refuse(binds(name).unwrap_or(run), message, help);
        }
    }
    for workspace in declared {
        let name = &workspace.name;
        // An invalid binding was already reported.
        if !workspace.optional && !bound.contains_key(name) && binds(name).is_none() {
            found.add(run, unbound(name), None);
        }
    }
}

/// Returns the parameters of a run. Adds a note for each undeclared parameter, which Tekton ignores.
pub(crate) fn run_params(
    run: &Cursor<'_>,
    specs: &[ParamSpec],
    what: &str,
    found: &mut Diagnostics,
) -> (Params, Vec<String>) {
    let mut notes = Vec::new();
    let mut params = Params::new();
    for (name, (value, place)) in params::given_with_places(run, found) {
        match specs.iter().find(|spec| spec.name == name) {
            Some(spec) => {
                params::check(spec, &value, &place, found);
                params.insert(name, value);
            }
            None => {
                let help = did_you_mean(&name, specs.iter().map(|spec| &spec.name));
                notes.push(format!("the run sets the parameter '{name}', which the {what} does not declare, so Tekton ignores it{help}"));
            }
        }
    }
    (params, notes)
}

/// Returns the name of a run. If the document has only a `generateName`, or no name, returns a name that ends in `-run`.
pub(crate) fn run_name(document: Document<'_>, of: &str) -> String {
    match (document.given_name(), document.name()) {
        (Some(name), _) if is_dns_subdomain(name) => name.to_owned(),
        (_, "") => task_name::of_run(of),
        (_, prefix) => task_name::of_run(prefix),
    }
}

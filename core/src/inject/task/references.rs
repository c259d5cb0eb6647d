//! A Pipeline's references to the results, outputs and objects of its tasks. Tekton fails a PipelineRun that refers to a result
//! that the Task does not declare (`pkg/reconciler/pipelinerun/resources/validate_dependencies.go`), and leaves most other
//! invalid references in place as literal text.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

use crate::document::diagnostic::Part;
use crate::document::{Content, Cursor, Diagnostics, Node, Place};
use crate::results;
use crate::task::site::{DeclarationSite, kind_of};
use crate::task::step_variables::{OF_TEKTON, SKIPPED};
use crate::variable::Access;
use crate::variable::occurrence::{occurrences, parts, root};

use super::matrix;
use super::producer::{ObjectResults, Producer};

/// The fields that Tekton itself provides in `$(tasks.TASK.FIELD)` (`docs/variables.md`).
const OF_TASK: [&str; 3] = ["status", "reason", "matrix"];

/// Checks the Pipeline in `document`. `tasks` contains the known Tasks that the Pipeline may refer to. Adds an error for each
/// reference that has no value, and for each matrix whose objects have the same name. If the number of TaskRuns in the matrix
/// is not known, adds a warning instead.
pub(crate) fn find(
    document: &Node,
    tasks: &ObjectResults,
    found: &mut Diagnostics,
    warnings: &mut Diagnostics,
) {
    let root = Cursor::root(document);
    let pipeline = match kind_of(document) {
        "Pipeline" => root.field("spec"),
        "PipelineRun" => root.descend(&["spec", "pipelineSpec"]),
        _ => None,
    };
    let Some(pipeline) = pipeline else { return };
    let sites = DeclarationSite::all(document);
    let declared = sites.iter().filter(|site| site.declares());
    let sites: Sites<'_> = declared
        .filter_map(|site| Some((site.task_spec()?, site)))
        .collect();
    if tasks.is_empty() && sites.is_empty() {
        return;
    }
    of_pipeline(&pipeline, &sites, tasks, found, warnings);
}

/// The embedded tasks with a declaration, by the place of the TaskSpec.
type Sites<'a> = HashMap<&'a Place, &'a DeclarationSite<'a>>;

fn of_pipeline<'a>(
    pipeline: &Cursor<'a>,
    sites: &Sites<'a>,
    tasks: &'a ObjectResults,
    found: &mut Diagnostics,
    warnings: &mut Diagnostics,
) {
    let mut members = Members::default();
    for list in ["tasks", "finally"] {
        for item in pipeline.items_at(list, &mut Diagnostics::default()) {
            if let Some(nested) = item.field("pipelineSpec") {
                of_pipeline(&nested, sites, tasks, found, warnings);
            }
            members.add(list, item, sites, tasks);
        }
    }
    for member in &members.all {
        if let (Some(matrix), Some(producer)) = (member.item.field("matrix"), member.producer()) {
            matrix::alike(member.name, producer, &matrix, found, warnings);
        }
    }
    members.walk_pipeline(pipeline, found);
}

/// A task of a Pipeline.
struct Member<'a> {
    name: &'a str,
    item: Cursor<'a>,
    /// The declaration site, if the task is embedded.
    site: Option<&'a DeclarationSite<'a>>,
    /// The Task that the pipeline task refers to, if that Task is known.
    referred: Option<&'a Producer>,
    read: OnceCell<Option<Cow<'a, Producer>>>,
}

impl Member<'_> {
    /// Returns the task as a producer, or `None` if the task has no declaration or is not known.
    fn producer(&self) -> Option<&Producer> {
        let read = self.read.get_or_init(|| match (self.site, self.referred) {
            (Some(site), _) => Producer::of(site).map(Cow::Owned),
            (None, referred) => referred.map(Cow::Borrowed),
        });
        read.as_deref()
    }

    fn has_step(&self, name: &str) -> bool {
        let steps = self.item.node.descend(&["taskSpec", "steps"]);
        let mut steps = steps.and_then(Node::sequence).into_iter().flatten();
        steps.any(|step| step.text_of("name") == Some(name))
    }
}

/// The tasks of one Pipeline.
#[derive(Default)]
struct Members<'a> {
    all: Vec<Member<'a>>,
    /// The index of each task, by the root of its variables (`tasks` or `finally`) and its name.
    named: HashMap<(&'static str, &'a str), usize>,
    /// The indexes of the tasks that may have a declaration.
    producers: Vec<usize>,
}

/// The task that contains a variable.
#[derive(Clone, Copy)]
struct Within {
    member: usize,
    is_spec: bool,
}

/// An error and its remedy.
type Wrong = (String, String);

impl<'a> Members<'a> {
    fn add(
        &mut self,
        list: &'static str,
        item: Cursor<'a>,
        sites: &Sites<'a>,
        tasks: &'a ObjectResults,
    ) {
        let spec = item.field("taskSpec");
        let site = spec
            .as_ref()
            .and_then(|spec| sites.get(&spec.place).copied());
        let reference = item.node.present("taskRef").filter(|_| spec.is_none());
        let referred = reference.and_then(|reference| {
            let is_elsewhere = |key: &&str| reference.present(key).is_some();
            let is_task = reference.text_of("kind").is_none_or(|kind| kind == "Task");
            let version = reference.text_of("apiVersion").unwrap_or("tekton.dev/");
            (is_task
                && version.starts_with("tekton.dev/")
                && !["bundle", "resolver"].iter().any(is_elsewhere))
            .then(|| tasks.get(reference.text_of("name")?)?.as_ref())?
        });
        let name = item.node.text_of("name").unwrap_or_default();
        self.named.entry((list, name)).or_insert(self.all.len());
        if site.is_some() || referred.is_some() {
            self.producers.push(self.all.len());
        }
        self.all.push(Member {
            name,
            item,
            site,
            referred,
            read: OnceCell::new(),
        });
    }

    fn producers(&self) -> impl Iterator<Item = &Member<'a>> {
        self.producers.iter().map(|index| &self.all[*index])
    }

    fn walk_pipeline(&self, pipeline: &Cursor<'_>, found: &mut Diagnostics) {
        for (key, field) in pipeline.entries(&mut Diagnostics::default()) {
            if !["tasks", "finally"].contains(&key) && !SKIPPED.contains(&key) {
                self.walk(&field, None, found);
            }
        }
        for (member, task) in self.all.iter().enumerate() {
            for (key, field) in task.item.entries(&mut Diagnostics::default()) {
                let is_spec = key == "taskSpec";
                if !SKIPPED.contains(&key) && key != "pipelineSpec" {
                    self.walk(&field, Some(Within { member, is_spec }), found);
                }
            }
        }
    }

    fn walk(&self, cursor: &Cursor<'_>, within: Option<Within>, found: &mut Diagnostics) {
        match &cursor.node.content {
            Content::String(text) if text.contains("$(") => {
                self.text(text, cursor, within, found);
            }
            Content::Sequence(items) => {
                for (index, node) in items.iter().enumerate() {
                    self.walk(&Cursor::new(node, cursor.place.index(index)), within, found);
                }
            }
            Content::Mapping(entries) => {
                for (key, node) in entries {
                    let key = key.name.as_str();
                    if !SKIPPED.contains(&key) {
                        let inner = Cursor::new(node, cursor.place.key(key));
                        self.walk(&inner, within, found);
                    }
                }
            }
            _ => {}
        }
    }

    fn text(
        &self,
        text: &str,
        cursor: &Cursor<'_>,
        within: Option<Within>,
        found: &mut Diagnostics,
    ) {
        for one in occurrences(text) {
            if let Some((message, help)) = self.wrong(one.inner, within, found) {
                found.push_with(|_| {
                    let diagnostic = cursor.diagnostic(message).help(help);
                    diagnostic.about(Part::Offset(one.offset))
                });
            }
        }
    }

    fn wrong(&self, variable: &str, within: Option<Within>, found: &Diagnostics) -> Option<Wrong> {
        if !["tasks", "finally", "steps", "resources"].contains(&root(variable)?) {
            return None;
        }
        let parts = parts(variable)?;
        let words = parts.iter().map_while(|segment| match segment {
            Access::Key(key) => Some(key.as_str()),
            Access::Index(_) | Access::All => None,
        });
        let words: Vec<&str> = words.collect();
        match words.as_slice() {
            ["tasks", task, rest @ ..] => self.of_task("tasks", variable, task, rest, found),
            ["finally", task, rest @ ..] => self.of_task("finally", variable, task, rest, found),
            ["steps", step, rest @ ..] => self.output(variable, step, rest, within),
            ["resources", name, key, ..] => self.resource(variable, name, key, within),
            _ => None,
        }
    }

    /// Checks `$(tasks.TASK...)`.
    fn of_task(
        &self,
        root: &'static str,
        variable: &str,
        task: &str,
        rest: &[&str],
        found: &Diagnostics,
    ) -> Option<Wrong> {
        let member = &self.all[*self.named.get(&(root, task))?];
        let producer = member.producer()?;
        let template = |name: &str| producer.declaration.template(name);
        match rest {
            ["results", name, rest @ ..] => match (template(name), rest) {
                (Some(_), _) if member.item.field("matrix").is_some() => {
                    Some(matrix::lost(variable, task, name))
                }
                (Some(template), [key, ..]) => {
                    (!results::has_key(template, key)).then(|| {
                        let known = if found.is_full() {
                            Default::default()
                        } else {
                            results::keys(template)
                        };
                        let message = format!(
                            "`$({variable})`: the result '{name}' of the task '{task}' has no key '{key}'"
                        );
                        let known: Vec<&str> = known.iter().map(String::as_str).collect();
                        let help = found.suggestion(key, known.iter().copied());
                        (message, help.unwrap_or_else(|| format!("its keys are {}", known.join(", "))))
                    })
                }
                (Some(_), []) => None,
                (None, _) if producer.has_result(name) => None,
                (None, _) => {
                    let message =
                        format!("`$({variable})`: the task '{task}' has no result '{name}'");
                    let help = match producer.step_of(name) {
                        Some(step) => as_result(name, step, task),
                        None => found
                            .suggestion(name, producer.result_names())
                            .unwrap_or_else(|| format!("declare it in the results of '{task}'")),
                    };
                    Some((message, help))
                }
            },
            _ if producer.is_proposal => None,
            ["outputs", ..] if producer.has_artifacts() => None,
            [field, ..] if OF_TASK.contains(field) => None,
            ["outputs" | "resources", name, rest @ ..] | [name, rest @ ..] => {
                let message = || {
                    format!("`$({variable})` is not a Tekton variable, so Tekton would not replace it")
                };
                if template(name).is_some() {
                    Some((message(), as_object(member, name, rest.first().copied())))
                } else {
                    let step = producer.step_of(name)?;
                    Some((message(), as_result(name, step, task)))
                }
            }
            [] => None,
        }
    }

    /// Checks a `$(steps.STEP.OUTPUT)` that is used outside the Task that contains the step.
    fn output(
        &self,
        variable: &str,
        step: &str,
        rest: &[&str],
        within: Option<Within>,
    ) -> Option<Wrong> {
        let name = match rest {
            [word, ..] if OF_TEKTON.contains(word) => return None,
            ["outputs", name, ..] | [name, ..] => *name,
            [] => return None,
        };
        let spec = within.filter(|within| within.is_spec);
        if spec.is_some_and(|within| self.all[within.member].has_step(step)) {
            return None;
        }
        let member = self.producers().find(|member| {
            let producer = member.producer();
            producer
                .is_some_and(|own| !own.is_proposal && own.declaration.output(step, name).is_some())
        })?;
        let task = member.name;
        let message = format!(
            "`$({variable})`: outputs of the step '{step}' are only available in the templates of the task '{task}'"
        );
        Some((message, as_result(name, step, task)))
    }

    /// Checks a `$(resources.NAME.KEY)` that is used outside the declaration that contains the resource.
    fn resource(
        &self,
        variable: &str,
        name: &str,
        key: &str,
        within: Option<Within>,
    ) -> Option<Wrong> {
        let has = |member: &Member<'_>| {
            let producer = member.producer();
            producer.is_some_and(|own| !own.is_proposal && own.declaration.template(name).is_some())
        };
        let spec = within.filter(|within| within.is_spec);
        if spec.is_some_and(|within| has(&self.all[within.member])) {
            return None;
        }
        let member = self.producers().find(|member| has(member))?;
        let task = member.name;
        let message = format!(
            "`$({variable})`: only the templates of the task '{task}' can refer to the resource '{name}'"
        );
        Some((message, as_object(member, name, Some(key))))
    }
}

/// Returns the remedy for a reference to the output `name`.
fn as_result(name: &str, step: &str, task: &str) -> String {
    format!(
        "'{name}' is an output of the step '{step}', so only templates can refer to it; declare a result '{name}' in '{task}', have the step write it to $(results.{name}.path) too, and refer to $(tasks.{task}.results.{name})"
    )
}

/// Returns the remedy for a reference to the resource `name`.
fn as_object(member: &Member<'_>, name: &str, key: Option<&str>) -> String {
    let task = member.name;
    if member.item.field("matrix").is_some() {
        return matrix::lost("", task, name).1;
    }
    let template = member.producer();
    let template = template.and_then(|own| own.declaration.template(name));
    let has = |key: &&str| template.is_some_and(|template| results::has_key(template, key));
    let key = key.filter(has).unwrap_or("name");
    format!("write $(tasks.{task}.results.{name}.{key})")
}

//! Selects the document to run: the one named on the command line; by default the only run, Pipeline or Task.

use gleaner_core::document::Source;
use gleaner_core::task::DeclarationSite;

use super::documents::{Document, Documents};
use crate::args::Run;
use crate::values::did_you_mean;

/// Selects the document to run: the one that the options name; by default the only run, Pipeline or Task. If there are several
/// Tasks, selects the only one with a declaration.
pub(crate) fn choose<'a>(
    options: &Run,
    documents: &Documents<'a>,
    sources: &[Source],
) -> Result<Document<'a>, String> {
    let of = |kinds: &[&str]| -> Vec<Document<'a>> {
        let found = kinds.iter().flat_map(|kind| documents.of_kind(kind));
        found.collect()
    };
    let files: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let files = files.join(", ");
    let names = |found: &[Document<'_>]| {
        let names: Vec<String> = found
            .iter()
            .map(|one| {
                let title = one.title();
                let same = found.iter().filter(|other| other.title() == title);
                if same.count() > 1 {
                    format!("{title} at {} (rename it)", one.position())
                } else {
                    title
                }
            })
            .collect();
        names.join(", ")
    };
    let named = |kinds: &[&str], what: &str, name: &str| {
        let all = of(kinds);
        let is_named = |one: &&Document<'_>| one.given_name() == Some(name);
        let mut found: Vec<_> = all.iter().filter(is_named).collect();
        if found.is_empty() {
            found = all.iter().filter(|one| one.name() == name).collect();
        }
        match found.as_slice() {
            [one] => Ok(**one),
            [] => {
                let help = did_you_mean(name, all.iter().map(Document::name));
                Err(format!("{files}: no {what} '{name}'{help}"))
            }
            several => {
                let several: Vec<String> = several
                    .iter()
                    .map(|one| format!("{} at {}", one.title(), one.position()))
                    .collect();
                Err(format!(
                    "several {what}s are named '{name}': {}",
                    several.join(", ")
                ))
            }
        }
    };
    match (&options.task.task, &options.run) {
        (Some(task), _) => return named(&["Task"], "Task", task),
        (None, Some(run)) => return named(&["TaskRun", "PipelineRun"], "run", run),
        (None, None) => {}
    }
    let (runs, tasks) = (of(&["TaskRun", "PipelineRun"]), of(&["Task"]));
    let declares = |task: &&Document<'_>| {
        let mut sites = DeclarationSite::all(task.node).into_iter();
        sites.any(|site| site.declares())
    };
    let declaring: Vec<&Document<'a>> = tasks.iter().filter(declares).collect();
    match (runs.as_slice(), declaring.as_slice()) {
        // A run in an old syntax cannot be executed untranslated, but a Task in that syntax can, so run the Task alone.
        ([run], [only]) if is_old(run) => return Ok(**only),
        ([run], _) => return Ok(*run),
        ([_, ..], _) => {
            let names = names(&runs);
            return Err(format!(
                "{files}: found several runs; select one with --run: {names}"
            ));
        }
        ([], _) => {}
    }
    let pipelines = of(&["Pipeline"]);
    match (tasks.as_slice(), declaring.as_slice(), pipelines.as_slice()) {
        (_, [task], [pipeline]) if is_old(pipeline) => Ok(**task),
        (_, _, [only]) => Ok(*only),
        ([only], _, []) => Ok(*only),
        (_, [only], []) => Ok(**only),
        ([], _, []) => Err(format!(
            "{files}: found no Task, Pipeline or run; use -f to pass a file that contains one"
        )),
        (_, _, []) => {
            let names: Vec<&str> = tasks.iter().map(Document::name).collect();
            let names = names.join(", ");
            Err(format!(
                "{files}: found several Tasks; select one with --task: {names}"
            ))
        }
        _ => Err(format!(
            "{files}: found several Pipelines and no run: {}; add a PipelineRun",
            names(&pipelines)
        )),
    }
}

/// Returns true if the run or Pipeline uses the proposal's syntax, or the syntax of an early Tekton version that supported
/// PipelineResources.
pub(crate) fn is_old(run: &Document<'_>) -> bool {
    let spec = run.node.present("spec");
    spec.is_some_and(|spec| {
        ["resources", "inputs", "outputs"]
            .iter()
            .any(|key| spec.present(key).is_some())
    })
}

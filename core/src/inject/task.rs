//! Turns a Task that declares outputs into a Task that any version of Tekton can run.
//!
//! The injected spec is self-contained: for a remote Task, Tekton keeps the mutated spec and discards the metadata
//! (`pkg/reconciler/taskrun/resources/taskref.go`).
//!
//! | module | contents |
//! | --- | --- |
//! | [`sidecar`](self) | the Tekton sidecar `gleaner`, whose arguments contain the declaration, the parameters and the context |
//! | `ahead` | injection into the steps of the TaskSpec itself, for pods without a webhook |
//! | [`checked`] | the checks before injection |
//! | `results` | the object results that Gleaner adds, one for each resource |
//! | `forecast` | warnings about results that may not fit |
//! | `finish_step` | the added step that finishes a run if the last step cannot |
//! | `obstacles` | names and mounts that conflict with Gleaner's |
//! | `matrix` | objects and object results of a task with a matrix |
//! | [`producer`] | the results, outputs and objects of a task, as other tasks see them |
//! | [`references`] | a Pipeline's references to its tasks |
//! | `removal` | removes Gleaner from a TaskSpec |
//! | `task_specs` | the TaskSpecs in a Pipeline or run |

mod ahead;
pub(crate) mod checked;
mod finish_step;
mod forecast;
mod matrix;
mod obstacles;
pub mod producer;
pub(crate) mod references;
mod removal;
mod results;
mod sidecar;
mod task_specs;

use std::collections::{HashMap, HashSet};

use crate::declaration::{DECLARATION_MAX, Declaration};
use crate::document::diagnostic::Diagnostic;
use crate::document::{Diagnostics, Node, Place};
use crate::finish::Finish;
use crate::task::DeclarationSite;
use serde_json::Value;

use crate::inject::outcome::{Changed, Outcome, Refusal, Skip};
use crate::inject::settings::Settings;
use crate::inject::{list, port, stray};

use checked::Checked;
pub(crate) use removal::{is_complete, is_incomplete, remove};
pub use sidecar::Placement;
use task_specs::{Host, Hosts};

/// The admission operation on an object.
#[derive(Debug, Clone, Copy)]
pub enum Operation<'a> {
    /// Creation.
    Create,
    /// An update.
    Update {
        /// The previous object.
        old: &'a Value,
    },
}

/// Injects into every TaskSpec that has a declaration, and removes Gleaner from every TaskSpec that no longer has a declaration.
/// `object` is a Task, TaskRun, Pipeline or PipelineRun in the API group `tekton.dev`.
///
/// The spec of a run is not changed on UPDATE: Tekton rejects any change to it (`taskrun_validation.go`, `ValidateUpdate`).
///
/// # Errors
/// Returns the errors found in the declarations.
pub fn inject(
    object: &Value,
    operation: Operation<'_>,
    settings: &Settings,
) -> Result<Outcome, Refusal> {
    inject_for(object, operation, settings, Placement::Webhook)
}

/// Like [`inject`], but for the given placement.
///
/// # Errors
/// Fails in the same cases as [`inject`].
pub fn inject_for(
    object: &Value,
    operation: Operation<'_>,
    settings: &Settings,
    placement: Placement,
) -> Result<Outcome, Refusal> {
    let Some(kind) = task_specs::Kind::of(object) else {
        return Ok(Outcome::Skipped(Skip::Kind));
    };
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        return Ok(Outcome::Skipped(Skip::Deleting));
    }
    let old = match operation {
        Operation::Update { .. } if kind.is_run() => return Ok(Outcome::Skipped(Skip::RunUpdate)),
        Operation::Update { old } => task_specs::declaring(&Node::from(old)).hosts,
        Operation::Create => Vec::new(),
    };
    let node = Node::from(object);
    let Hosts { mut hosts, bytes } = task_specs::declaring(&node);
    bounded(&hosts, bytes)?;
    // Stray annotations on a run that a controller created are not reported, because Tekton copied them from another object.
    let is_by_person = !list::has_controller(object);
    let mut found = Diagnostics::default();
    let mut warnings = Diagnostics::default();
    if is_by_person || placement != Placement::Webhook {
        let earlier = match operation {
            Operation::Update { old } => stray::places(&Node::from(old)),
            Operation::Create => HashSet::new(),
        };
        stray::find(&node, &earlier, &mut found);
        let tasks = producer::ObjectResults::new();
        references::find(&node, &tasks, &mut found, &mut warnings);
    } else if task_specs::is_annotated(object) && !kind.has_task_spec(object) && hosts.is_empty() {
        return Ok(Outcome::Skipped(Skip::ByReference));
    }
    if hosts.is_empty() && !found.is_empty() {
        return Err(found.into_vec().into());
    }
    if placement == Placement::Webhook {
        // Two kinds of specs are not injected again: complete specs, which were injected ahead of time, and injected specs in a
        // TaskRun that belongs to a PipelineRun. There, the original spec cannot be recovered, because Tekton has substituted
        // values.
        let is_done = |spec: &Value| {
            removal::is_complete(spec)
                || (kind == task_specs::Kind::TaskRun
                    && task_specs::is_of_pipeline_run(object)
                    && removal::is_injected(spec))
        };
        let before = hosts.len();
        hosts.retain(|host| !object.pointer(&host.place.pointer()).is_some_and(is_done));
        if hosts.is_empty() && before > 0 {
            return Ok(Outcome::Skipped(Skip::Done));
        }
    }
    let mut injected = object.clone();
    // Tasks are matched by title, because an update may change the order of a Pipeline's tasks.
    let titles: HashSet<&str> = hosts.iter().map(|host| host.title.as_str()).collect();
    let mut lost = old
        .iter()
        .filter(|old| !titles.contains(old.title.as_str()))
        .peekable();
    let places = match lost.peek() {
        Some(_) => task_specs::by_title(&node),
        None => HashMap::new(),
    };
    let lost = lost.filter_map(|old| places.get(&old.title));
    for place in hosts.iter().map(|host| &host.place).chain(lost) {
        injected.pointer_mut(&place.pointer()).map(removal::remove);
    }
    if hosts.is_empty() && injected == *object {
        return Ok(Outcome::Skipped(Skip::NotAsked));
    }
    if kind == task_specs::Kind::TaskRun && !task_specs::is_of_pipeline_run(object) {
        task_specs::forget_pipeline_run(&mut injected);
    }
    let node = if injected == *object {
        node
    } else {
        drop(node);
        Node::from(&injected)
    };
    let mut warnings = warnings.into_vec();
    if !hosts.is_empty() {
        found.extend(obstacles::of_run(&injected, &hosts));
    }
    for carrier in DeclarationSite::all(&node) {
        let Some(place) = carrier.task_spec() else {
            continue;
        };
        if hosts.iter().any(|host| host.place == *place) {
            match inject_host(&carrier, place, &mut injected, settings, placement) {
                Ok(some) => warnings.extend(some),
                Err(wrong) => found.extend(wrong),
            }
        }
    }
    found.finish(())?;
    Ok(if injected == *object {
        Outcome::Skipped(Skip::Done)
    } else {
        Outcome::Changed(Changed {
            object: injected,
            warnings,
        })
    })
}

/// The maximum number of TaskSpecs in one object that may have a declaration. Without a limit, one object could take too much
/// time and memory, because each TaskSpec may refer to all parameters of the Pipeline.
const HOSTS_MAX: usize = 100;

/// Rejects an object that has too many declarations, or declarations that are too large in total.
fn bounded(hosts: &[Host], bytes: usize) -> Result<(), Refusal> {
    let diagnostic = if bytes > DECLARATION_MAX {
        Declaration::too_large("the declarations of this object total", bytes)
    } else if hosts.len() > HOSTS_MAX {
        let count = hosts.len();
        let message = format!(
            "{count} tasks of this object declare outputs, but at most {HOSTS_MAX} are allowed"
        );
        Diagnostic::new(Place::root(), None, message)
            .help("move them to separate Tasks, and refer to those with taskRef")
    } else {
        return Ok(());
    };
    Err(Refusal::new(diagnostic))
}

/// Injects into the TaskSpec at one declaration site. Returns warnings about constructs that are allowed but probably not
/// intended.
fn inject_host(
    site: &DeclarationSite<'_>,
    place: &Place,
    injected: &mut Value,
    settings: &Settings,
    placement: Placement,
) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let Some(spec) = injected.pointer(&place.pointer()) else {
        return Ok(Vec::new());
    };
    let metadata = task_specs::metadata_of(injected, place);
    let Some(checked) = checked::check(site, spec, metadata, settings, placement)? else {
        return Ok(Vec::new());
    };
    let resources = task_specs::resources_field(injected);
    let spec = injected.pointer_mut(&place.pointer());
    let spec = spec.expect("invariant: it was found above");
    let Checked {
        declared,
        spec: read,
        finish,
        settings,
        messages,
        warnings,
    } = checked;
    let declaration = &declared.declaration;
    let mut sidecar = sidecar::sidecar(
        &declared, &read, finish, &settings, placement, &messages, resources,
    );
    if finish == Finish::OwnStep {
        let step = finish_step::step(&settings, resources, declaration.answer_timeout());
        list::push(spec, "steps", step);
    }
    if let Placement::AheadOfTime(_) = placement {
        let lists = ["steps", "sidecars"].into_iter();
        let flag = port::flag(lists.flat_map(|list| list::items(spec, list)));
        if let (Some(flag), Value::Array(args)) = (flag, &mut sidecar["args"]) {
            args.insert(0, flag.into());
        }
    }
    list::push(spec, "sidecars", sidecar);
    results::add(spec, &declared.declaration);
    if let Placement::AheadOfTime(_) = placement {
        ahead::wrap_steps(spec, &read, &declared.declaration, finish, &messages, place)?;
    }
    Ok(warnings)
}

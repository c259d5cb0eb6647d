//! A Task that asks for Gleaner becomes one that any Tekton can run.
//!
//! What is injected is sufficient by itself: of a remote Task, Tekton keeps the mutated spec and throws away the metadata
//! (`pkg/reconciler/taskrun/resources/taskref.go`).
//!
//! | module | holds |
//! | --- | --- |
//! | [`sidecar`](self) | the Tekton sidecar `gleaner`, whose arguments carry declaration, parameters and context |
//! | `ahead` | steps wrapped in the TaskSpec itself, where there is no webhook for the pod |
//! | [`checked`] | the checks that come before anything is injected |
//! | `results` | one object result for each output resource |
//! | `forecast` | the room for results, as far as it can be foreseen |
//! | `finish_step` | the step of Gleaner's own that finishes a run where the last step cannot |
//! | `obstacles` | what stands in the way: names, mounts |
//! | [`matrix`] | object results out of a matrix, which are lost |
//! | `removal` | takes Gleaner out of a TaskSpec again |
//! | `task_specs` | the TaskSpecs in a Pipeline or run |

mod ahead;
pub(crate) mod checked;
mod finish_step;
mod forecast;
pub mod matrix;
mod obstacles;
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
pub(crate) use removal::remove;
pub use sidecar::Placement;
use task_specs::{Host, Hosts};

/// What is done to an object.
#[derive(Debug, Clone, Copy)]
pub enum Operation<'a> {
    /// It is created.
    Create,
    /// It takes the place of this one.
    Update {
        /// The object as it was.
        old: &'a Value,
    },
}

/// Injects every TaskSpec in `object` (a Task, TaskRun, Pipeline or PipelineRun of `tekton.dev`) that has a declaration
/// beside it, and takes Gleaner out of those that have lost theirs.
///
/// The spec of a run is left alone on UPDATE: Tekton refuses any change of it (`taskrun_validation.go`, `ValidateUpdate`).
///
/// # Errors
/// Everything that is wrong with the declarations.
pub fn inject(
    object: &Value,
    operation: Operation<'_>,
    settings: &Settings,
) -> Result<Outcome, Refusal> {
    inject_for(object, operation, settings, Placement::Webhook)
}

/// As [`inject`], for a given way into the pod.
///
/// # Errors
/// As [`inject`].
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
    // Tekton passes annotations down to the runs that its controllers create.
    let is_by_person = !list::has_controller(object);
    let mut found = Diagnostics::default();
    if is_by_person || placement != Placement::Webhook {
        let earlier = match operation {
            Operation::Update { old } => stray::places(&Node::from(old)),
            Operation::Create => HashSet::new(),
        };
        stray::find(&node, &earlier, &mut found);
        matrix::find(&node, &matrix::ObjectResults::new(), &mut found);
    } else if task_specs::is_annotated(object) && !kind.has_task_spec(object) && hosts.is_empty() {
        return Ok(Outcome::Skipped(Skip::ByReference));
    }
    if hosts.is_empty() && !found.is_empty() {
        return Err(found.into_vec().into());
    }
    if placement == Placement::Webhook {
        // One that is complete was injected ahead of time. One that a PipelineRun has made of its own injected spec holds values
        // that Tekton has put in, and which are not to be had again.
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
    // A Pipeline's tasks may have changed places since.
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
    let mut warnings = Vec::new();
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

/// The most TaskSpecs of one object that have a declaration beside them. Each may refer to all parameters of the Pipeline.
const HOSTS_MAX: usize = 100;

/// Refuses more declarations than are read of one object.
fn bounded(hosts: &[Host], bytes: usize) -> Result<(), Refusal> {
    let diagnostic = if bytes > DECLARATION_MAX {
        Declaration::too_large("the declarations of this object have", bytes)
    } else if hosts.len() > HOSTS_MAX {
        let count = hosts.len();
        let message = format!("{count} tasks here declare outputs; at most {HOSTS_MAX} are read");
        Diagnostic::new(Place::root(), None, message)
            .help("make Tasks of their own of them, and refer to those with taskRef")
    } else {
        return Ok(());
    };
    Err(Refusal::new(diagnostic))
}

/// Returns warnings about what is allowed and probably not meant.
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

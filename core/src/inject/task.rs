//! A Task that asks for Gleaner becomes one that any Tekton can run.
//!
//! What is woven is sufficient by itself: of a remote Task, Tekton keeps the mutated spec and throws away the metadata
//! (`pkg/reconciler/taskrun/resources/taskref.go`).
//!
//! | module | holds |
//! | --- | --- |
//! | [`sidecar`](self) | the Tekton sidecar `gleaner`, whose arguments carry declaration, parameters and context |
//! | `ahead` | steps wrapped in the TaskSpec itself, where there is no webhook for the pod |
//! | `results` | one object result for each output resource |
//! | `forecast` | the room for results, as far as it can be foreseen |
//! | `finish_step` | the step of Gleaner's own that finishes a run where the last step cannot |
//! | `obstacles` | what stands in the way: names, mounts |
//! | `removal` | takes Gleaner out of a TaskSpec again |
//! | `task_specs` | the TaskSpecs in a Pipeline or run |

mod ahead;
mod finish_step;
mod forecast;
mod obstacles;
mod removal;
mod results;
mod sidecar;
mod task_specs;

use std::collections::{HashMap, HashSet};

use crate::declaration::{DECLARATION_MAX, Declaration};
use crate::document::diagnostic::Diagnostic;
use crate::document::{Cursor, Diagnostics, Live, Node, Place};
use crate::finish::Finish;
use crate::task::DeclarationSite;
use gleaner_proto::kubernetes::annotation;
use serde_json::Value;

use crate::inject::outcome::{Changed, Outcome, Refusal, Skip};
use crate::inject::settings::Settings;
use crate::inject::{list, port, shape};

pub use forecast::warnings;
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

/// Weaves every TaskSpec in `object` (a Task, TaskRun, Pipeline or PipelineRun of `tekton.dev`) that has a declaration
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
    let elsewhere = task_specs::is_annotated(object) && !kind.has_task_spec(object);
    match placement {
        Placement::AheadOfTime(_) if elsewhere => return Err(Refusal::new(not_beside_a_task())),
        Placement::Webhook if elsewhere && kind.is_run() && hosts.is_empty() => {
            return Ok(Outcome::Skipped(Skip::ByReference));
        }
        _ => {}
    }
    if placement == Placement::Webhook {
        // One that is complete was injected ahead of time. One that a PipelineRun has made of its own woven spec holds values
        // that Tekton has put in, and which are not to be had again.
        let is_done = |spec: &Value| {
            removal::is_complete(spec)
                || (kind == task_specs::Kind::TaskRun
                    && task_specs::is_of_pipeline_run(object)
                    && removal::is_woven(spec))
        };
        let before = hosts.len();
        hosts.retain(|host| !object.pointer(&host.place.pointer()).is_some_and(is_done));
        if hosts.is_empty() && before > 0 {
            return Ok(Outcome::Skipped(Skip::Done));
        }
    }
    let mut woven = object.clone();
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
        woven.pointer_mut(&place.pointer()).map(removal::remove);
    }
    if hosts.is_empty() && woven == *object {
        return Ok(Outcome::Skipped(Skip::NotAsked));
    }
    if kind == task_specs::Kind::TaskRun && !task_specs::is_of_pipeline_run(object) {
        task_specs::forget_pipeline_run(&mut woven);
    }
    let node = if woven == *object {
        node
    } else {
        drop(node);
        Node::from(&woven)
    };
    let mut found = Diagnostics::default();
    let mut warnings = Vec::new();
    for carrier in DeclarationSite::all(&node) {
        let Some(place) = carrier.task_spec() else {
            continue;
        };
        if hosts.iter().any(|host| host.place == *place) {
            match weave_host(&carrier, place, &mut woven, settings, placement) {
                Ok(warning) => warnings.extend(warning),
                Err(wrong) => found.extend(wrong),
            }
        }
    }
    found.finish(())?;
    Ok(if woven == *object {
        Outcome::Skipped(Skip::Done)
    } else {
        Outcome::Changed(Changed {
            object: woven,
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

/// An annotation that only reaches the pods, where nothing would read it without a webhook.
fn not_beside_a_task() -> Diagnostic {
    let place = Place::of_annotation(annotation::OUTPUTS);
    let message = "there is no taskSpec beside the annotation, and without a webhook nothing would come of it";
    Diagnostic::new(place, None, message).help(
        "put it on the Task, or below spec.tasks[].taskSpec.metadata.annotations of the Pipeline",
    )
}

/// Returns a warning if the results will be short of room.
fn weave_host(
    carrier: &DeclarationSite<'_>,
    place: &Place,
    woven: &mut Value,
    settings: &Settings,
    placement: Placement,
) -> Result<Option<Diagnostic>, Vec<Diagnostic>> {
    let tree = Node::from(&*woven);
    let spec = tree
        .find(place)
        .map(|spec| Cursor::new(spec, place.clone()));
    let mut misshapen = Diagnostics::default();
    spec.iter()
        .for_each(|spec| shape::task(spec, &mut misshapen));
    misshapen.finish(())?;
    let Some(declared) = carrier.declaration(&Live)? else {
        return Ok(None);
    };
    let refused = settings.kinds.check(&declared.declaration);
    if !refused.is_empty() {
        return Err(refused);
    }
    let metadata = task_specs::metadata_of(woven, place);
    let settings = settings.with_annotations(metadata)?;
    let resources = task_specs::resources_field(woven);
    let spec = woven.pointer_mut(&place.pointer());
    let Some(spec) = spec.filter(|spec| spec.is_object()) else {
        return Ok(None);
    };
    let Some(read) = &declared.task else {
        return Ok(None);
    };
    let finish = Finish::of(&read.steps);
    let mut wrong = Diagnostics::default();
    wrong.extend(obstacles::all(spec, finish, place));
    wrong.extend(results::conflicts(spec, &declared.declaration, place));
    let declaration = &declared.declaration;
    let messages = forecast::messages(spec, declaration, finish, placement.results_from());
    let warning = forecast::warning(spec, declaration, &messages, place);
    let mut sidecar = sidecar::sidecar(
        &declared, read, finish, &settings, placement, &messages, resources,
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
        let wrapped =
            ahead::wrap_steps(spec, read, &declared.declaration, finish, &messages, place);
        wrong.extend(wrapped.err().into_iter().flatten());
    }
    wrong.finish(warning)
}

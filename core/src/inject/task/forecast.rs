//! Warns, when a Task is applied, if its results may be too large for the termination message.

use gleaner_termination::Share;
use serde_json::Value;

use crate::declaration::Declaration;
use crate::document::Place;
use crate::document::diagnostic::Diagnostic;
use crate::finish::Finish;
use crate::inject::list;
use crate::inject::messages::{OfTask, ResultsFrom};
use crate::render::{self, Attempts, Bounds, OBJECT_MAX, Secrecy, Size, Values};
use crate::results::{self, Results, Room};
use crate::run::Run;

/// The limits on rendering for a forecast: references between resources can make the objects of a short declaration very large.
const RENDERED: Bounds = Bounds {
    object: OBJECT_MAX,
    total: Size {
        json: 16 << 20,
        memory: u64::MAX,
    },
};

/// The assumed length of a variable's value, in bytes: a digest with its algorithm is 71 bytes long, but a version is much
/// shorter.
const VALUE: usize = 48;

/// Describes the termination messages of a TaskSpec before injection.
pub(super) fn messages(
    spec: &Value,
    declaration: &Declaration,
    finish: Finish,
    results_from: ResultsFrom,
) -> OfTask {
    let names = declaration.templates.iter();
    let names = names.map(|template| template.name.as_str());
    OfTask::new(spec, finish.containers(), names, results_from)
}

/// If the results of the TaskSpec at `place` may not fit, returns a warning. The TaskSpec must not be injected yet.
pub(super) fn warning(
    spec: &Value,
    declaration: &Declaration,
    messages: &OfTask,
    place: &Place,
) -> Option<Diagnostic> {
    let share = messages.share()?;
    of_resources(declaration, share, place).or_else(|| of_task(spec, declaration, share, place))
}

/// Returns a warning if the Task declares results itself and Gleaner leaves less space for these results.
fn of_task(
    spec: &Value,
    declaration: &Declaration,
    share: Share,
    place: &Place,
) -> Option<Diagnostic> {
    let mut own = list::items(spec, "results").iter();
    let has_own = own.any(|result| {
        let name = result["name"].as_str().unwrap_or_default();
        result["value"].is_null() && declaration.template(name).is_none()
    });
    let (room, without) = (share.room(), share.room_without());
    (has_own && room < without).then(|| {
        let message = format!(
            "a step's results are limited to {room} bytes in total instead of {without}, because Gleaner adds a container"
        );
        Diagnostic::new(place.key("results"), None, message).help(REMEDY)
    })
}

const REMEDY: &str =
    "set Tekton's feature flag results-from to sidecar-logs if the results need more space";

/// Returns a warning if the results of the resources will not fit, or will fit only with empty fields.
fn of_resources(declaration: &Declaration, share: Share, place: &Place) -> Option<Diagnostic> {
    let room = Room::new(share);
    let place = place.key("results");
    // This first estimate omits the objects' names, which are known only after rendering. If there are very many objects, their
    // results do not fit even without names.
    let nameless = declaration.templates.iter();
    let nameless = nameless.map(|template| {
        let resource = template.name.to_string();
        (resource, results::smallest(template, ""))
    });
    if let Some(warning) = do_not_fit(room, &nameless.collect(), &place) {
        return Some(warning);
    }
    let mut run = Run::default();
    run.context.insert("task.name".to_owned(), String::new());
    let none = Values::default();
    let secrecy = Secrecy::Masked;
    match render::measure(declaration, &none, &run, secrecy, &RENDERED, None) {
        Err(too_large) if too_large.resource.is_some() => {
            let warning = Diagnostic::new(place, None, too_large.to_string());
            return Some(warning.help(too_large.remedy()));
        }
        // Together, the objects are too large to render for a forecast, so there is no warning about their results.
        Err(_) => return None,
        Ok(_) => {}
    }
    let (rendered, _) = render::preview(declaration, &none, &run, &Attempts::new(), secrecy);
    let mut smallest = Results::new();
    let mut probable = Results::new();
    for one in &rendered {
        let resource = one.resource.as_str();
        let template = declaration.template(resource)?;
        let metadata = &one.object["metadata"];
        let name = match (&metadata["name"], &metadata["generateName"]) {
            (Value::String(name), _) => assumed(name, 1),
            (_, prefix) => format!(
                "{}{}",
                assumed(prefix.as_str()?, 1),
                "x".repeat(render::SUFFIX)
            ),
        };
        let least = results::smallest(template, &name);
        let mut fields = results::rendered_fields(template, &one.object);
        let declared = template
            .results
            .keys()
            .map(|key| (key.clone(), "x".repeat(VALUE).into()));
        fields.extend(declared);
        for value in fields.values_mut() {
            if let Value::String(text) = value {
                *text = assumed(text, VALUE);
            }
        }
        let mut whole = least.clone();
        whole.extend(
            fields
                .into_iter()
                .filter(|(key, _)| !results::is_given(key)),
        );
        smallest.insert(resource.to_owned(), least);
        probable.insert(resource.to_owned(), whole);
    }
    if let Some(warning) = do_not_fit(room, &smallest, &place) {
        return Some(warning);
    }
    let bytes = room.size_with(&probable).bytes();
    (!probable.is_empty() && bytes > share.room()).then(|| {
        let message = format!(
            "result fields will probably be left empty: they take about {bytes} bytes, but only {} fit",
            share.room()
        );
        Diagnostic::new(place, None, message).help(REMEDY)
    })
}

/// Returns a warning if even the `smallest` results do not fit.
fn do_not_fit(room: Room, smallest: &Results, place: &Place) -> Option<Diagnostic> {
    let bytes = room.size_with(smallest).bytes();
    (!smallest.is_empty() && bytes > room.share.room()).then(|| {
        let message = format!(
            "the results of {} resources take at least {bytes} bytes, but only {} fit: runs would fail with exit code 73",
            smallest.len(),
            room.share.room()
        );
        Diagnostic::new(place, None, message).help(results::DoesNotFit::REMEDY)
    })
}

/// Returns `text` with each variable replaced by `bytes` letters.
fn assumed(text: &str, bytes: usize) -> String {
    let mut parts = text.split("$(");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        whole += &"x".repeat(bytes);
        whole += part.split_once(')').map_or("", |(_, rest)| rest);
    }
    whole
}

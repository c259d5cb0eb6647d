//! Annotations that resemble Gleaner's but have no effect: misspelled, misplaced, or on an object of another kind.

mod key;

use std::collections::{HashMap, HashSet};

use crate::document::diagnostic::{Diagnostic, Part};
use crate::document::{Content, Cursor, Diagnostics, Node, Place};
use crate::kinds;
use crate::task::DeclarationSite;
use crate::task::site::{TEKTON, kind_of};
use gleaner_proto::kubernetes::annotation;

use key::Likeness;

/// Maps that are not searched, because their keys are a user's own data.
const DATA: [&str; 9] = [
    "data",
    "stringData",
    "binaryData",
    "matchLabels",
    "nodeSelector",
    "selector",
    "resourceTemplate",
    "resourcetemplates",
    "properties",
];
/// The keys of a declaration, which belong inside the text of the annotation.
const OF_DECLARATION: [&str; 5] = ["steps", "resources", "objects", "submit", "preflight"];

/// Adds an error for each annotation in `document` that has no effect, except those at the places in `earlier`.
pub(crate) fn find(document: &Node, earlier: &HashSet<Place>, found: &mut Diagnostics) {
    let search = Search::new(document);
    search.walk(&Cursor::root(document), &mut |diagnostic, is_carried| {
        if !is_carried && !earlier.contains(&diagnostic.place) {
            found.push(diagnostic);
        }
    });
    if document.sequence().is_some() && !found.is_empty() {
        *found = Diagnostics::default();
        let message = "the document is a list, which is not a Kubernetes object";
        let help = "separate the objects with '---', or put the list under 'items' of apiVersion: v1, kind: List";
        found.refuse(&Cursor::root(document), message, help);
    }
}

/// Returns a warning for each annotation in `document` that has an effect only if another program copies it to a Task or pod:
/// from an object of a kind that the program defines, or from a patch.
pub(crate) fn carried(document: &Node) -> Vec<Diagnostic> {
    let mut found = Diagnostics::default();
    let search = Search::new(document);
    search.walk(&Cursor::root(document), &mut |diagnostic, is_carried| {
        if is_carried {
            found.push(diagnostic);
        }
    });
    found.into_vec()
}

/// Returns the places of the annotations that [`find`] and [`carried`] report.
pub(crate) fn places(document: &Node) -> HashSet<Place> {
    let mut places = HashSet::new();
    let search = Search::new(document);
    search.walk(&Cursor::root(document), &mut |diagnostic, _| {
        places.insert(diagnostic.place);
    });
    places
}

struct Search<'a> {
    document: &'a Node,
    /// The metadata in which Gleaner reads annotations, by place. The value is true if that metadata contains a declaration.
    read: HashMap<Place, bool>,
    /// The place of the metadata where a misplaced annotation belongs.
    right: Option<Place>,
}

impl<'a> Search<'a> {
    fn new(document: &'a Node) -> Self {
        let sites = DeclarationSite::all(document).into_iter();
        let sites: Vec<_> = sites.filter(DeclarationSite::is_read).collect();
        let right = sites.first().map(|site| site.metadata().clone());
        let read = sites
            .iter()
            .map(|site| (site.metadata().clone(), site.declares()))
            .collect();
        Self {
            document,
            read,
            right,
        }
    }

    /// Reports annotations that have no effect; the flag passed to `report` is true for those that another program may copy.
    fn walk(&self, cursor: &Cursor<'_>, report: &mut impl FnMut(Diagnostic, bool)) {
        match &cursor.node.content {
            Content::Sequence(items) => {
                for (index, node) in items.iter().enumerate() {
                    self.walk(&Cursor::new(node, cursor.place.index(index)), report);
                }
            }
            Content::Mapping(entries) => {
                let map = Map::at(&cursor.place);
                if map == Map::Annotations {
                    check_own(cursor, &mut |diagnostic| report(diagnostic, false));
                }
                for (key, node) in entries {
                    if let Some(likeness) = key::likeness(&key.name) {
                        let carried = self.carried(&key.name, likeness, map, &cursor.place);
                        let is_carried = carried.is_some();
                        let refused = || self.refused(&key.name, likeness, map, &cursor.place);
                        if let Some((message, help)) = carried.or_else(refused) {
                            let place = cursor.place.key(&key.name);
                            let diagnostic = Diagnostic::new(place, Some(key.at), message);
                            report(diagnostic.help(help).about(Part::Key), is_carried);
                            continue;
                        }
                    }
                    let is_data = map == Map::Other && DATA.contains(&key.name.as_str())
                        || is_of_the_cluster(&cursor.place, &key.name);
                    let is_structure =
                        matches!(node.content, Content::Sequence(_) | Content::Mapping(_));
                    if is_structure && !is_data {
                        self.walk(&Cursor::new(node, cursor.place.key(&key.name)), report);
                    }
                }
            }
            _ => {}
        }
    }

    /// Returns a warning and its remedy for an annotation that Gleaner does not read here, but that another program may copy to
    /// an object where Gleaner reads it.
    fn carried(
        &self,
        key: &str,
        likeness: Likeness,
        map: Map,
        place: &Place,
    ) -> Option<(String, String)> {
        if likeness != Likeness::Known || map == Map::Labels {
            return None;
        }
        let help = "check the resulting objects with `gleaner lint`".to_owned();
        let kind = self.document.text_of("kind").unwrap_or_default();
        let version = self.document.text_of("apiVersion").unwrap_or_default();
        let is_tekton = TEKTON.iter().any(|known| known.eq_ignore_ascii_case(kind));
        if self.right.is_none() && !is_tekton && kinds::is_foreign(version) {
            let message = format!(
                "Gleaner does not read '{key}' here, so it has an effect only if the controller of {kind} copies it to a Task or pod"
            );
            return Some((message, help));
        }
        let owner = place.parent()?.parent()?;
        let is_patch = match owner.is_root() {
            true => kind_of(self.document) == "Task",
            false => owner.ends_with(&["template"]),
        };
        let has_spec = self.document.find(&owner)?.get("spec").is_some();
        (map == Map::Annotations && is_patch && !has_spec).then(|| {
            let message = format!(
                "the object has no spec here, so the declaration in '{key}' is not checked"
            );
            (message, help)
        })
    }

    /// Returns the reason why the key in a map at `place` has no effect, and the remedy.
    fn refused(
        &self,
        key: &str,
        likeness: Likeness,
        map: Map,
        place: &Place,
    ) -> Option<(String, String)> {
        let metadata = place.parent();
        let is_read = || metadata.as_ref().and_then(|place| self.read.get(place));
        match (likeness, map) {
            (Likeness::OfCreated, Map::Annotations) | (Likeness::Injection, Map::Labels) => None,
            (Likeness::Injection, _) => Some((
                format!("'{key}' has no effect here, because it must be a label"),
                "put it into metadata.labels".to_owned(),
            )),
            (Likeness::Known, Map::Annotations) => match is_read() {
                Some(true) => None,
                Some(false) if key == annotation::OUTPUTS => Some((
                    format!("the annotation '{key}' is empty"),
                    format!("add the declaration as a block scalar: {key}: |"),
                )),
                Some(false) => Some((
                    format!("'{key}' has no effect without declared outputs"),
                    format!(
                        "add the annotation {}, or remove this one",
                        annotation::OUTPUTS
                    ),
                )),
                None => Some((
                    format!("the annotation '{key}' has no effect here"),
                    self.remedy(),
                )),
            },
            (Likeness::Misspelt(right), Map::Annotations) => Some((
                format!("unknown annotation '{key}'"),
                format!("did you mean '{right}'?"),
            )),
            (Likeness::Unknown, Map::Annotations) => Some((
                format!("unknown annotation '{key}'"),
                format!("expected one of: {}", key::KNOWN.join(", ")),
            )),
            (Likeness::Known | Likeness::Misspelt(_), Map::Labels) => Some((
                format!("'{key}' must be an annotation, not a label"),
                "put it into metadata.annotations".to_owned(),
            )),
            (Likeness::Known | Likeness::Misspelt(_), Map::Other) => Some((
                format!("'{key}' has no effect here, because it is not under metadata.annotations"),
                self.remedy(),
            )),
            (Likeness::OfCreated | Likeness::Unknown, _) => None,
        }
    }

    /// Returns the remedy for a misplaced annotation: the place where Gleaner would read it, or a correction of the kind or
    /// `apiVersion`.
    fn remedy(&self) -> String {
        let kind = self.document.text_of("kind").unwrap_or_default();
        let version = self.document.text_of("apiVersion").unwrap_or_default();
        let known = [&TEKTON[..], &["Pod"]].concat();
        let meant = known.iter().find(|known| known.eq_ignore_ascii_case(kind));
        if let Some(right) = &self.right
            && !matches!(kind_of(self.document), "Pipeline" | "PipelineRun")
        {
            return format!("put it at {}", right.key("annotations"));
        }
        match (kind_of(self.document), meant) {
            ("Pipeline", _) => {
                "put it on the Task, or under spec.tasks[].taskSpec.metadata.annotations".to_owned()
            }
            ("PipelineRun", _) => "put it on the Task, or under \
                 spec.pipelineSpec.tasks[].taskSpec.metadata.annotations"
                .to_owned(),
            ("TaskRun", _) => {
                "the TaskRun has no taskSpec; put the annotation on the Task that the TaskRun refers to".to_owned()
            }
            ("Task", _) => "the Task has no spec; put the annotation on a Task that has steps".to_owned(),
            ("ClusterTask", _) => {
                "Gleaner does not support ClusterTasks, and Tekton has removed them; convert this one to a Task"
                    .to_owned()
            }
            (_, Some(right)) if kind == *right => {
                format!("'{version}' is not an apiVersion of Tekton; did you mean apiVersion: tekton.dev/v1?")
            }
            (_, Some(right)) => format!("did you mean kind: {right}?"),
            _ => match crate::document::suggestion::nearest(kind, known) {
                Some(right) => format!("did you mean kind: {right}?"),
                None => {
                    "put it on a Task, a taskSpec, a Pod or a pod template".to_owned()
                }
            },
        }
    }
}

/// Checks the annotations next to a declaration: each must be a string, and its key must not be one that belongs in the
/// declaration.
fn check_own(annotations: &Cursor<'_>, report: &mut impl FnMut(Diagnostic)) {
    if annotations.node.present(annotation::OUTPUTS).is_none() {
        return;
    }
    let (mut entries, mut ignored) = (Vec::new(), Diagnostics::default());
    entries.extend(annotations.entries(&mut ignored));
    for (key, cursor) in entries {
        let found = match &cursor.node.content {
            Content::String(_) if !OF_DECLARATION.contains(&key) => continue,
            // The annotation with the declaration is skipped, because its errors are reported when the declaration is read.
            _ if key == annotation::OUTPUTS => continue,
            Content::String(_) => {
                "belongs in the declaration and has no effect on its own".to_owned()
            }
            _ => format!("must be a string, not {}", cursor.node.describe()),
        };
        let message = format!("the annotation '{key}' {found}");
        let help = match OF_DECLARATION.contains(&key) {
            true => format!(
                "indent '{key}' so that it is part of the block of {}",
                annotation::OUTPUTS
            ),
            false => "put it in quotes".to_owned(),
        };
        let place = annotations.place.key(key);
        report(
            Diagnostic::new(place, cursor.at(), message)
                .help(help)
                .about(Part::Key),
        );
    }
}

/// The kind of map that contains a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Map {
    Annotations,
    Labels,
    Other,
}

impl Map {
    fn at(place: &Place) -> Self {
        if place.ends_with(&["metadata", "annotations"]) {
            Self::Annotations
        } else if place.ends_with(&["metadata", "labels"]) {
            Self::Labels
        } else {
            Self::Other
        }
    }
}

/// Returns true if the API server or a controller writes the field `key` of the map at `place`, so a user cannot correct it.
/// `managedFields` names fields by their paths, such as `f:gleaner.dev/outputs` (k8s.io/apimachinery/pkg/apis/meta/v1/types.go).
fn is_of_the_cluster(place: &Place, key: &str) -> bool {
    match key {
        "managedFields" => place.ends_with(&["metadata"]),
        "status" => place.segments().is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;

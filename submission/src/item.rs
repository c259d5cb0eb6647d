//! A rendered object that is ready to be sent: its namespace and name are set, and its body is serialized.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use gleaner_core::declaration::{FieldPath, Policy, WaitFor};
use gleaner_proto::failure::ObjectReference;
use gleaner_proto::kubernetes::annotation;
use gleaner_proto::name::ResourceName;
use serde_json::Value;

use super::discovery::Found;
use super::error::{Failure, Reason};
use super::kind::{Kind, KindName, Place, Subject};
use super::planned::PlannedObject;
use super::{dependency, namespace, owner_references};
use gleaner_core::render::{Disclosure, Rendered};

/// One object of the submission.
pub(super) struct Item {
    pub(super) resource: ResourceName,
    pub(super) place: Place,
    pub(super) policy: Policy,
    pub(super) derived_name: bool,
    pub(super) wait_for: Option<WaitFor>,
    pub(super) results: Vec<(String, FieldPath)>,
    /// True if an earlier attempt of this run may have created the object.
    pub(super) earlier: bool,
    /// True if the API server serves the object's kind; false if an earlier object of the submission will define the kind.
    pub(super) is_served: bool,
    /// True if another object of the submission defines this object's kind.
    pub(super) is_instance: bool,
    /// The object as JSON; empty if the object is known only from an earlier attempt. Only the serialized form is stored, because
    /// an object can be several megabytes in size.
    pub(super) body: Bytes,
    /// The value of the annotation that identifies the object's content.
    pub(super) content: Option<String>,
    /// The UIDs in the object's owner references.
    pub(super) owners: Vec<String>,
}

/// The settings that apply to all objects of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) namespace: &'a str,
    /// True if an owner reference may block its owner's deletion.
    pub(super) block_owner_deletion: bool,
}

/// Returns the kind that the object's fields specify.
pub(super) fn kind_of(object: &Value) -> KindName {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    KindName::new(text("apiVersion"), text("kind"))
}

/// The objects that are ready to be sent.
pub(super) struct Prepared {
    pub(super) items: Vec<Item>,
    /// The errors about the objects that cannot be sent.
    pub(super) failures: Vec<Failure>,
    /// The errors about the objects whose derived name is also the name of another object of the run.
    pub(super) collisions: Vec<Failure>,
}

/// Prepares all valid objects, and returns an error for each invalid object.
pub(super) fn prepare(rendered: Vec<Rendered>, found: &Found, terms: Terms<'_>) -> Prepared {
    let mut items = Vec::with_capacity(rendered.len());
    let mut failures = Vec::new();
    // Determine the kinds first, because that requires the earlier objects, which the loop below consumes.
    let kinds: Vec<_> = (0..rendered.len())
        .map(|index| kind(&rendered[..index], &rendered[index], found))
        .collect();
    for (one, kind) in rendered.into_iter().zip(kinds) {
        let subject = unplaced(&one);
        match kind.and_then(|kind| place(one, kind, terms)) {
            Ok(item) => items.push(item),
            Err(reason) => failures.push(Failure::of(subject, reason)),
        }
    }
    dependency::mark_instances(&mut items);
    let (collisions, doubles) = same_place_twice(&items);
    failures.extend(doubles);
    Prepared {
        items,
        failures,
        collisions,
    }
}

/// Returns the subject for errors about an object whose kind is not resolved yet.
fn unplaced(rendered: &Rendered) -> Subject {
    let KindName { api_version, kind } = kind_of(&rendered.object);
    let metadata = |field: &str| rendered.object["metadata"][field].as_str();
    Subject {
        resource: rendered.resource.clone(),
        object: ObjectReference {
            api_version,
            kind,
            namespace: metadata("namespace").map(str::to_owned),
            name: metadata("name").unwrap_or_default().to_owned(),
            uid: None,
        },
    }
}

/// Returns the kind of an object, and true if the API server serves this kind. If the kind is not served, an earlier object may
/// be the CRD that defines this kind.
fn kind(
    before: &[Rendered],
    rendered: &Rendered,
    found: &Found,
) -> Result<(Arc<Kind>, bool), Reason> {
    let name = kind_of(&rendered.object);
    match found.get(&name) {
        Some(Ok(kind)) => Ok((Arc::clone(kind), true)),
        Some(Err(reason @ Reason::KindNotServed { .. })) => dependency::defined(before, &name)
            .map(|kind| (Arc::new(kind), false))
            .ok_or_else(|| reason.clone()),
        Some(Err(reason)) => Err(reason.clone()),
        None => Err(Reason::Broken(format!("kind {name} was not looked up"))),
    }
}

fn place(
    rendered: Rendered,
    (kind, is_served): (Arc<Kind>, bool),
    terms: Terms<'_>,
) -> Result<Item, Reason> {
    let mut object = rendered.object;
    let namespace = namespace::assign(&kind, &mut object, rendered.owned, terms.namespace)?;
    if !terms.block_owner_deletion {
        owner_references::unblock(&mut object);
    }
    let metadata = &object["metadata"];
    let text = metadata["name"].as_str().unwrap_or_default();
    if matches!(text, "" | "." | "..") {
        let words = format!("metadata.name: '{text}' is not a valid object name");
        return Err(Reason::Invalid(words));
    }
    let place = Place {
        kind,
        namespace,
        name: text.to_owned(),
        disclosure: rendered.disclosure,
    };
    Ok(Item {
        resource: rendered.resource,
        place,
        policy: rendered.policy,
        derived_name: rendered.derived_name,
        wait_for: rendered.wait_for,
        results: rendered.results,
        earlier: false,
        is_served,
        is_instance: false,
        content: metadata["annotations"][annotation::CONTENT]
            .as_str()
            .map(str::to_owned),
        owners: owner_references::uids(&object).map(str::to_owned).collect(),
        body: object.to_string().into(),
    })
}

/// Returns an error for each object that has the same kind, namespace and name as another object of the run. The errors in the
/// first list are about derived names, which the next round changes. The errors in the second list are about static names. If two
/// derived names are equal, the object that is declared first keeps its name, so that every attempt of the run derives the same
/// names.
fn same_place_twice(items: &[Item]) -> (Vec<Failure>, Vec<Failure>) {
    let mut seen = HashSet::new();
    let (derived, fixed): (Vec<&Item>, Vec<&Item>) =
        items.iter().partition(|item| item.derived_name);
    let mut doubles = |items: Vec<&Item>| -> Vec<Failure> {
        let doubles = items
            .into_iter()
            .filter(|item| !seen.insert(item.place.key()));
        doubles
            .map(|item| {
                item.fails(Reason::Misplaced {
                    words: "another template has the same kind and name".to_owned(),
                    remedy: "give one of them a different name",
                })
            })
            .collect()
    };
    let fixed = doubles(fixed);
    (doubles(derived), fixed)
}

// === impl Item ===

impl Item {
    /// Returns the item for an object that an earlier attempt planned, so that the object can be looked up and deleted.
    pub(super) fn of_earlier(planned: &PlannedObject) -> Self {
        Self {
            resource: planned.resource.clone(),
            place: planned.place(),
            policy: if planned.applied {
                Policy::Apply
            } else {
                Policy::Create
            },
            derived_name: false,
            wait_for: None,
            results: Vec::new(),
            earlier: true,
            is_served: true,
            is_instance: false,
            body: Bytes::new(),
            content: None,
            owners: planned.owners.clone(),
        }
    }

    /// Returns the data that a later process needs to find the object.
    pub(super) fn planned(&self) -> PlannedObject {
        let kind = &self.place.kind;
        PlannedObject {
            resource: self.resource.clone(),
            api_version: kind.name.api_version.clone(),
            kind: kind.name.kind.clone(),
            plural: kind.plural.clone(),
            namespace: self.place.namespace.clone(),
            name: self.place.name.clone(),
            applied: self.policy == Policy::Apply,
            secret: match &self.place.disclosure {
                Disclosure::Full => None,
                Disclosure::Withheld(withheld) => Some(withheld.secret()),
            },
            owners: self.owners.clone(),
        }
    }

    pub(super) fn subject(&self) -> Subject {
        Subject {
            resource: self.resource.clone(),
            object: self.place.reference(None),
        }
    }

    /// Returns the body for an apply that creates the object. The body contains an annotation that identifies the run.
    pub(super) fn making_body(&self, run_uid: &str) -> Bytes {
        let Ok(mut object) = serde_json::from_slice::<Value>(&self.body) else {
            return self.body.clone();
        };
        object["metadata"]["annotations"][annotation::MADE_BY] = run_uid.into();
        object.to_string().into()
    }

    pub(super) fn fails(&self, reason: Reason) -> Failure {
        Failure::of(self.subject(), reason)
    }
}

// === impl PlannedObject ===

impl PlannedObject {
    /// Returns the place of the object.
    pub(super) fn place(&self) -> Place {
        Place {
            kind: Arc::new(Kind {
                name: KindName::new(&self.api_version, &self.kind),
                plural: self.plural.clone(),
                namespaced: self.namespace.is_some(),
            }),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            disclosure: match &self.secret {
                None => Disclosure::Full,
                Some((step, output)) => Disclosure::of_unseen(step, output),
            },
        }
    }
}

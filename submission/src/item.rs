//! A rendered object, made ready to be sent: its place is known and its body written, once.

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
use super::kind::{KindName, Place, Subject};
use super::{namespace, owner_references};
use gleaner_core::render::Rendered;

/// One object of the submission.
pub(super) struct Item {
    pub(super) resource: ResourceName,
    pub(super) place: Place,
    pub(super) policy: Policy,
    pub(super) derived_name: bool,
    pub(super) wait_for: Option<WaitFor>,
    pub(super) results: Vec<(String, FieldPath)>,
    /// The object as JSON. The parsed tree is dropped: an object may carry megabytes.
    pub(super) body: Bytes,
    /// The annotation that tells this content from another.
    pub(super) content: Option<String>,
    /// The UIDs that its owner references name.
    pub(super) owners: Vec<String>,
}

/// What holds for all objects of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) namespace: &'a str,
    /// Whether an owner reference may block its owner's deletion.
    pub(super) block_owner_deletion: bool,
}

/// The kind that an object says it is.
pub(super) fn kind_of(object: &Value) -> KindName {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    KindName::new(text("apiVersion"), text("kind"))
}

/// Makes all objects ready that can be, and says what is wrong with each that cannot.
pub(super) fn prepare(
    rendered: Vec<Rendered>,
    found: &Found,
    terms: Terms<'_>,
) -> (Vec<Item>, Vec<Failure>) {
    let mut items = Vec::with_capacity(rendered.len());
    let mut failures = Vec::new();
    for one in rendered {
        let subject = unplaced(&one);
        match place(one, found, terms) {
            Ok(item) => items.push(item),
            Err(reason) => failures.push(Failure::of(subject, reason)),
        }
    }
    failures.extend(same_place_twice(&items));
    (items, failures)
}

/// The object as errors name it before its kind is known.
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

fn place(rendered: Rendered, found: &Found, terms: Terms<'_>) -> Result<Item, Reason> {
    let mut object = rendered.object;
    let name = kind_of(&object);
    let kind = match found.get(&name) {
        Some(Ok(kind)) => Arc::clone(kind),
        Some(Err(reason)) => return Err(reason.clone()),
        None => return Err(Reason::Broken(format!("kind {name} was not looked for"))),
    };
    let namespace = namespace::assign(&kind, &mut object, rendered.owned, terms.namespace)?;
    if !terms.block_owner_deletion {
        owner_references::unblock(&mut object);
    }
    let metadata = &object["metadata"];
    let text = metadata["name"].as_str().unwrap_or_default();
    if matches!(text, "" | "." | "..") {
        let words = format!("metadata.name: '{text}' is no name for an object");
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
        content: metadata["annotations"][annotation::CONTENT]
            .as_str()
            .map(str::to_owned),
        owners: owner_references::uids(&object).map(str::to_owned).collect(),
        body: object.to_string().into(),
    })
}

/// Two templates for one object: the second would take the first one's for somebody else's.
fn same_place_twice(items: &[Item]) -> Vec<Failure> {
    let mut seen = HashSet::new();
    let mut failures = Vec::new();
    for item in items {
        let name = &item.place.kind.name;
        let key = (
            (name.group(), &item.place.kind.plural),
            &item.place.namespace,
            &item.place.name,
        );
        if !seen.insert(key) {
            failures.push(item.fails(Reason::Misplaced {
                words: "another template has this kind and name already".to_owned(),
                remedy: "give one of them another name",
            }));
        }
    }
    failures
}

// === impl Item ===

impl Item {
    pub(super) fn subject(&self) -> Subject {
        Subject {
            resource: self.resource.clone(),
            object: self.place.reference(None),
        }
    }

    /// The body of an apply that makes the object: it says by which run.
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

//! Ownership of objects that already exist.

use gleaner_core::declaration::Policy;
use gleaner_proto::kubernetes::{annotation, label};
use serde_json::Value;

use super::answer::{bounded, text};
use super::api::Api;
use super::error::Reason;
use super::item::Item;
use super::owner_references;
use super::remedy::Purpose;
use super::request::Call;

/// An existing object with the same name as one of the run's objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Existing {
    /// This run created the object, from this template and with this content.
    Same { uid: String },
    /// This run created the object from this template, but with different content, because an earlier attempt had different
    /// output values.
    Other {
        uid: String,
        resource_version: Option<String>,
    },
    /// The object is being deleted.
    Leaving { uid: String },
    /// The object has a different owner.
    Foreign { holder: String },
}

impl Existing {
    /// Classifies `object`, which has the same name as `item`.
    pub(super) fn recognise(object: &Value, item: &Item, run_uid: &str) -> Self {
        let ours = is_ours(object, item, run_uid);
        let uid = text(object, "/metadata/uid").to_owned();
        if !object["metadata"]["deletionTimestamp"].is_null() {
            return Self::Leaving { uid };
        }
        if !ours {
            return Self::Foreign {
                holder: holder(object),
            };
        }
        let content = annotation_of(object, annotation::CONTENT);
        if content.is_some() && content == item.content.as_deref() {
            return Self::Same { uid };
        }
        let version = object["metadata"]["resourceVersion"].as_str();
        Self::Other {
            uid,
            resource_version: version.map(str::to_owned),
        }
    }
}

/// Reads the object that has the same name as `item`. Returns `None` if no such object exists.
pub(super) async fn look(
    api: Api<'_>,
    item: &Item,
    run_uid: &str,
) -> Result<Option<(Existing, Value)>, Reason> {
    match api.call(&Call::get(&item.place)).await {
        Ok(reply) => {
            let object = reply.done.value;
            Ok(Some((Existing::recognise(&object, item, run_uid), object)))
        }
        Err(error) if error.is_not_found() => Ok(None),
        // If the CRD does not exist, the API server does not serve the path, and no objects of the kind exist.
        Err(error) if item.is_instance && error.is_not_served() => Ok(None),
        Err(error) => Err(Purpose::new("get", &item.place.kind).reason(error)),
    }
}

/// Returns the failure reason for a name that `holder` already uses.
pub(super) fn taken(item: &Item, holder: String) -> Reason {
    let remedy = if item.derived_name {
        "delete it".to_owned()
    } else {
        "delete it, change the name in the template, or remove the name, so that Gleaner derives one"
            .to_owned()
    };
    Reason::Taken {
        existing: item.place.to_string(),
        holder,
        remedy,
    }
}

/// Returns true if this run created `object` from the template of `item`.
///
/// The annotations are not sufficient proof, because a user who copies a manifest also copies its annotations. The object must
/// also have every owner reference that the run sets.
pub(super) fn is_ours(object: &Value, item: &Item, run_uid: &str) -> bool {
    annotation_of(object, annotation::RUN_UID) == Some(run_uid)
        && annotation_of(object, annotation::RESOURCE) == Some(item.resource.as_str())
        && item
            .owners
            .iter()
            .all(|wanted| owner_references::uids(object).any(|uid| uid == wanted))
}

/// Returns true if the run created `object`, so that the rollback must delete `object` if the run fails.
pub(super) fn is_made_by(object: &Value, item: &Item, run_uid: &str) -> bool {
    let made = match item.policy {
        Policy::Create => true,
        Policy::Apply => annotation_of(object, annotation::MADE_BY) == Some(run_uid),
    };
    made && is_ours(object, item, run_uid)
}

/// Describes the object's owner: its controller, or else its `managed-by` label, or else its field manager.
pub(super) fn holder(object: &Value) -> String {
    let metadata = &object["metadata"];
    let owners = metadata["ownerReferences"].as_array();
    let controller = owners.and_then(|owners| {
        let controls = |owner: &&Value| owner["controller"] == Value::Bool(true);
        owners.iter().find(controls).or_else(|| owners.first())
    });
    if let Some(owner) = controller {
        let words = format!("owned by {} {}", text(owner, "/kind"), text(owner, "/name"));
        return bounded(&words);
    }
    if let Some(run) = annotation_of(object, annotation::RUN_UID) {
        return bounded(&format!("created by the run with UID {run}"));
    }
    if let Some(manager) = metadata["labels"][label::MANAGED_BY].as_str() {
        return bounded(&format!("managed by {manager}"));
    }
    match metadata["managedFields"][0]["manager"].as_str() {
        Some(manager) => bounded(&format!("written by {manager}")),
        None => "no owner is recorded".to_owned(),
    }
}

/// Describes what blocks the deletion of an object.
pub(super) fn finalizers(object: &Value) -> String {
    let finalizers = object["metadata"]["finalizers"].as_array();
    let names: Vec<&str> = finalizers
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    bounded(&names.join(", "))
}

pub(super) fn annotation_of<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object["metadata"]["annotations"][name].as_str()
}

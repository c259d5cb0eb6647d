//! Finds the objects that a run created, by the annotations that Gleaner writes.

use std::collections::BTreeMap;

use gleaner_core::declaration::{Declaration, Scope, Template};
use gleaner_core::variable::Field;
use gleaner_proto::kubernetes::annotation;
use gleaner_runtime::api_server::{ApiServer, RequestError, path};
use gleaner_runtime::error_chain;
use serde_json::Value;

use super::task_run::TaskRun;

/// The objects that a run created from its declaration and that still exist in the cluster.
#[derive(Debug, Default)]
pub(super) struct Created {
    pub(super) objects: Vec<CreatedObject>,
    /// The names of resources for which no object exists.
    pub(super) missing: Vec<String>,
    /// The reasons why the list may be incomplete.
    pub(super) unread: Vec<String>,
}

/// An object that the run created.
#[derive(Debug, Clone)]
pub(super) struct CreatedObject {
    /// The name of the resource in the declaration.
    pub(super) resource: String,
    pub(super) api_version: String,
    pub(super) kind: String,
    /// The namespace; `None` for a cluster-scoped kind.
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    pub(super) uid: String,
    /// True if the object has an owner. Kubernetes deletes the object together with the owner.
    pub(super) is_owned: bool,
}

/// A collection that may contain objects of the run: `apiVersion`, kind and namespace (`None` for all namespaces).
type Place = (String, String, Option<String>);

/// Finds the run's objects of each kind that occurs in the declaration.
pub(super) async fn find(api: &ApiServer, run: &TaskRun) -> Created {
    let mut created = Created::default();
    let declaration = run
        .declaration()
        .map(|text| Declaration::parse(text, &Scope::default()));
    let declaration = match declaration {
        Some(Ok(declaration)) => declaration,
        Some(Err(_)) => {
            let reason = "the declaration is invalid, so no objects were created";
            created.unread.push(reason.to_owned());
            return created;
        }
        None => {
            let reason = "neither the TaskRun nor its pod has the annotation with the declaration, so the kinds of the objects are unknown";
            created.unread.push(reason.to_owned());
            return created;
        }
    };
    let mut places: BTreeMap<Place, Vec<&Template>> = BTreeMap::new();
    for template in &declaration.templates {
        let namespace = match template.tree.field(&["metadata", "namespace"]) {
            Some(Field::Fixed(namespace)) => namespace.as_str().map(str::to_owned),
            Some(Field::Variable(_)) => None,
            None => Some(run.namespace.clone()),
        };
        let place = (
            template.api_version.clone(),
            template.kind.clone(),
            namespace,
        );
        places.entry(place).or_default().push(template);
    }
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    for (place, templates) in &places {
        match list(api, run, place).await {
            Ok(objects) => found.extend(objects),
            Err(reason) => {
                created.unread.push(reason);
                unread.extend(templates.iter().map(|template| template.name.as_str()));
            }
        }
    }
    for template in &declaration.templates {
        let name = template.name.as_str();
        let own = found.iter().filter(|object| object.resource == name);
        let before = created.objects.len();
        created.objects.extend(own.cloned());
        if created.objects.len() == before && !unread.contains(&name) {
            created.missing.push(name.to_owned());
        }
    }
    created
}

/// Lists the run's objects in a collection. An error is the reason why these objects are unknown.
async fn list(
    api: &ApiServer,
    run: &TaskRun,
    (api_version, kind, namespace): &Place,
) -> Result<Vec<CreatedObject>, String> {
    let unread = |error: &RequestError| {
        format!(
            "cannot list objects of kind {kind} ({api_version}): {}",
            error_chain(error)
        )
    };
    let served = api.get(&path::group_version(api_version)).await;
    let served = served.map_err(|error| unread(&error))?.unwrap_or_default();
    let kinds = served["resources"].as_array().into_iter().flatten();
    let own = kinds.filter(|one| one["kind"] == kind.as_str());
    let plural = own.map(|one| (&one["name"], &one["namespaced"]));
    let mut plural =
        plural.filter_map(|(name, namespaced)| Some((name.as_str()?, namespaced == true)));
    let Some((plural, is_namespaced)) = plural.find(|(name, _)| !name.contains('/')) else {
        return Err(format!(
            "the cluster does not serve the kind {kind} ({api_version})"
        ));
    };
    let namespace = namespace.as_deref().filter(|_| is_namespaced);
    let collection = path::collection(api_version, plural, namespace);
    let objects = api
        .list(&collection, |object| {
            of_run(&object, run, api_version, kind)
        })
        .await;
    objects.map_err(|error| unread(&error))
}

/// Returns the object if the run created or applied it. Checks annotations, because templates may override Gleaner's labels.
fn of_run(object: &Value, run: &TaskRun, api_version: &str, kind: &str) -> Option<CreatedObject> {
    let metadata = &object["metadata"];
    let annotations = &metadata["annotations"];
    let is_own = |key: &str| annotations[key].as_str() == Some(&run.uid);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if !is_own(annotation::RUN_UID) && !is_own(annotation::MADE_BY) {
        return None;
    }
    let owners = metadata["ownerReferences"].as_array();
    Some(CreatedObject {
        resource: text(&annotations[annotation::RESOURCE]).unwrap_or_default(),
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: text(&metadata["namespace"]),
        name: text(&metadata["name"])?,
        uid: text(&metadata["uid"]).unwrap_or_default(),
        is_owned: owners.is_some_and(|owners| !owners.is_empty()),
    })
}

//! Discovers which kinds are served, with one GET for each group version that the templates use.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use gleaner_core::kinds;
use http::StatusCode;
use serde::Deserialize;

use super::PARALLEL;
use super::answer::Answer;
use super::api::{Api, Backoff, CallError};
use super::error::Reason;
use super::kind::{Kind, KindName};
use super::remedy::plain;
use super::request::Call;

/// The kinds found so far. Missing kinds are not cached, because a CRD that does not exist during the preflight may exist during
/// the submission.
#[derive(Debug, Default)]
pub(super) struct Kinds(Mutex<HashMap<KindName, Arc<Kind>>>);

/// The result of looking up each kind.
pub(super) type Found = HashMap<KindName, Result<Arc<Kind>, Reason>>;

#[derive(Deserialize)]
struct ResourceList {
    /// `null` if the list is empty, because Go encodes a nil slice as null.
    resources: Option<Vec<Resource>>,
}

#[derive(Deserialize)]
struct Resource {
    name: String,
    kind: String,
    namespaced: bool,
}

#[derive(Deserialize)]
struct Group {
    versions: Vec<GroupVersion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupVersion {
    group_version: String,
}

impl Kinds {
    /// Looks up the kinds in `wanted`. If kinds are not cached, requests their group versions, several at the same time.
    pub(super) async fn find(
        &self,
        api: Api<'_>,
        wanted: impl IntoIterator<Item = KindName>,
    ) -> Found {
        let mut found = Found::new();
        let mut missing: BTreeMap<String, Vec<KindName>> = BTreeMap::new();
        for name in wanted {
            match self.get(&name) {
                Some(kind) => {
                    found.insert(name, Ok(kind));
                }
                None => missing
                    .entry(name.api_version.clone())
                    .or_default()
                    .push(name),
            }
        }
        let lookups = missing
            .into_iter()
            .map(|(api_version, names)| async move { self.look(api, &api_version, names).await });
        let looked: Vec<Vec<_>> = futures::stream::iter(lookups)
            .buffer_unordered(PARALLEL)
            .collect()
            .await;
        found.extend(looked.into_iter().flatten());
        found
    }

    /// Waits until the API server serves a kind whose CRD exists.
    ///
    /// # Errors
    /// Returns a reason if the kind is not served in time.
    pub(super) async fn await_kind(&self, api: Api<'_>, kind: &Arc<Kind>) -> Result<(), Reason> {
        let api = api.sooner(api.settings.visible_timeout);
        let mut backoff = Backoff::default();
        loop {
            let reason = match list(api, &kind.name.api_version).await {
                Ok(resources) => match pick(&kind.name, &resources) {
                    Ok(kind) => {
                        self.insert(&kind);
                        return Ok(());
                    }
                    Err(reason) => reason,
                },
                Err(Some(reason)) => return Err(reason),
                Err(None) => not_served(&kind.name, None),
            };
            if api.rest(&mut backoff).await {
                continue;
            }
            return Err(match reason {
                Reason::KindNotServed {
                    kind: name,
                    api_version,
                    ..
                } => Reason::KindNotServed {
                    kind: name,
                    api_version,
                    remedy: format!(
                        "its CRD '{}' exists, but is not established; check the conditions of the CRD",
                        kind.resource()
                    ),
                },
                reason => reason,
            });
        }
    }

    async fn look(
        &self,
        api: Api<'_>,
        api_version: &str,
        names: Vec<KindName>,
    ) -> Vec<(KindName, Result<Arc<Kind>, Reason>)> {
        let listed = list(api, api_version).await;
        let resolve = |name: KindName| {
            let kind = match &listed {
                Ok(resources) => pick(&name, resources),
                Err(reason) => Err(reason.clone().unwrap_or_else(|| not_served(&name, None))),
            };
            if let Ok(kind) = &kind {
                self.insert(kind);
            }
            (name, kind)
        };
        let mut looked: Vec<_> = names.into_iter().map(resolve).collect();
        if matches!(listed, Err(None)) {
            let versions = other_versions(api, api_version).await;
            for (name, kind) in &mut looked {
                *kind = Err(not_served(name, versions.as_deref()));
            }
        }
        looked
    }

    fn get(&self, name: &KindName) -> Option<Arc<Kind>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    /// Adds a kind to the cache.
    pub(super) fn insert(&self, kind: &Arc<Kind>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(kind.name.clone(), Arc::clone(kind));
    }
}

/// Returns the resources of a group version. The error is `None` if the API server does not serve the group version.
async fn list(api: Api<'_>, api_version: &str) -> Result<Vec<Resource>, Option<Reason>> {
    match api.call(&Call::kinds(api_version)).await {
        Ok(reply) => match serde_json::from_value::<ResourceList>(reply.done.value) {
            Ok(list) => Ok(list.resources.unwrap_or_default()),
            Err(error) => Err(Some(Reason::Broken(format!(
                "the API server's list of kinds in {api_version} cannot be read: {error}"
            )))),
        },
        // Check only the status code, because the API server responds to an unknown path with plain text, which contains no
        // reason.
        Err(error)
            if error
                .refusal()
                .is_some_and(|refusal| refusal.code == StatusCode::NOT_FOUND) =>
        {
            Err(None)
        }
        Err(CallError { end, .. }) => Err(Some(plain(end))),
    }
}

fn pick(name: &KindName, resources: &[Resource]) -> Result<Arc<Kind>, Reason> {
    // Ignore subresources such as `pods/status`, because they may have the same kind.
    let mut objects = resources
        .iter()
        .filter(|resource| !resource.name.contains('/'));
    if let Some(resource) = objects.clone().find(|resource| resource.kind == name.kind) {
        return Ok(Arc::new(Kind {
            name: name.clone(),
            plural: resource.name.clone(),
            namespaced: resource.namespaced,
        }));
    }
    let alike = objects.find(|resource| {
        resource.kind.eq_ignore_ascii_case(&name.kind)
            || resource.name.eq_ignore_ascii_case(&name.kind)
    });
    Err(match alike {
        Some(resource) => KindName::not_served(name, format!("did you mean {}?", resource.kind)),
        None => not_served(name, None),
    })
}

/// Returns the versions of the group that the API server serves. The request is sent once, without retries, because the result
/// is used only in the message about a version that is not served.
async fn other_versions(api: Api<'_>, api_version: &str) -> Option<String> {
    let (group, _) = api_version.split_once('/')?;
    let Answer::Done(done) = api.attempt(&Call::group(group)).await else {
        return None;
    };
    let group: Group = serde_json::from_value(done.value).ok()?;
    let versions: Vec<String> = group
        .versions
        .into_iter()
        .map(|version| version.group_version)
        .collect();
    (!versions.is_empty()).then(|| versions.join(", "))
}

fn not_served(name: &KindName, versions: Option<&str>) -> Reason {
    let remedy = match versions {
        Some(versions) => format!("the cluster serves {versions}"),
        None if name.group().is_empty() => "check apiVersion and kind".to_owned(),
        None if kinds::is_own_group(name.group()) => {
            "check apiVersion, kind and the cluster's Kubernetes version, because the group is built into Kubernetes".to_owned()
        }
        None => "install its CRD".to_owned(),
    };
    name.not_served(remedy)
}

impl KindName {
    fn not_served(&self, remedy: String) -> Reason {
        Reason::KindNotServed {
            kind: self.kind.clone(),
            api_version: self.api_version.clone(),
            remedy,
        }
    }
}

#[cfg(test)]
mod tests;

//! The objects, in memory, and the log of what happened to them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

/// How many changes a watch can look back on. A local run makes a few hundred at most.
const REMEMBERED: usize = 4096;

/// Where an object stands. The versions of a kind share one storage, as on a real server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// `configmaps`, `pipelineresources.tekton.dev`.
    pub(crate) resource: String,
    /// Empty for cluster-scoped kinds.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// One change: the object before and after. Both for an update, one for a creation or a deletion.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    pub(crate) key: Key,
    pub(crate) before: Option<Arc<Value>>,
    pub(crate) after: Option<Arc<Value>>,
}

/// All objects of one server.
#[derive(Debug)]
pub(crate) struct Store {
    contents: Mutex<Contents>,
    revision: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Contents {
    objects: BTreeMap<Key, Arc<Value>>,
    log: VecDeque<Change>,
    revision: u64,
}

/// The store, held by one request: what it reads stays true until it has written.
pub(crate) struct Held<'a> {
    contents: MutexGuard<'a, Contents>,
    announce: &'a watch::Sender<u64>,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            contents: Mutex::default(),
            revision: watch::Sender::new(0),
        }
    }

    /// Takes the store for one read-check-write. Never held across an await.
    pub(crate) fn hold(&self) -> Held<'_> {
        // A panic elsewhere leaves whole objects behind, for every write is one insertion.
        let contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        Held {
            contents,
            announce: &self.revision,
        }
    }

    /// Tells of each new revision.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }
}

impl Held<'_> {
    pub(crate) fn revision(&self) -> u64 {
        self.contents.revision
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.contents.objects.get(key).cloned()
    }

    /// The objects of a resource, in one namespace or in all, ordered by namespace and name.
    pub(crate) fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<(Key, Arc<Value>)> {
        self.contents
            .objects
            .iter()
            .filter(|(key, _)| {
                key.resource == resource && namespace.is_none_or(|wanted| key.namespace == wanted)
            })
            .map(|(key, object)| (key.clone(), Arc::clone(object)))
            .collect()
    }

    /// Everything, ordered by resource, namespace and name.
    pub(crate) fn all(&self) -> Vec<(Key, Arc<Value>)> {
        self.contents
            .objects
            .iter()
            .map(|(key, o)| (key.clone(), Arc::clone(o)))
            .collect()
    }

    /// Stores an object under the next revision and returns it as stored.
    pub(crate) fn put(&mut self, key: &Key, mut object: Value) -> Arc<Value> {
        let revision = self.next();
        object["metadata"]["resourceVersion"] = revision.to_string().into();
        let after = Arc::new(object);
        let before = self
            .contents
            .objects
            .insert(key.clone(), Arc::clone(&after));
        self.log(key, before, Some(Arc::clone(&after)));
        after
    }

    /// Removes an object; its last state carries the revision of the removal, as watchers see it.
    pub(crate) fn remove(&mut self, key: &Key) {
        if let Some(before) = self.contents.objects.remove(key) {
            self.next();
            self.log(key, Some(before), None);
        }
    }

    /// What happened after `revision`, oldest first.
    ///
    /// # Errors
    ///
    /// The oldest revision to start from, when that much is no longer remembered.
    pub(crate) fn changes_after(&self, revision: u64) -> Result<Vec<Change>, u64> {
        let log = &self.contents.log;
        // Revisions count up by one, so the log reaches back to the one before its first entry.
        let reach = log
            .front()
            .map_or(self.contents.revision, |first| first.revision - 1);
        if revision < reach {
            return Err(reach);
        }
        Ok(log
            .iter()
            .filter(|change| change.revision > revision)
            .cloned()
            .collect())
    }

    fn next(&mut self) -> u64 {
        self.contents.revision += 1;
        self.contents.revision
    }

    fn log(&mut self, key: &Key, before: Option<Arc<Value>>, after: Option<Arc<Value>>) {
        let revision = self.contents.revision;
        let log = &mut self.contents.log;
        if log.len() == REMEMBERED {
            log.pop_front();
        }
        log.push_back(Change {
            revision,
            key: key.clone(),
            before,
            after,
        });
        self.announce.send_replace(revision);
    }
}

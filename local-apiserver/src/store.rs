//! The in-memory store of objects.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// The key of an object in the store. It contains no version, because all versions of a kind share their objects, as on a real
/// server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The resource name, such as `configmaps` or `taskruns.tekton.dev`.
    pub(crate) resource: String,
    /// The namespace; empty for cluster-scoped kinds.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// All objects of one server.
#[derive(Debug, Default)]
pub(crate) struct Store(Mutex<Contents>);

/// All objects, and the revision, which increases with each change.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    objects: BTreeMap<Key, Value>,
    revision: u64,
}

impl Store {
    /// Locks the store, for example to read, check and write an object atomically. The lock must not be held across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Contents> {
        // The objects are consistent even if a thread panicked while it held the lock, because each write is a single insertion
        // or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Value> {
        self.objects.get(key)
    }

    /// Returns the objects of a resource in `namespace`, ordered by namespace and name. If `namespace` is `None`, returns the
    /// objects in all namespaces.
    pub(crate) fn list(
        &self,
        resource: &str,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &Value> {
        let listed = self.objects.iter().filter(move |(key, _)| {
            key.resource == resource && namespace.is_none_or(|wanted| key.namespace == wanted)
        });
        listed.map(|(_, object)| object)
    }

    /// Returns all objects, ordered by resource, namespace and name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Key, &Value)> {
        self.objects.iter()
    }

    /// Sets the object's `resourceVersion` to the next revision, stores the object, and returns it.
    pub(crate) fn put(&mut self, key: Key, mut object: Value) -> Value {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        self.objects.insert(key, object.clone());
        object
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        if self.objects.remove(key).is_some() {
            self.revision += 1;
        }
    }

    /// Removes all objects of a resource.
    pub(crate) fn remove_resource(&mut self, resource: &str) {
        let before = self.objects.len();
        self.objects.retain(|key, _| key.resource != resource);
        if self.objects.len() < before {
            self.revision += 1;
        }
    }
}

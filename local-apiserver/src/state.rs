//! The state that all requests share.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use serde_json::Value;

use crate::crd;
use crate::kind::{Kind, Registry};
use crate::store::{Contents, Store};

/// The kinds and objects of a server.
#[derive(Debug)]
pub(crate) struct Shared {
    registry: RwLock<Registry>,
    pub(crate) store: Store,
}

impl Shared {
    pub(crate) fn new(registry: Registry) -> Self {
        Self {
            registry: RwLock::new(registry),
            store: Store::default(),
        }
    }

    /// Locks the kinds for reading. The lock must not be held across an await.
    pub(crate) fn registry(&self) -> RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// If the stored object is a CRD, starts serving its kinds and updates its status. Does nothing for other objects.
    pub(crate) fn written(&self, kind: &Kind, object: &Value) {
        if !crd::is_kind(kind) {
            return;
        }
        let mut registry = self
            .registry
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        registry.remove(&crd::resource(object));
        for kind in crd::kinds(object) {
            registry.add(kind);
        }
        drop(registry);
        let key = kind.key("", crate::metadata::text(object, "name"));
        let mut contents = self.store.lock();
        if let Some(stored) = contents.get(&key) {
            let established = crd::established(stored);
            contents.put(key, established);
        }
    }

    /// If the deleted object is a CRD, stops serving its kinds and deletes the objects of these kinds.
    pub(crate) fn removed(&self, kind: &Kind, name: &str) {
        if !crd::is_kind(kind) {
            return;
        }
        let mut registry = self
            .registry
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        registry.remove(name);
        drop(registry);
        let mut contents: std::sync::MutexGuard<'_, Contents> = self.store.lock();
        contents.remove_resource(name);
    }
}

//! A small API server that keeps objects in memory, and injects faults according to rules.

mod objects;

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use serde_json::Value;

use crate::fault::{Backend, Fault, FaultServer, Reply, json};
use objects::{Call, Objects};

/// An API server: a [`FaultServer`] that stores objects. It stops when the last clone is dropped.
#[derive(Clone)]
pub struct ApiServer {
    server: Arc<FaultServer>,
    store: Store,
}

#[derive(Clone, Default)]
struct Store(Arc<Mutex<Objects>>);

impl ApiServer {
    /// Starts a server without objects.
    pub fn start() -> Self {
        let store = Store::default();
        let server = Arc::new(FaultServer::start(store.clone()));
        Self { server, store }
    }

    /// Stores an object at a path. Assigns a resource version, and a UID unless the object already has a UID.
    pub fn put(&self, path: &str, object: Value) {
        self.store.lock().put(path, object);
    }

    /// Returns the object at a path.
    pub fn get(&self, path: &str) -> Option<Value> {
        self.store.lock().get(path).cloned()
    }

    /// Changes an object, as the object's controller would.
    pub fn change(&self, path: &str, change: impl FnOnce(&mut Value)) {
        let mut objects = self.store.lock();
        change(objects.get_mut(path).expect("an object to change"));
    }

    /// Removes an object, as the garbage collector would.
    pub fn remove(&self, path: &str) -> Option<Value> {
        self.store.lock().remove(path)
    }

    /// Returns the sorted paths of all objects except Events.
    pub fn paths(&self) -> Vec<String> {
        self.store.lock().paths()
    }

    /// Returns the Events that clients have created.
    pub fn events(&self) -> Vec<Value> {
        self.store.lock().events()
    }

    /// Returns a fault that stores this object before the request is performed, as if another client had created it.
    pub fn put_before(&self, path: &str, object: Value) -> Fault {
        let (store, path) = (self.store.clone(), path.to_owned());
        Fault::After(Arc::new(move || {
            store.lock().put(&path, object.clone());
        }))
    }
}

impl Deref for ApiServer {
    type Target = FaultServer;

    fn deref(&self) -> &FaultServer {
        &self.server
    }
}

impl Store {
    fn lock(&self) -> MutexGuard<'_, Objects> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for Store {
    async fn perform(&self, request: Request<Bytes>) -> Option<Reply> {
        let media_type = request.headers().get(header::CONTENT_TYPE);
        let call = Call {
            method: request.method(),
            path: request.uri().path(),
            is_dry_run: request
                .uri()
                .query()
                .is_some_and(|query| query.contains("dryRun=All")),
            is_json_patch: media_type.is_some_and(|value| value == "application/json-patch+json"),
            body: serde_json::from_slice(request.body()).unwrap_or_default(),
        };
        let (status, body) = self.lock().perform(call);
        Some(json(StatusCode::from_u16(status).ok()?, &body))
    }
}

//! The objects of the API server, and the effects of requests on them.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use crate::fault::refusal;

/// Objects by path.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    objects: BTreeMap<String, Value>,
    writes: u32,
}

/// A parsed request.
pub(crate) struct Call<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) is_dry_run: bool,
    pub(crate) is_json_patch: bool,
    pub(crate) body: Value,
}

type Answer = (u16, Value);

impl Objects {
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        self.objects.get(path)
    }

    pub(crate) fn get_mut(&mut self, path: &str) -> Option<&mut Value> {
        self.objects.get_mut(path)
    }

    pub(crate) fn remove(&mut self, path: &str) -> Option<Value> {
        self.objects.remove(path)
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        let paths = self.objects.keys().filter(|path| !is_event(path));
        paths.cloned().collect()
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        let events = self.objects.iter().filter(|(path, _)| is_event(path));
        events.map(|(_, event)| event.clone()).collect()
    }

    pub(crate) fn put(&mut self, path: &str, mut object: Value) -> Value {
        self.writes += 1;
        let metadata = object["metadata"].as_object_mut();
        let metadata = metadata.expect("an object with metadata");
        if let Some((_, rest)) = path.split_once("/namespaces/")
            && let Some((namespace, _)) = rest.split_once('/')
        {
            metadata
                .entry("namespace")
                .or_insert_with(|| namespace.into());
        }
        let uid = format!("uid-{}", self.writes);
        metadata.entry("uid").or_insert_with(|| uid.into());
        let version = self.writes.to_string();
        metadata.insert("resourceVersion".into(), version.into());
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    /// Performs a request; returns the status and the body of the response.
    pub(crate) fn perform(&mut self, call: Call<'_>) -> Answer {
        if let Some(kinds) = kinds(call.path) {
            return (200, kinds);
        }
        let path = call.path;
        match *call.method {
            Method::GET => match self.objects.get(path) {
                Some(object) => (200, object.clone()),
                None => not_found(),
            },
            Method::POST if path.ends_with("selfsubjectaccessreviews") => {
                (201, json!({"status": {"allowed": true}}))
            }
            Method::POST => self.create(call),
            Method::PUT => self.replace(call),
            Method::PATCH if call.is_json_patch => self.patch(call),
            Method::PATCH => self.apply(call),
            Method::DELETE => self.delete(&call),
            _ => refused(405, "MethodNotAllowed", "no"),
        }
    }

    fn write(&mut self, path: &str, is_dry_run: bool, object: Value) -> Value {
        if is_dry_run {
            object
        } else {
            self.put(path, object)
        }
    }

    fn create(&mut self, call: Call<'_>) -> Answer {
        let name = call.body["metadata"]["name"].as_str().unwrap_or_default();
        let path = format!("{}/{name}", call.path);
        if self.objects.contains_key(&path) {
            let message = format!("objects \"{name}\" already exists");
            return refused(409, "AlreadyExists", &message);
        }
        (201, self.write(&path, call.is_dry_run, call.body))
    }

    fn replace(&mut self, call: Call<'_>) -> Answer {
        let Some(held) = self.objects.get(call.path) else {
            return not_found();
        };
        if held["metadata"]["resourceVersion"] != call.body["metadata"]["resourceVersion"] {
            return refused(409, "Conflict", "the object has been modified");
        }
        (200, self.write(call.path, call.is_dry_run, call.body))
    }

    fn patch(&mut self, call: Call<'_>) -> Answer {
        let Some(held) = self.objects.get(call.path) else {
            return not_found();
        };
        let mut object = held.clone();
        let patched = serde_json::from_value::<json_patch::Patch>(call.body)
            .map_err(|error| error.to_string())
            .and_then(|patch| {
                json_patch::patch(&mut object, &patch).map_err(|error| error.to_string())
            });
        match patched {
            Ok(()) => (200, self.write(call.path, call.is_dry_run, object)),
            Err(error) => refused(422, "Invalid", &error),
        }
    }

    fn apply(&mut self, call: Call<'_>) -> Answer {
        let mut object = call.body;
        let mut status = 201;
        if let Some(existing) = self.objects.get(call.path) {
            object["metadata"]["uid"] = existing["metadata"]["uid"].clone();
            status = 200;
        }
        (status, self.write(call.path, call.is_dry_run, object))
    }

    fn delete(&mut self, call: &Call<'_>) -> Answer {
        let Some(object) = self.objects.get_mut(call.path) else {
            return not_found();
        };
        let wanted = &call.body["preconditions"];
        for field in ["uid", "resourceVersion"] {
            if !wanted[field].is_null() && wanted[field] != object["metadata"][field] {
                return refused(409, "Conflict", "the preconditions do not match the object");
            }
        }
        if object["metadata"]["finalizers"].is_array() {
            object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
            return (200, object.clone());
        }
        self.objects.remove(call.path);
        (200, json!({"kind": "Status", "status": "Success"}))
    }
}

fn is_event(path: &str) -> bool {
    path.contains("/events/")
}

fn refused(status: u16, reason: &str, message: &str) -> Answer {
    (status, refusal(status, reason, message))
}

fn not_found() -> Answer {
    refused(404, "NotFound", "not found")
}

/// If `path` is the path of a group version, returns the discovery document for that group version.
fn kinds(path: &str) -> Option<Value> {
    let resource = |name: &str, kind: &str, namespaced: bool| json!({"name": name, "kind": kind, "namespaced": namespaced, "verbs": ["create"]});
    let resources = match path {
        "/apis/tekton.dev/v1alpha1" => vec![
            resource("pipelineresources/status", "PipelineResource", true),
            resource("pipelineresources", "PipelineResource", true),
        ],
        "/api/v1" => vec![
            resource("configmaps", "ConfigMap", true),
            resource("secrets", "Secret", true),
            resource("namespaces", "Namespace", false),
            resource("pods", "Pod", true),
            resource("serviceaccounts", "ServiceAccount", true),
        ],
        "/apis/apps/v1" => vec![
            resource("daemonsets", "DaemonSet", true),
            resource("deployments", "Deployment", true),
            resource("statefulsets", "StatefulSet", true),
        ],
        "/apis/batch/v1" => vec![resource("jobs", "Job", true)],
        "/apis/tekton.dev/v1" => vec![resource("pipelineruns", "PipelineRun", true)],
        "/apis/serving.knative.dev/v1beta1" => vec![resource("services", "Service", true)],
        "/apis/serving.knative.dev" => {
            return Some(json!({"versions": [{"groupVersion": "serving.knative.dev/v1beta1"}]}));
        }
        _ => return None,
    };
    Some(json!({"kind": "APIResourceList", "resources": resources}))
}

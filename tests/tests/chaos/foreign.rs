//! Objects that belong to other clients. A run must not change these objects, except by applying fields to them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gleaner_tests::fault_proxy::{Fault, FaultProxy};
use gleaner_tests::server::Server;
use http::Method;
use serde_json::{Value, json};

use crate::declaration::{Before, Kind};
use crate::plan::Plan;

/// A value in each foreign object's data, by which the tests recognize the object.
const MARK: &str = "theirs";

/// All foreign objects of a run.
pub(crate) struct Foreign {
    objects: Vec<Theirs>,
    /// The name of the object that another client creates during the run, and a flag that is set once the object exists.
    late: Option<(String, Arc<AtomicBool>)>,
}

/// A foreign object.
struct Theirs {
    object: Value,
    /// True if the run applies fields to the object, so that its resource version changes.
    is_applied_to: bool,
}

impl Foreign {
    /// Creates the foreign objects that exist before the run starts. One has a name that the run does not use; each of the
    /// others has the same name as one of the run's objects.
    pub(crate) async fn create(plan: &Plan, server: &Server) -> Self {
        let mut objects = Vec::new();
        let bystander = config_map("bystander");
        let path = server.path("v1", "configmaps");
        let created = server.post(&path, &bystander).await.expect_status(201);
        objects.push(Theirs {
            object: created.json,
            is_applied_to: false,
        });
        for object in &plan.objects {
            let (Before::Theirs, Some(name)) = (object.before, &object.fixed_name) else {
                continue;
            };
            let (api_version, kind, plural) = object.kind.names();
            let theirs = match object.kind {
                Kind::ConfigMap => config_map(name),
                Kind::Secret => json!({
                    "apiVersion": api_version, "kind": kind, "metadata": {"name": name},
                    "stringData": {"mark": MARK},
                }),
                Kind::PipelineResource => json!({
                    "apiVersion": api_version, "kind": kind, "metadata": {"name": name},
                    "spec": {"type": "image", "params": [{"name": "mark", "value": MARK}]},
                }),
            };
            let path = server.path(api_version, plural);
            let created = server.post(&path, &theirs).await.expect_status(201);
            objects.push(Theirs {
                object: created.json,
                is_applied_to: object.is_applied,
            });
        }
        let late = plan.late_holder.clone();
        let late = late.map(|name| (name, Arc::new(AtomicBool::new(false))));
        Self { objects, late }
    }

    /// Adds a rule that creates the `late` object immediately before the API server performs the run's first create of an object
    /// with the same name.
    pub(crate) fn lie_in_wait(&self, server: &Server, proxy: &FaultProxy) {
        let Some((name, appeared)) = &self.late else {
            return;
        };
        let address = server.url().trim_start_matches("http://").to_owned();
        let path = server.path("v1", "configmaps");
        let body = config_map(name).to_string();
        let appeared = Arc::clone(appeared);
        let create = move || {
            let request = format!(
                "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let mut stream = TcpStream::connect(&address).expect("the local API server");
            stream.write_all(request.as_bytes()).expect("a request");
            let mut response = String::new();
            stream.read_to_string(&mut response).expect("a response");
            // With any other status, the object already exists, because the run created it first.
            if response.starts_with("HTTP/1.1 201") {
                appeared.store(true, Ordering::SeqCst);
            }
        };
        let target = r"/configmaps\?fieldManager=[^&]*&fieldValidation=Strict$";
        let fault = Fault::After(Arc::new(create));
        proxy
            .on(Method::POST, target)
            .named(name)
            .first(1)
            .fail(fault);
    }

    /// Returns true if the `late` object was created.
    pub(crate) fn has_appeared(&self) -> bool {
        let late = self.late.as_ref();
        late.is_some_and(|(_, appeared)| appeared.load(Ordering::SeqCst))
    }

    /// Removes the foreign objects from `existing`. Returns the broken promises, and the foreign objects to which the run applied
    /// fields.
    pub(crate) fn take_out(&self, existing: &mut Vec<Value>) -> (Vec<String>, Vec<Value>) {
        let mut wrong = Vec::new();
        let mut applied_to = Vec::new();
        for theirs in &self.objects {
            let before = &theirs.object;
            let name = before["metadata"]["name"].as_str().unwrap_or_default();
            let uid = &before["metadata"]["uid"];
            let position = existing
                .iter()
                .position(|object| object["metadata"]["uid"] == *uid);
            let Some(position) = position else {
                wrong.push(format!("the foreign object {name} was deleted"));
                continue;
            };
            let now = existing.remove(position);
            let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
            let is_same = version(&now) == version(before);
            let is_marked = now["data"]["mark"] == before["data"]["mark"];
            if !is_marked || !(is_same || theirs.is_applied_to) {
                wrong.push(format!("the foreign object {name} was changed: {now}"));
            }
            if !is_same {
                applied_to.push(now);
            }
        }
        if let Some((name, _)) = &self.late
            && self.has_appeared()
        {
            let position = existing.iter().position(|object| {
                object["metadata"]["name"] == name.as_str() && object["data"]["mark"] == MARK
            });
            match position {
                Some(position) => {
                    let now = existing.remove(position);
                    if !now["metadata"]["labels"].is_null() {
                        wrong.push(format!("the foreign object {name} was changed: {now}"));
                    }
                }
                None => wrong.push(format!("the foreign object {name} was deleted")),
            }
        }
        (wrong, applied_to)
    }
}

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"mark": MARK}})
}

//! A small API server that keeps objects, does as it is told to some requests, and remembers all of them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use gleaner_runtime::api_server::{ApiServer, Bounds};
use gleaner_submission::{Settings, Submitter};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) const NAMESPACE: &str = "ci";
pub(crate) const RUN_UID: &str = "run-1";
pub(crate) const OWNER_UID: &str = "owner-1";

/// What to do with a request instead of answering it.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Answer this.
    Answer(u16, Vec<(&'static str, &'static str)>, Value),
    /// Do it, and close the connection without an answer.
    LoseReply,
    /// Close the connection without doing it.
    Refuse,
    /// Never answer.
    Hang,
    /// Do it, and answer something that is no JSON.
    Garble,
    /// Put this object there first, as if someone had been quicker; then do it.
    Meanwhile(String, Value),
}

/// One request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Value,
}

#[derive(Debug)]
struct Rule {
    method: Method,
    part: String,
    times: usize,
    act: Act,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Value>,
    rules: Vec<Rule>,
    seen: Vec<Seen>,
    uids: u32,
}

/// The API server.
#[derive(Clone)]
pub(crate) struct Mock {
    state: Arc<Mutex<State>>,
    address: std::net::SocketAddr,
}

impl Mock {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::default();
        let mock = Self { state, address };
        let serving = mock.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let mock = serving.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| mock.clone().serve(request));
                    let http = hyper::server::conn::http1::Builder::new();
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        mock
    }

    /// Where it is reached.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A submitter whose bounds no test should reach.
    pub(crate) async fn submitter(&self) -> Submitter {
        self.submitter_with(Settings {
            unauthorised_pause: Duration::from_millis(10),
            ..Settings::default()
        })
        .await
    }

    /// A submitter whose bounds a test can wait for.
    pub(crate) async fn hasty(&self) -> Submitter {
        let settings = Settings {
            deadline: Duration::from_secs(1),
            vanish_timeout: Duration::from_millis(200),
            results_timeout: Duration::from_millis(300),
            ..Settings::default()
        };
        let bounds = Bounds {
            timeout: Duration::from_millis(300),
            ..Bounds::default()
        };
        self.submitter_within(bounds, settings).await
    }

    pub(crate) async fn submitter_with(&self, settings: Settings) -> Submitter {
        self.submitter_within(Bounds::default(), settings).await
    }

    /// A submitter whose requests have other bounds than usual.
    pub(crate) async fn submitter_within(&self, bounds: Bounds, settings: Settings) -> Submitter {
        let server = ApiServer::at(self.url().parse().unwrap(), bounds).unwrap();
        Submitter::new(server, NAMESPACE.into(), RUN_UID.into(), settings)
    }

    /// From now on, `times` requests with this method and `part` in their URI are treated so.
    pub(crate) fn on(&self, method: Method, part: &str, times: usize, act: Act) {
        let part = part.to_owned();
        self.lock().rules.push(Rule {
            method,
            part,
            times,
            act,
        });
    }

    /// Puts an object there; it gets a UID unless it has one.
    pub(crate) fn put(&self, path: &str, object: Value) {
        self.lock().put(path, object);
    }

    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.lock().objects.get(path).cloned()
    }

    /// Changes an object as its controller would.
    pub(crate) fn change(&self, path: &str, change: impl FnOnce(&mut Value)) {
        change(self.lock().objects.get_mut(path).unwrap());
    }

    /// Takes an object away, as the garbage collector would.
    pub(crate) fn remove(&self, path: &str) {
        self.lock().objects.remove(path);
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.lock().objects.keys().cloned().collect()
    }

    /// Requests that came in, without those that change nothing: discovery, reads, dry runs.
    pub(crate) fn writes(&self) -> Vec<Seen> {
        let seen = self.seen();
        let writes = seen
            .into_iter()
            .filter(|seen| seen.method != Method::GET && !seen.query.contains("dryRun=All"));
        writes.collect()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    /// How many requests with this method have `part` in their URI.
    pub(crate) fn count(&self, method: &Method, part: &str) -> usize {
        let seen = self.seen();
        let counts = |seen: &&Seen| {
            let uri = format!("{}?{}", seen.path, seen.query);
            seen.method == *method && uri.contains(part)
        };
        seen.iter().filter(counts).count()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn serve(self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let seen = Seen {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        };
        let act = {
            let mut state = self.lock();
            state.seen.push(seen.clone());
            state.rule(&seen)
        };
        let closed = Err(io::Error::other("closed"));
        match act {
            Some(Act::Answer(code, headers, body)) => Ok(answer(code, &headers, &body)),
            Some(Act::LoseReply) => {
                self.lock().perform(&seen);
                closed
            }
            Some(Act::Refuse) => closed,
            Some(Act::Hang) => {
                let never: Infallible = std::future::pending().await;
                match never {}
            }
            Some(Act::Garble) => {
                self.lock().perform(&seen);
                Ok(Response::builder()
                    .status(201)
                    .body("<html>".into())
                    .unwrap())
            }
            Some(Act::Meanwhile(path, object)) => {
                let mut state = self.lock();
                state.put(&path, object);
                let (code, body) = state.perform(&seen);
                Ok(answer(code, &[], &body))
            }
            None => {
                let (code, body) = self.lock().perform(&seen);
                Ok(answer(code, &[], &body))
            }
        }
    }
}

fn answer(code: u16, headers: &[(&str, &str)], body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(StatusCode::from_u16(code).unwrap());
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.to_string().into()).unwrap()
}

/// A `Status` as the API server writes it.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code, "reason": reason, "message": message,
    })
}

/// Answers with a `Status`.
pub(crate) fn refuse(code: u16, reason: &str, message: &str) -> Act {
    Act::Answer(code, Vec::new(), status(code, reason, message))
}

impl State {
    fn rule(&mut self, seen: &Seen) -> Option<Act> {
        let uri = format!("{}?{}", seen.path, seen.query);
        let named = format!(
            "{uri}#{}",
            seen.body["metadata"]["name"].as_str().unwrap_or_default()
        );
        let matches = |rule: &&mut Rule| {
            rule.times > 0 && rule.method == seen.method && named.contains(&rule.part)
        };
        let rule = self.rules.iter_mut().find(matches)?;
        rule.times -= 1;
        Some(rule.act.clone())
    }

    fn put(&mut self, path: &str, mut object: Value) -> Value {
        self.uids += 1;
        let metadata = object["metadata"].as_object_mut().unwrap();
        let uid = format!("uid-{}", self.uids);
        metadata.entry("uid").or_insert_with(|| uid.into());
        let version = self.uids.to_string();
        metadata.insert("resourceVersion".into(), version.into());
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    fn perform(&mut self, seen: &Seen) -> (u16, Value) {
        if let Some(kinds) = kinds(&seen.path) {
            return (200, kinds);
        }
        let real = !seen.query.contains("dryRun=All");
        let name = seen.body["metadata"]["name"].as_str().unwrap_or_default();
        match seen.method {
            Method::GET => match self.objects.get(&seen.path) {
                Some(object) => (200, object.clone()),
                None => (404, status(404, "NotFound", "not found")),
            },
            Method::POST if seen.path.ends_with("selfsubjectaccessreviews") => {
                (201, json!({"status": {"allowed": true}}))
            }
            Method::POST => {
                let path = format!("{}/{name}", seen.path);
                if self.objects.contains_key(&path) {
                    let words = format!("objects \"{name}\" already exists");
                    return (409, status(409, "AlreadyExists", &words));
                }
                let object = seen.body.clone();
                (
                    201,
                    if real {
                        self.put(&path, object)
                    } else {
                        object
                    },
                )
            }
            Method::PATCH => {
                let existed = self.objects.get(&seen.path).cloned();
                let mut object = seen.body.clone();
                if let Some(existed) = &existed {
                    object["metadata"]["uid"] = existed["metadata"]["uid"].clone();
                }
                let code = if existed.is_some() { 200 } else { 201 };
                let path = seen.path.clone();
                (
                    code,
                    if real {
                        self.put(&path, object)
                    } else {
                        object
                    },
                )
            }
            Method::DELETE => self.delete(seen),
            _ => (405, status(405, "MethodNotAllowed", "no")),
        }
    }

    fn delete(&mut self, seen: &Seen) -> (u16, Value) {
        let Some(object) = self.objects.get_mut(&seen.path) else {
            return (404, status(404, "NotFound", "not found"));
        };
        let wanted = &seen.body["preconditions"];
        for field in ["uid", "resourceVersion"] {
            if !wanted[field].is_null() && wanted[field] != object["metadata"][field] {
                return (
                    409,
                    status(409, "Conflict", "the precondition does not hold"),
                );
            }
        }
        if object["metadata"]["finalizers"].is_array() {
            object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
            return (200, object.clone());
        }
        self.objects.remove(&seen.path);
        (200, json!({"kind": "Status", "status": "Success"}))
    }
}

/// Discovery: what is served, and nothing else.
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
        ],
        "/apis/serving.knative.dev" => {
            return Some(json!({"versions": [{"groupVersion": "serving.knative.dev/v1beta1"}]}));
        }
        _ => return None,
    };
    Some(json!({"kind": "APIResourceList", "resources": resources}))
}

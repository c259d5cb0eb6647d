//! The few objects of an API server that the injector speaks to, with versions and conflicts as a real one has them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, StatusCode, Uri};
use serde_json::{Value, json};

const SECRETS: &str = "/api/v1/namespaces/gleaner/secrets";
const SECRET: &str = "/api/v1/namespaces/gleaner/secrets/injector-tls";
const CONFIGURATION: &str =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/gleaner";
const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/default/events";

/// A server; it lives as long as its test.
#[derive(Clone)]
pub(crate) struct ApiServer {
    address: SocketAddr,
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
pub(crate) struct World {
    version: u64,
    pub(crate) secret: Option<Value>,
    pub(crate) configuration: Option<Value>,
    pub(crate) events: Vec<Value>,
    /// Every request, as `METHOD path`.
    pub(crate) requests: Vec<String>,
    /// Requests that start like this are refused with this code.
    pub(crate) refused: Option<(&'static str, u16)>,
    /// Events are never answered.
    pub(crate) silent: bool,
    /// What `/version` says is the minor version; nothing before it is set.
    pub(crate) minor: Option<&'static str>,
}

impl ApiServer {
    /// One with a webhook configuration of two webhooks.
    pub(crate) async fn start() -> Self {
        let webhook = |name: &str| json!({"name": name, "clientConfig": {"service": {"namespace": "gleaner", "name": "injector"}}});
        let configuration = json!({
            "metadata": {"name": "gleaner", "resourceVersion": "0"},
            "webhooks": [webhook("tekton.gleaner.dev"), webhook("pods.gleaner.dev")],
        });
        let world = World {
            configuration: Some(configuration),
            ..World::default()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let world = Arc::new(Mutex::new(world));
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&world));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, world }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// The authorities that the first webhook trusts, PEM.
    pub(crate) fn bundle(&self) -> String {
        self.bundles().swap_remove(0)
    }

    /// The authorities that each webhook trusts, PEM.
    pub(crate) fn bundles(&self) -> Vec<String> {
        let world = self.world();
        let webhooks = world.configuration.as_ref().unwrap()["webhooks"]
            .as_array()
            .unwrap();
        let bundle = |webhook: &Value| {
            let held = webhook["clientConfig"]["caBundle"]
                .as_str()
                .unwrap_or_default();
            String::from_utf8(STANDARD.decode(held).unwrap()).unwrap()
        };
        webhooks.iter().map(bundle).collect()
    }

    /// A key of the Secret.
    pub(crate) fn secret(&self, key: &str) -> Option<String> {
        let world = self.world();
        let held = world.secret.as_ref()?["data"][key].as_str()?.to_owned();
        String::from_utf8(STANDARD.decode(held).unwrap()).ok()
    }
}

impl World {
    /// Sets `caBundle` of every webhook to this, as somebody else might.
    pub(crate) fn set_bundles(&mut self, bundle: &str) {
        self.version += 1;
        let configuration = self.configuration.as_mut().unwrap();
        configuration["metadata"]["resourceVersion"] = json!(self.version.to_string());
        for webhook in configuration["webhooks"].as_array_mut().unwrap() {
            webhook["clientConfig"]["caBundle"] = json!(STANDARD.encode(bundle));
        }
    }

    fn answer(&mut self, method: &Method, path: &str, body: &[u8]) -> (u16, Value) {
        self.requests.push(format!("{method} {path}"));
        if let Some((_, code)) = self
            .refused
            .filter(|(start, _)| format!("{method} {path}").starts_with(start))
        {
            return status(code, "not for you");
        }
        let sent: Value = serde_json::from_slice(body).unwrap_or_default();
        self.version += 1;
        let version = json!(self.version.to_string());
        match (method.as_str(), path) {
            ("GET", "/version") => match self.minor {
                Some(minor) => (200, json!({"major": "1", "minor": minor})),
                None => status(503, "not yet"),
            },
            ("GET", SECRET) => found(self.secret.as_ref()),
            ("GET", CONFIGURATION) => found(self.configuration.as_ref()),
            ("POST", SECRETS) if self.secret.is_some() => status(409, "it is there already"),
            ("POST", SECRETS) => {
                let secret = self.secret.insert(sent);
                secret["metadata"]["resourceVersion"] = version;
                (201, secret.clone())
            }
            ("PUT", SECRET) => match &mut self.secret {
                None => status(404, "it is gone"),
                Some(held)
                    if held["metadata"]["resourceVersion"]
                        != sent["metadata"]["resourceVersion"] =>
                {
                    status(409, "it has changed")
                }
                Some(held) => {
                    *held = sent;
                    held["metadata"]["resourceVersion"] = version;
                    (200, held.clone())
                }
            },
            ("PATCH", CONFIGURATION) => {
                let patch: json_patch::Patch = serde_json::from_value(sent).unwrap();
                let held = self.configuration.as_mut().unwrap();
                match json_patch::patch(held, &patch) {
                    Ok(()) => {
                        held["metadata"]["resourceVersion"] = version;
                        (200, held.clone())
                    }
                    Err(error) => status(422, &error.to_string()),
                }
            }
            ("POST", EVENTS) => {
                self.events.push(sent.clone());
                (201, sent)
            }
            _ => status(404, "nothing here"),
        }
    }
}

async fn answer(
    State(world): State<Arc<Mutex<World>>>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response {
    let silent = uri.path() == EVENTS && world.lock().unwrap().silent;
    if silent {
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    let (code, json) = world.lock().unwrap().answer(&method, uri.path(), &body);
    (StatusCode::from_u16(code).unwrap(), axum::Json(json)).into_response()
}

fn found(object: Option<&Value>) -> (u16, Value) {
    object.map_or_else(|| status(404, "not found"), |object| (200, object.clone()))
}

fn status(code: u16, message: &str) -> (u16, Value) {
    (
        code,
        json!({"kind": "Status", "status": "Failure", "code": code, "message": message}),
    )
}

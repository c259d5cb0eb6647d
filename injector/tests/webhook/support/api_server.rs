//! A simulated API server with the objects that the injector uses: a Secret, a webhook configuration and Events.

use std::ops::Deref;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gleaner_testkit::api_server;
use gleaner_testkit::fault::Fault;
use http::Method;
use serde_json::{Value, json};

pub(crate) const SECRET: &str = "/api/v1/namespaces/gleaner/secrets/injector-tls";
pub(crate) const CONFIGURATION: &str =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/gleaner";
const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/default/events";
const VERSION: &str = "^/version$";

/// A simulated API server, which runs until its test finishes.
#[derive(Clone)]
pub(crate) struct ApiServer(api_server::ApiServer);

impl ApiServer {
    /// Starts a server with a webhook configuration for two webhooks. The server does not report a version until
    /// [`set_minor_version`](Self::set_minor_version) is called.
    pub(crate) async fn start() -> Self {
        let server = api_server::ApiServer::start();
        let webhook = |name: &str| json!({"name": name, "clientConfig": {"service": {"namespace": "gleaner", "name": "injector"}}});
        let configuration = json!({
            "metadata": {"name": "gleaner"},
            "webhooks": [webhook("tekton.gleaner.dev"), webhook("pods.gleaner.dev")],
        });
        server.put(CONFIGURATION, configuration);
        let unknown = Fault::refuse(503, "", "not yet");
        server.on(Method::GET, VERSION).fail(unknown);
        Self(server)
    }

    /// Returns the CAs that the first webhook trusts, in PEM format.
    pub(crate) fn bundle(&self) -> String {
        self.bundles().swap_remove(0)
    }

    /// Returns the CAs that each webhook trusts, in PEM format.
    pub(crate) fn bundles(&self) -> Vec<String> {
        let configuration = self.get(CONFIGURATION).unwrap();
        let bundle = |webhook: &Value| {
            let held = webhook["clientConfig"]["caBundle"]
                .as_str()
                .unwrap_or_default();
            String::from_utf8(STANDARD.decode(held).unwrap()).unwrap()
        };
        let webhooks = configuration["webhooks"].as_array().unwrap();
        webhooks.iter().map(bundle).collect()
    }

    /// Sets the `caBundle` of every webhook, as another client might do.
    pub(crate) fn set_bundles(&self, bundle: &str) {
        let mut configuration = self.get(CONFIGURATION).unwrap();
        for webhook in configuration["webhooks"].as_array_mut().unwrap() {
            webhook["clientConfig"]["caBundle"] = json!(STANDARD.encode(bundle));
        }
        self.put(CONFIGURATION, configuration);
    }

    /// Returns the value of a key in the Secret.
    pub(crate) fn secret(&self, key: &str) -> Option<String> {
        let held = self.get(SECRET)?["data"][key].as_str()?.to_owned();
        String::from_utf8(STANDARD.decode(held).unwrap()).ok()
    }

    /// Stops responding to requests that create Events.
    pub(crate) fn ignore_events(&self) {
        self.on(Method::POST, EVENTS).fail(Fault::Hang);
    }

    /// Refuses requests whose method and path begin with `start`, until the faults are reset.
    pub(crate) fn refuse(&self, start: &str, status: u16) {
        let (method, path) = start.split_once(' ').unwrap_or((start, ""));
        self.on(method.parse().unwrap(), &format!("^{path}"))
            .fail(Fault::refuse(status, "", "not for you"));
    }

    /// Sets the minor version that the server reports.
    pub(crate) fn set_minor_version(&self, minor: &str) {
        self.heal();
        let version = json!({"major": "1", "minor": minor});
        let known = Fault::answer(200, &[], version);
        self.on(Method::GET, VERSION).fail(known);
    }

    /// Returns the number of requests received so far whose method and path begin with `start`.
    pub(crate) fn asked(&self, start: &str) -> usize {
        let requests = self.requests();
        let begins = |request: &str| request.starts_with(start);
        let named = requests
            .iter()
            .map(|seen| format!("{} {}", seen.method, seen.path));
        named.filter(|request| begins(request)).count()
    }
}

impl Deref for ApiServer {
    type Target = api_server::ApiServer;

    fn deref(&self) -> &api_server::ApiServer {
        &self.0
    }
}

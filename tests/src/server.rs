//! One API server as a case sees it: real or embedded, with a namespace of the case's own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gleaner_apiserver::EmbeddedApiServer;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use kube::client::Body;
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::rig::{Rig, User};
use crate::wait;

/// A server and the case's namespace on it.
pub struct Server {
    backend: Backend,
    namespace: String,
    client: Client,
}

enum Backend {
    Real(Arc<Rig>),
    Embedded(EmbeddedApiServer),
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as text.
    pub text: String,
    /// Its body as JSON; null when it is none.
    pub json: Value,
}

impl Server {
    /// The real server, its CRDs installed and a new namespace made.
    ///
    /// # Panics
    ///
    /// When the server refuses either.
    pub async fn real(rig: Arc<Rig>, crds: &[&str]) -> Self {
        let client = client(rig.url(), Some(&rig.admin().token), Some(rig.authority()))
            .expect("a client for the rig");
        let server = Self {
            backend: Backend::Real(rig),
            namespace: unique_namespace(),
            client,
        };
        for yaml in crds {
            server.install_crds(yaml).await;
        }
        let namespace = server.namespace.clone();
        server.create_namespace(&namespace).await;
        server
    }

    /// An embedded server of the case's own.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub async fn embedded(crds: &[&str]) -> Self {
        let namespace = unique_namespace();
        let mut builder = EmbeddedApiServer::builder().namespace(&namespace);
        for yaml in crds {
            builder = builder.crds(yaml).expect("CRDs");
        }
        let server = builder.start().await.expect("an embedded API server");
        let client = client(&server.url(), None, None).expect("a client");
        Self {
            backend: Backend::Embedded(server),
            namespace,
            client,
        }
    }

    /// Whether this is a real kube-apiserver: for what the embedded one documents that it lacks.
    #[must_use]
    pub fn is_real(&self) -> bool {
        matches!(self.backend, Backend::Real(_))
    }

    /// Its URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.backend {
            Backend::Real(rig) => rig.url().to_owned(),
            Backend::Embedded(server) => server.url(),
        }
    }

    /// The namespace of this case, which no other case uses.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A client that may do everything.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The rig behind a real server.
    #[must_use]
    pub fn rig(&self) -> Option<&Arc<Rig>> {
        match &self.backend {
            Backend::Real(rig) => Some(rig),
            Backend::Embedded(_) => None,
        }
    }

    /// The bearer token that may do everything; none where nobody asks for one.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.rig().map(|rig| rig.admin().token.as_str())
    }

    /// The authority of the server's certificate, as PEM; none for plain HTTP.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.rig().map(|rig| rig.authority())
    }

    /// A kubeconfig file that may do everything in this case's namespace.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        match &self.backend {
            Backend::Real(rig) => rig
                .kubeconfig(rig.admin(), &self.namespace)
                .expect("a kubeconfig"),
            Backend::Embedded(server) => plain_kubeconfig(&server.url(), &self.namespace),
        }
    }

    /// A new user who may do what `rules` say in the case's namespace, and nothing else; real servers only.
    ///
    /// # Panics
    ///
    /// On an embedded server, which knows no users, and when the server refuses the role.
    pub async fn restricted_user(&self, rules: Value) -> User {
        let user = self
            .rig()
            .expect("users need a real server")
            .restricted_user();
        let (namespace, name) = (&self.namespace, &user.name);
        let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}");
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": name}, "rules": rules,
        });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": name},
            "subjects": [{"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"}],
            "roleRef": {"kind": "Role", "name": name, "apiGroup": "rbac.authorization.k8s.io"},
        });
        self.post(&format!("{path}/roles"), &role)
            .await
            .expect_status(201);
        self.post(&format!("{path}/rolebindings"), &binding)
            .await
            .expect_status(201);
        user
    }

    /// Sends a request as it is; `body` is JSON or, for a string value, its text.
    ///
    /// # Panics
    ///
    /// When no answer comes.
    pub async fn send(&self, method: Method, path: &str, media_type: &str, body: &Value) -> Answer {
        let bytes = match body {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            json => json.to_string().into_bytes(),
        };
        send(&self.client, method, path, media_type, bytes).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, "application/json", &Value::Null)
            .await
    }

    /// POST of an object.
    pub async fn post(&self, path: &str, object: &Value) -> Answer {
        self.send(Method::POST, path, "application/json", object)
            .await
    }

    /// PUT of an object.
    pub async fn put(&self, path: &str, object: &Value) -> Answer {
        self.send(Method::PUT, path, "application/json", object)
            .await
    }

    /// PATCH by JSON merge patch.
    pub async fn merge(&self, path: &str, patch: &Value) -> Answer {
        self.send(Method::PATCH, path, "application/merge-patch+json", patch)
            .await
    }

    /// PATCH by server-side apply.
    pub async fn apply(&self, path: &str, object: &Value) -> Answer {
        self.send(Method::PATCH, path, "application/apply-patch+yaml", object)
            .await
    }

    /// DELETE; `options` is a `DeleteOptions` or null.
    pub async fn delete(&self, path: &str, options: &Value) -> Answer {
        self.send(Method::DELETE, path, "application/json", options)
            .await
    }

    /// `/apis/GROUP/VERSION/namespaces/NS/PLURAL` in this case's namespace; `api_version` is such as `v1`, `apps/v1`.
    #[must_use]
    pub fn path(&self, api_version: &str, plural: &str) -> String {
        let root = if api_version.contains('/') {
            "apis"
        } else {
            "api"
        };
        format!(
            "/{root}/{api_version}/namespaces/{}/{plural}",
            self.namespace
        )
    }

    /// Makes another namespace.
    ///
    /// # Panics
    ///
    /// When the server refuses it.
    pub async fn create_namespace(&self, name: &str) {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.post("/api/v1/namespaces", &namespace)
            .await
            .expect_status(201);
    }

    /// Installs CRDs and waits until their kinds are served. Those that are there already stay as they are.
    async fn install_crds(&self, yaml: &str) {
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let crds: Vec<Value> = serde_saphyr::from_multiple(yaml).expect("CRDs in YAML");
        for crd in crds.iter().filter(|crd| !crd.is_null()) {
            let answer = self.post(path, crd).await;
            assert!(
                matches!(answer.status.as_u16(), 201 | 409),
                "{}",
                answer.text
            );
            let spec = &crd["spec"];
            for version in spec["versions"].as_array().into_iter().flatten() {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let objects = format!(
                    "/apis/{}/{}/{}",
                    text(&spec["group"]),
                    text(&version["name"]),
                    text(&spec["names"]["plural"])
                );
                wait::until(&objects, Duration::from_secs(30), async || {
                    let listed = self.get(&objects).await.status == StatusCode::OK;
                    let (list, plural) = objects.rsplit_once('/')?;
                    let resources = self.get(list).await.json;
                    let found = resources["resources"]
                        .as_array()?
                        .iter()
                        .any(|r| r["name"] == plural);
                    (listed && found).then_some(())
                })
                .await;
            }
        }
    }
}

impl Answer {
    /// Itself, if its status is this one.
    ///
    /// # Panics
    ///
    /// When it is another, with what the server said.
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// `reason: message` of a `Status` object.
    #[must_use]
    pub fn refusal(&self) -> String {
        let text = |field: &str| self.json[field].as_str().unwrap_or_default().to_owned();
        format!("{}: {}", text("reason"), text("message"))
    }
}

/// Sends one request through a client.
///
/// # Panics
///
/// When no answer comes.
pub async fn send(
    client: &Client,
    method: Method,
    path: &str,
    media_type: &str,
    body: Vec<u8>,
) -> Answer {
    let mut request = Request::builder().method(&method).uri(path);
    if !body.is_empty() {
        request = request.header("content-type", media_type);
    }
    let request = request.body(Body::from(body)).expect("a request");
    let answer = client
        .send(request)
        .await
        .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    let (parts, body) = answer.into_parts();
    let bytes = body.collect().await.expect("a whole answer").to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let json = serde_json::from_str(&text).unwrap_or_default();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text,
        json,
    }
}

/// A client that repeats nothing on its own.
///
/// # Errors
///
/// When the URL, the token or the certificate is none.
pub fn client(url: &str, token: Option<&str>, authority: Option<&str>) -> Result<Client, String> {
    // Fails when another case was first, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = Config::new(url.parse().map_err(|error| format!("{url}: {error}"))?);
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(5));
    config.read_timeout = Some(Duration::from_secs(30));
    config.auth_info.token = token.map(|token| token.to_owned().into());
    if let Some(pem) = authority {
        use rustls::pki_types::CertificateDer;
        use rustls::pki_types::pem::PemObject;
        let certificates: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        let certificates = certificates.map_err(|error| error.to_string())?;
        config.root_cert = Some(certificates.iter().map(|der| der.to_vec()).collect());
    }
    Client::try_from(config).map_err(|error| error.to_string())
}

fn plain_kubeconfig(url: &str, namespace: &str) -> PathBuf {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "embedded", "cluster": {"server": url}}],
        "users": [{"name": "anybody", "user": {}}],
        "contexts": [{"name": "embedded", "context": {"cluster": "embedded", "user": "anybody", "namespace": namespace}}],
        "current-context": "embedded",
    });
    let path = std::env::temp_dir().join(format!("gleaner-kubeconfig-{namespace}.json"));
    std::fs::write(&path, config.to_string()).expect("a kubeconfig");
    path
}

/// A name that no other case uses, of this run or another.
fn unique_namespace() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!(
        "case-{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

/// Values of `Warning` headers, without the code in front.
#[must_use]
pub fn warnings(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all("warning")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .map(|value| value.trim_start_matches("299 - ").to_owned())
        .collect()
}

/// Labels in the order of their keys, for comparing.
#[must_use]
pub fn labels(object: &Value) -> BTreeMap<String, String> {
    let labels = object["metadata"]["labels"].as_object();
    labels
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

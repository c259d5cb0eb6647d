//! The real or local API server on which a case runs, and the namespace of the case.

mod answer;
mod connect;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gleaner_local_apiserver::LocalApiServer;
use http::{Method, StatusCode};
use kube::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::rig::{Rig, User};
use crate::wait;

pub use answer::{Answer, send};
pub use connect::client;

/// An API server, and the case's namespace on it.
pub struct Server {
    backend: Backend,
    namespace: String,
    client: Client,
}

enum Backend {
    Real(Arc<Rig>),
    /// The local server, and the directory that contains its kubeconfig.
    Local(LocalApiServer, TempDir),
}

impl Server {
    /// Installs the CRDs on a real server, and creates a namespace for the case.
    ///
    /// # Panics
    ///
    /// Panics if the server refuses the CRDs or the namespace.
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

    /// Starts a local server for the case.
    ///
    /// # Panics
    ///
    /// Panics if the server does not start.
    pub async fn local(crds: &[&str]) -> Self {
        let namespace = unique_namespace();
        let mut builder = LocalApiServer::builder().namespace(&namespace);
        for yaml in crds {
            builder = builder.crds(yaml).expect("CRDs");
        }
        let server = builder.start().await.expect("a local API server");
        let client = client(&server.url(), None, None).expect("a client");
        let folder = tempfile::tempdir().expect("a directory");
        Self {
            backend: Backend::Local(server, folder),
            namespace,
            client,
        }
    }

    /// Returns true for a real kube-apiserver. A case can use this to skip features that the local server does not support.
    #[must_use]
    pub fn is_real(&self) -> bool {
        matches!(self.backend, Backend::Real(_))
    }

    /// Returns the server's URL, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.backend {
            Backend::Real(rig) => rig.url().to_owned(),
            Backend::Local(server, _) => server.url(),
        }
    }

    /// Returns the namespace of this case, which no other case uses.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns a client with all permissions.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Returns the rig of a real server; `None` for a local server.
    #[must_use]
    pub fn rig(&self) -> Option<&Arc<Rig>> {
        match &self.backend {
            Backend::Real(rig) => Some(rig),
            Backend::Local(..) => None,
        }
    }

    /// Returns a bearer token with all permissions; `None` if the server does not require a token.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.rig().map(|rig| rig.admin().token.as_str())
    }

    /// Returns the CA of the server's certificate, as PEM; `None` if the server uses plain HTTP.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.rig().map(|rig| rig.authority())
    }

    /// Writes a kubeconfig for a user with all permissions and for this case's namespace, and returns its path.
    ///
    /// # Panics
    ///
    /// Panics if the file cannot be written.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        match &self.backend {
            Backend::Real(rig) => rig
                .kubeconfig(rig.admin(), &self.namespace)
                .expect("a kubeconfig"),
            Backend::Local(server, folder) => {
                connect::plain_kubeconfig(&server.url(), &self.namespace, folder.path())
                    .expect("a kubeconfig")
            }
        }
    }

    /// Returns a new user who has only the permissions in `rules`, and only in the case's namespace. Requires a real server.
    ///
    /// # Panics
    ///
    /// Panics on a local server, which has no users, and if the server refuses the role.
    pub async fn restricted_user(&self, rules: Value) -> User {
        let user = self
            .rig()
            .expect("only a real server has users")
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

    /// Sends a request. Sends no body if `body` is null; sends a string as plain text, and any other value as JSON.
    ///
    /// # Panics
    ///
    /// Panics if no response arrives.
    pub async fn send(&self, method: Method, path: &str, media_type: &str, body: &Value) -> Answer {
        let bytes = match body {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            json => json.to_string().into_bytes(),
        };
        send(&self.client, method, path, media_type, bytes).await
    }

    /// Sends a GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, "application/json", &Value::Null)
            .await
    }

    /// Sends a POST of an object.
    pub async fn post(&self, path: &str, object: &Value) -> Answer {
        self.send(Method::POST, path, "application/json", object)
            .await
    }

    /// Sends a PUT of an object.
    pub async fn put(&self, path: &str, object: &Value) -> Answer {
        self.send(Method::PUT, path, "application/json", object)
            .await
    }

    /// Sends a PATCH with a JSON merge patch.
    pub async fn merge(&self, path: &str, patch: &Value) -> Answer {
        self.send(Method::PATCH, path, "application/merge-patch+json", patch)
            .await
    }

    /// Sends a PATCH for server-side apply.
    pub async fn apply(&self, path: &str, object: &Value) -> Answer {
        self.send(Method::PATCH, path, "application/apply-patch+yaml", object)
            .await
    }

    /// Sends a DELETE; `options` is a `DeleteOptions` or null.
    pub async fn delete(&self, path: &str, options: &Value) -> Answer {
        self.send(Method::DELETE, path, "application/json", options)
            .await
    }

    /// Replaces the status of an object in this case's namespace, as the object's controller would.
    ///
    /// # Panics
    ///
    /// Panics if the object does not exist, or the server refuses the status.
    pub async fn set_status(&self, api_version: &str, plural: &str, name: &str, status: &Value) {
        match &self.backend {
            Backend::Real(_) => {
                let path = format!("{}/{name}/status", self.path(api_version, plural));
                let patch = json!({"status": status});
                self.merge(&path, &patch).await.expect_status(200);
            }
            Backend::Local(server, _) => {
                let status = status.clone();
                server
                    .set_status(api_version, plural, &self.namespace, name, status)
                    .expect("the object");
            }
        }
    }

    /// Returns all objects of a local server except Events. For a real server, returns an empty list.
    #[must_use]
    pub fn local_objects(&self) -> Vec<Value> {
        let Backend::Local(server, _) = &self.backend else {
            return Vec::new();
        };
        let mut objects = server.objects();
        objects.retain(|object| object["kind"] != "Event");
        objects
    }

    /// Returns the path of a kind's objects in this case's namespace, such as `/apis/apps/v1/namespaces/NS/deployments`.
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

    /// Creates an additional namespace.
    ///
    /// # Panics
    ///
    /// Panics if the server refuses the namespace.
    pub async fn create_namespace(&self, name: &str) {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.post("/api/v1/namespaces", &namespace)
            .await
            .expect_status(201);
    }

    /// Installs CRDs and waits until their kinds are served. Existing CRDs are not changed.
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

/// Returns a name that no other case uses, in this test process or any other.
fn unique_namespace() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!(
        "case-{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

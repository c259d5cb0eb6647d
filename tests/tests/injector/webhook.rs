//! Runs injectors for a case, and registers them with the API server for the case's namespace.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gleaner_injector::{Config, Webhook};
use gleaner_runtime::shutdown::{self, Trigger};
use gleaner_tests::rig::User;
use gleaner_tests::server::Server;
use gleaner_tests::wait;
use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
const PATIENCE: Duration = Duration::from_secs(60);

/// A running injector.
pub(crate) struct Replica {
    pub(crate) address: SocketAddr,
    health: SocketAddr,
    end: Trigger,
    served: JoinHandle<()>,
    /// The directory that contains the replica's kubeconfig.
    _folder: TempDir,
}

/// Returns the name of the case's webhook configuration. The name contains the case's namespace, because the
/// configuration is cluster-scoped.
fn configuration(server: &Server) -> String {
    format!("gleaner-{}", server.namespace())
}

pub(crate) fn configuration_path(server: &Server) -> String {
    format!("{CONFIGURATIONS}/{}", configuration(server))
}

/// Creates a user with exactly the permissions that the documentation lists for the injector.
pub(crate) async fn user(server: &Server) -> User {
    let own = json!([
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "update"], "resourceNames": ["injector-tls"]},
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
    ]);
    let user = server.restricted_user(own).await;
    let name = configuration(server);
    let rules = json!([{
        "apiGroups": ["admissionregistration.k8s.io"], "resources": ["mutatingwebhookconfigurations"],
        "resourceNames": [name], "verbs": ["get", "patch"],
    }]);
    let root = "/apis/rbac.authorization.k8s.io/v1";
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name}, "rules": rules,
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
        "subjects": [{"kind": "User", "name": user.name, "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"kind": "ClusterRole", "name": name, "apiGroup": "rbac.authorization.k8s.io"},
    });
    server
        .post(&format!("{root}/clusterroles"), &role)
        .await
        .expect_status(201);
    server
        .post(&format!("{root}/clusterrolebindings"), &binding)
        .await
        .expect_status(201);
    user
}

/// Returns a kubeconfig for `user` that contains the CA certificate itself. The rig's kubeconfig cannot be used, because it
/// refers to a file that each case overwrites.
fn access(server: &Server, user: &User) -> Value {
    let authority = STANDARD.encode(server.authority().expect("a real server"));
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "rig",
        "clusters": [{"name": "rig", "cluster": {"server": server.url(), "certificate-authority-data": authority}}],
        "users": [{"name": "injector", "user": {"token": user.token}}],
        "contexts": [{"name": "rig", "context": {"cluster": "rig", "user": "injector"}}],
    })
}

impl Replica {
    /// Starts a replica in this process, with the permissions of `user`. The replica receives no reviews until [`register`] is
    /// called.
    pub(crate) async fn start(server: &Server, user: &User, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let kubeconfig = folder.path().join("kubeconfig.json");
        std::fs::write(&kubeconfig, access(server, user).to_string()).expect("a kubeconfig");
        let own = [
            "gleaner-injector".to_owned(),
            "--listen=127.0.0.1:0".to_owned(),
            "--health-listen=127.0.0.1:0".to_owned(),
            "--image=registry.example/gleaner:1".to_owned(),
            "--shutdown-delay=0".to_owned(),
            "--certificate-poll=200ms".to_owned(),
            "--service=injector".to_owned(),
            "--certificate-name=127.0.0.1".to_owned(),
            format!("--tls-secret={}/injector-tls", server.namespace()),
            format!("--webhook-configuration={}", configuration(server)),
            format!("--kubeconfig={}", kubeconfig.display()),
        ];
        let flags = own
            .into_iter()
            .chain(flags.iter().map(|&flag| flag.to_owned()));
        let config = Config::read(flags).expect("a command line");
        let webhook = Webhook::bind(config).await.expect("addresses");
        let (address, health) = (webhook.address(), webhook.health_address());
        let (end, shutdown) = shutdown::channel();
        let served =
            tokio::spawn(
                async move { webhook.serve(shutdown).await.expect("the injector serves") },
            );
        Self {
            address,
            health,
            end,
            served,
            _folder: folder,
        }
    }

    /// Waits until the replica's response to `/readyz` is 200.
    pub(crate) async fn is_ready(&self) {
        let client = gleaner_tests::server::client(&format!("http://{}", self.health), None, None)
            .expect("a client");
        wait::until("the injector is ready", PATIENCE, async || {
            let answer =
                gleaner_tests::server::send(&client, http::Method::GET, "/readyz", "", Vec::new())
                    .await;
            (answer.status == StatusCode::OK).then_some(())
        })
        .await;
    }

    /// Stops the replica, and waits until it has exited.
    pub(crate) async fn end(self) {
        self.end.request();
        self.served.await.expect("no panic");
    }
}

/// Registers two webhooks for the case's namespace: one for pods, which calls the replica at `pods`, and one for Tasks and runs,
/// which calls the replica at `tekton`.
pub(crate) async fn register(server: &Server, pods: SocketAddr, tekton: SocketAddr) {
    let webhook = |name: &str, address: SocketAddr, path: &str, rules: Value| {
        json!({
            "name": name,
            "clientConfig": {"url": format!("https://{address}{path}")},
            "rules": rules,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": server.namespace()}},
            "failurePolicy": "Fail", "sideEffects": "NoneOnDryRun", "admissionReviewVersions": ["v1"],
        })
    };
    let pod_rules = json!([{
        "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"],
    }]);
    let tekton_rules = json!([{
        "apiGroups": ["tekton.dev"], "apiVersions": ["v1"], "resources": ["tasks", "taskruns", "pipelineruns"],
        "operations": ["CREATE", "UPDATE"],
    }]);
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": configuration(server)},
        "webhooks": [
            webhook("pods.gleaner.dev", pods, "/mutate/pods", pod_rules),
            webhook("tekton.gleaner.dev", tekton, "/mutate/tekton", tekton_rules),
        ],
    });
    server
        .post(CONFIGURATIONS, &configuration)
        .await
        .expect_status(201);
}

/// Starts and registers one replica, and waits until it is ready and the API server calls it.
pub(crate) async fn injected(server: &Server) -> Replica {
    let replica = Replica::start(server, &user(server).await, &[]).await;
    register(server, replica.address, replica.address).await;
    replica.is_ready().await;
    in_force(server).await;
    replica
}

/// Waits until the API server calls the webhooks and trusts them, because a webhook configuration does not take effect
/// immediately.
pub(crate) async fn in_force(server: &Server) {
    let pods = format!("{}?dryRun=All", server.path("v1", "pods"));
    let tasks = format!("{}?dryRun=All", server.path("tekton.dev/v1", "tasks"));
    // Until then, the API server accepts the object without calling the webhook, or responds with 500 because it does not trust
    // the webhook. A 4xx response comes from the webhook, so the test fails.
    let ask = async |path: &str, object: Value| {
        let answer = server.post(path, &object).await;
        assert!(!answer.status.is_client_error(), "{}", answer.text);
        answer.json
    };
    wait::until("the webhooks take effect", PATIENCE, async || {
        let pod = ask(&pods, super::objects::pod()).await;
        let task = ask(&tasks, super::objects::task()).await;
        let wrapped = pod["spec"]["initContainers"].is_array();
        let injected = task["spec"]["sidecars"].is_array();
        (wrapped && injected).then_some(())
    })
    .await;
}

//! Simulates the API server of a cluster with Tekton and Gleaner. A test changes one object or response, and checks what
//! `gleaner check` then reports.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gleaner_testkit::api_server::ApiServer;
use gleaner_testkit::fault::Fault;
use http::Method;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::{Value, json};

use super::Ran;
use super::report::check;

/// The simulated cluster. For each path in `get`, the API server returns the object; for every other path, it returns 404.
pub(crate) struct Installation {
    pub(crate) get: BTreeMap<String, Value>,
    /// The requests that the API server rejects with 403: the method, and a regular expression for the path and query.
    pub(crate) forbidden: Vec<(Method, &'static str)>,
    /// The API server's response to a dry run that creates a Task.
    pub(crate) dry_run: Fault,
    /// The API server denies access if the body of the access review contains one of these strings, such as `"verb":"create"`.
    pub(crate) denied: Vec<&'static str>,
}

pub(crate) const VERSION: &str = "/version";
pub(crate) const TEKTON_KINDS: &str = "/apis/tekton.dev/v1";
pub(crate) const RESOURCES: &str = "/apis/tekton.dev/v1alpha1";
pub(crate) const INFO: &str = "/api/v1/namespaces/tekton-pipelines/configmaps/pipelines-info";
pub(crate) const FLAGS: &str = "/api/v1/namespaces/tekton-pipelines/configmaps/feature-flags";
pub(crate) const CONFIGURATIONS: &str =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
pub(crate) const SERVICE: &str = "/api/v1/namespaces/gleaner/services/gleaner-injector";
pub(crate) const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/gleaner/endpointslices";
pub(crate) const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/gleaner/deployments/gleaner-injector";
pub(crate) const SECRET: &str = "/api/v1/namespaces/gleaner/secrets/gleaner-injector-tls";
pub(crate) const GUARD: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/pods.gleaner.dev";
pub(crate) const NAMESPACE: &str = "/api/v1/namespaces/builds";
pub(crate) const ACCOUNT: &str = "/api/v1/namespaces/builds/serviceaccounts/default";

impl Installation {
    /// Returns a cluster in which the chart and Tekton are correctly installed.
    pub(crate) fn sound() -> Self {
        let kinds = |kinds: &[(&str, &str)]| {
            let kind = |(name, kind): &(&str, &str)| json!({"name": name, "kind": kind, "namespaced": true});
            json!({"resources": kinds.iter().map(kind).collect::<Vec<_>>()})
        };
        let tekton = [
            ("tasks", "Task"),
            ("taskruns", "TaskRun"),
            ("taskruns/status", "TaskRun"),
            ("pipelines", "Pipeline"),
            ("pipelineruns", "PipelineRun"),
        ];
        let injector = json!({"args": [
            "--image=i", "--allow-kind=*", "--tls-secret=gleaner/gleaner-injector-tls",
        ]});
        let binding = json!({"spec": {"validationActions": ["Deny"]}});
        let policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic";
        let slice = json!({
            "metadata": {"labels": {"kubernetes.io/service-name": "gleaner-injector"}},
            "endpoints": [{"conditions": {"ready": true}}, {"conditions": {}}, {"conditions": {"ready": false}}],
        });
        let other = json!({
            "metadata": {"labels": {"kubernetes.io/service-name": "other"}},
            "endpoints": [{"conditions": {"ready": true}}],
        });
        let get = [
            (
                VERSION,
                json!({"major": "1", "minor": "36", "gitVersion": "v1.36.2"}),
            ),
            (TEKTON_KINDS, kinds(&tekton)),
            (
                RESOURCES,
                kinds(&[("pipelineresources", "PipelineResource")]),
            ),
            (
                "/api/v1",
                kinds(&[("configmaps", "ConfigMap"), ("secrets", "Secret")]),
            ),
            (INFO, json!({"data": {"version": "v1.15.1"}})),
            (
                FLAGS,
                json!({"data": {"results-from": "termination-message"}}),
            ),
            (
                CONFIGURATIONS,
                list(&[
                    own_webhooks(),
                    tekton_webhooks(),
                    webhooks_for_pods("a-sidecar"),
                    webhooks_for_pods("mesh"),
                ]),
            ),
            (SERVICE, json!({"metadata": {"name": "gleaner-injector"}})),
            (SLICES, list(&[slice, other])),
            (
                DEPLOYMENT,
                json!({
                    "metadata": {"labels": {"app.kubernetes.io/version": env!("CARGO_PKG_VERSION")}},
                    "spec": {"template": {"spec": {"containers": [injector]}}},
                }),
            ),
            (SECRET, json!({"data": {"tls.crt": certificate(-1, 29)}})),
            (GUARD, json!({})),
            (
                &format!("{policies}ies/pipelineresources.gleaner.dev"),
                json!({}),
            ),
            (
                &format!("{policies}ybindings/pods.gleaner.dev"),
                binding.clone(),
            ),
            (
                &format!("{policies}ybindings/pipelineresources.gleaner.dev"),
                binding,
            ),
            (
                NAMESPACE,
                json!({"metadata": {"labels": {"kubernetes.io/metadata.name": "builds"}}}),
            ),
            (ACCOUNT, json!({"metadata": {"name": "default"}})),
        ];
        let injected = json!({"spec": {"sidecars": [{"name": "gleaner"}]}});
        Self {
            get: get.map(|(path, object)| (path.to_owned(), object)).into(),
            forbidden: Vec::new(),
            dry_run: Fault::answer(201, &[], injected),
            denied: Vec::new(),
        }
    }

    /// Returns the object at `path`, so that a test can modify it.
    pub(crate) fn at(&mut self, path: &str) -> &mut Value {
        self.get.get_mut(path).expect(path)
    }

    /// Returns Gleaner's webhook configuration, so that a test can modify it.
    pub(crate) fn webhooks(&mut self) -> &mut Value {
        &mut self.at(CONFIGURATIONS)["items"][0]
    }

    /// Starts an API server that simulates this cluster.
    pub(crate) fn start(&self) -> ApiServer {
        let server = ApiServer::start();
        for (method, target) in &self.forbidden {
            let refusal = Fault::refuse(403, "Forbidden", "User \"u\" cannot do this");
            server.on(method.clone(), target).fail(refusal);
        }
        let decision =
            |allowed: bool| Fault::answer(201, &[], json!({"status": {"allowed": allowed}}));
        for text in &self.denied {
            let rule = server.on(Method::POST, "subjectaccessreviews$");
            rule.containing(text).fail(decision(false));
        }
        let reviews = server.on(Method::POST, "subjectaccessreviews$");
        reviews.fail(decision(true));
        for (path, object) in &self.get {
            let target = format!("^{}(\\?|$)", path.replace('.', "\\."));
            let response = Fault::answer(200, &[], object.clone());
            server.on(Method::GET, &target).fail(response);
        }
        let missing = Fault::refuse(404, "NotFound", "not found");
        server.on(Method::GET, "").fail(missing);
        let tasks = "/namespaces/builds/tasks\\?dryRun=All$";
        server.on(Method::POST, tasks).fail(self.dry_run.clone());
        server
    }

    /// Runs `gleaner check` in this cluster.
    pub(crate) fn check(&self, arguments: &[&str]) -> Ran {
        check(&self.start().url(), arguments)
    }

    /// Runs `gleaner check` in this cluster, and returns the exit code and the JSON report.
    pub(crate) fn report(&self, arguments: &[&str]) -> (i32, Value) {
        let ran = self.check(&[&["-o", "json"], arguments].concat());
        assert_eq!(ran.stderr, "");
        (ran.code, serde_json::from_str(&ran.stdout).expect("JSON"))
    }
}

pub(crate) fn list(items: &[Value]) -> Value {
    json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items})
}

fn own_webhooks() -> Value {
    let webhook = |name: &str, failure: &str| {
        let client = json!({
            "caBundle": certificate(-1, 700),
            "service": {"name": "gleaner-injector", "namespace": "gleaner"},
        });
        let expressions = json!([
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", "gleaner"]},
            {"key": "gleaner.dev/injection", "operator": "NotIn", "values": ["disabled"]},
        ]);
        json!({
            "name": name,
            "clientConfig": client,
            "failurePolicy": failure,
            "reinvocationPolicy": "IfNeeded",
            "namespaceSelector": {"matchExpressions": expressions},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "operations": ["CREATE"]}],
        })
    };
    let webhooks = [
        webhook("tekton.gleaner.dev", "Fail"),
        webhook("pods.gleaner.dev", "Ignore"),
    ];
    json!({"metadata": {"name": "gleaner.dev"}, "webhooks": webhooks})
}

fn tekton_webhooks() -> Value {
    let client =
        json!({"service": {"name": "tekton-pipelines-webhook", "namespace": "tekton-pipelines"}});
    let rules =
        json!([{"apiGroups": ["tekton.dev"], "resources": ["tasks"], "operations": ["CREATE"]}]);
    let webhook =
        json!({"name": "webhook.pipeline.tekton.dev", "clientConfig": client, "rules": rules});
    json!({"metadata": {"name": "webhook.pipeline.tekton.dev"}, "webhooks": [webhook]})
}

fn webhooks_for_pods(name: &str) -> Value {
    let rules = json!([{"apiGroups": ["*"], "resources": ["pods"], "operations": ["*"]}]);
    json!({"metadata": {"name": name}, "webhooks": [{"name": "w.example.com", "rules": rules}]})
}

/// Returns a certificate, encoded as in a Secret. The certificate is valid from `from` to `until`, both in days relative to now.
pub(crate) fn certificate(from: i64, until: i64) -> String {
    const DAY: i64 = 24 * 3600;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let at = |days: i64| {
        let seconds = i64::try_from(now).unwrap() + days * DAY;
        date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds.try_into().unwrap())
    };
    let mut params = CertificateParams::new(["gleaner-injector.gleaner.svc".to_owned()]).unwrap();
    params.not_before = at(from);
    params.not_after = at(until);
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    STANDARD.encode(certificate.pem())
}

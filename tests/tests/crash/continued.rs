//! Kills the sidecar after it has created objects. The restarted sidecar adopts these objects, even if the API server would now
//! refuse to create them. It also reports objects that it cannot look up.

use std::time::Duration;

use gleaner_tests::cases;
use gleaner_tests::fault_proxy::{Fault, FaultProxy};
use gleaner_tests::run::{Run, Running};
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use gleaner_tests::wait;
use http::Method;
use serde_json::{Value, json};

use crate::{PROGRAMS, objects, uids};

const DEADLINE: Duration = Duration::from_secs(20);

/// A declaration that contains three ConfigMaps. The last ConfigMap has a `waitFor`.
const WAITING: &str = "
steps: {build: [{name: digest}]}
objects:
  - name: one
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {generateName: one-}
      data: {digest: $(steps.build.digest)}
  - name: two
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {generateName: two-}
      data: {digest: $(steps.build.digest)}
  - name: zero
    waitFor: {jsonPath: .data.ready, value: 'yes', timeout: 1m}
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {generateName: zero-}
      data: {digest: $(steps.build.digest)}
";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = cases![
        a_sidecar_killed_while_it_waits_adopts_objects_that_would_now_be_refused,
        a_sidecar_killed_between_two_creates_adopts_the_secret,
    ];
    cases.push(
        Case::new(
            "a_sidecar_killed_while_it_waits_adopts_objects_that_exhaust_the_quota",
            a_sidecar_killed_while_it_waits_adopts_objects_that_exhaust_the_quota,
        )
        .real_only(),
    );
    cases.push(
        Case::new(
            "a_sidecar_killed_while_it_waits_adopts_objects_that_a_policy_now_refuses",
            a_sidecar_killed_while_it_waits_adopts_objects_that_a_policy_now_refuses,
        )
        .real_only(),
    );
    // Run this case only on the local server, because the rollback takes half a minute and does not depend on the server.
    cases.push(
        Case::new(
            "a_sidecar_killed_before_an_outage_reports_the_objects_that_may_exist",
            a_sidecar_killed_before_an_outage_reports_the_objects_that_may_exist,
        )
        .local_only(),
    );
    cases
}

/// Starts the run, waits until all three objects exist, kills the sidecar while it waits for a field of the last object, and
/// returns the running step and the objects.
async fn killed_while_waiting(run: &mut Run<'_>) -> (Running, Vec<Value>) {
    run.start().await;
    let step = run.step("build").writes("digest", "one").begin();
    let all = wait::until("all three objects exist", DEADLINE, async || {
        let objects = objects(run).await;
        (objects.len() == 3).then_some(objects)
    });
    let before = all.await;
    run.kill().await;
    (step, before)
}

/// Restarts the sidecar, sets the field that the sidecar waits for, and asserts that the run succeeds with the same three
/// objects.
async fn adopts(server: &Server, run: &mut Run<'_>, step: Running, before: Vec<Value>) {
    run.start().await;
    let last = before.last().expect("three objects");
    let name = last["metadata"]["name"].as_str().expect("a name");
    let path = server.path("v1", "configmaps");
    let path = format!("{path}/{name}?fieldManager=a-controller");
    let ready = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"ready": "yes"},
    });
    server.apply(&path, &ready).await.expect_status(200);
    step.ended().await.expect(0);
    run.finish().await.expect(0);
    assert_eq!(uids(&objects(run).await), uids(&before));
}

async fn a_sidecar_killed_while_it_waits_adopts_objects_that_would_now_be_refused(server: &Server) {
    let proxy = FaultProxy::start(server.client()).await;
    let mut run = Run::new(PROGRAMS, server, WAITING).through(&proxy);
    let (step, before) = killed_while_waiting(&mut run).await;
    let words = "configmaps \"x\" is forbidden: exceeded quota: small, used: configmaps=3, limited: configmaps=3";
    proxy
        .on(Method::POST, "/configmaps")
        .fail(Fault::refuse(403, "Forbidden", words));
    adopts(server, &mut run, step, before).await;
    assert_eq!(proxy.count(&Method::DELETE, ""), 0);
}

/// Waits until the server refuses to create another ConfigMap, with a message that contains `word`.
async fn refuses_another(server: &Server, word: &str) {
    let another = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "another"}});
    let path = format!("{}?dryRun=All", server.path("v1", "configmaps"));
    wait::until("another ConfigMap is refused", DEADLINE, async || {
        let answer = server.post(&path, &another).await;
        answer.refusal().contains(word).then_some(())
    })
    .await;
}

async fn a_sidecar_killed_while_it_waits_adopts_objects_that_exhaust_the_quota(server: &Server) {
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"},
        "spec": {"hard": {"configmaps": "3"}},
    });
    let path = server.path("v1", "resourcequotas");
    server.post(&path, &quota).await.expect_status(201);
    // No controller is running that would count the existing objects, so the test sets the initial count. The API server's
    // admission counts later changes.
    let status = json!({"hard": {"configmaps": "3"}, "used": {"configmaps": "0"}});
    server
        .set_status("v1", "resourcequotas", "small", &status)
        .await;
    let mut run = Run::new(PROGRAMS, server, WAITING);
    let (step, before) = killed_while_waiting(&mut run).await;
    refuses_another(server, "exceeded quota").await;
    adopts(server, &mut run, step, before).await;
}

async fn a_sidecar_killed_while_it_waits_adopts_objects_that_a_policy_now_refuses(server: &Server) {
    let mut run = Run::new(PROGRAMS, server, WAITING);
    let (step, before) = killed_while_waiting(&mut run).await;
    let name = server.namespace();
    let root = "/apis/admissionregistration.k8s.io/v1";
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"],
            }]},
            "validations": [{"expression": "false", "message": "no more of these"}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {
            "policyName": name, "validationActions": ["Deny"],
            // Limit the policy to this case's namespace, because other cases use the same server.
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}},
        },
    });
    for (plural, object) in [
        ("validatingadmissionpolicies", policy),
        ("validatingadmissionpolicybindings", binding),
    ] {
        let path = format!("{root}/{plural}");
        server.post(&path, &object).await.expect_status(201);
    }
    refuses_another(server, "no more of these").await;
    adopts(server, &mut run, step, before).await;
}

async fn a_sidecar_killed_before_an_outage_reports_the_objects_that_may_exist(server: &Server) {
    let proxy = FaultProxy::start(server.client()).await;
    let mut run = Run::new(PROGRAMS, server, WAITING)
        .through(&proxy)
        .flag("--submit-deadline=1s");
    run.crash_at("created-1");
    run.start().await;
    let step = run.step("build").writes("digest", "one").begin();
    run.crash(&step).await;
    let before = objects(&run).await;
    assert_eq!(before.len(), 2);
    for method in [Method::GET, Method::POST, Method::DELETE] {
        proxy.on(method, "").fail(Fault::Close);
    }
    run.start().await;
    let ended = step.ended().await.expect(73);
    ended.says(&["may have been created (if so, delete by hand)"]);
    let status = run.get("/v1/status").await.json;
    let left = status["problem"]["left"].as_array().expect("what is left");
    let mut named: Vec<&Value> = left.iter().map(|left| &left["object"]["name"]).collect();
    named.sort_unstable_by_key(|name| name.as_str());
    assert_eq!(named.len(), 3, "{status}");
    for object in &before {
        assert!(named.contains(&&object["metadata"]["name"]), "{status}");
    }
    assert!(left.iter().all(|left| left["state"] == "mayExist"));
}

/// To detect whether an existing Secret has the same content, the sidecar compares keyed hashes. The key is in the journal, so
/// the restarted sidecar calculates the same hash.
async fn a_sidecar_killed_between_two_creates_adopts_the_secret(server: &Server) {
    let declaration = "
steps: {build: [{name: token, secret: true}]}
objects:
  - name: credentials
    resourceTemplate:
      apiVersion: v1
      kind: Secret
      metadata: {generateName: credentials-}
      stringData: {token: $(steps.build.token)}
  - name: note
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {generateName: note-}
      data: {secret: $(resources.credentials.name)}
";
    let mut run = Run::new(PROGRAMS, server, declaration);
    run.crash_at("created-0");
    run.start().await;
    let step = run
        .step("build")
        .writes("token", "correct-horse-battery")
        .begin();
    run.crash(&step).await;
    let before = run.objects("v1", "secrets").await;
    assert_eq!(before.len(), 1);
    run.start().await;
    step.ended().await.expect(0);
    assert_eq!(uids(&run.objects("v1", "secrets").await), uids(&before));
}

//! A failing run leaves no objects, even if its sidecar is killed.

use gleaner_tests::cases;
use gleaner_tests::fault_proxy::{Fault, FaultProxy};
use gleaner_tests::run::Run;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use http::Method;
use serde_json::Value;

use crate::{PROGRAMS, objects};

/// A declaration with two objects, which the API server accepts, and a Role, which the proxy refuses.
const THREE: &str = "
steps: {build: [{name: digest}]}
resources:
  - name: img
    spec: {type: image, params: [{name: digest, value: $(steps.build.digest)}]}
objects:
  - name: note
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {generateName: note-}
      data: {digest: $(steps.build.digest)}
  - name: reader
    resourceTemplate:
      apiVersion: rbac.authorization.k8s.io/v1
      kind: Role
      metadata: {generateName: reader-, labels: {digest: $(steps.build.digest)}}
      rules: [{apiGroups: [apps], resources: [deployments], verbs: [get]}]
";

/// Matches the create request for the Role, but not its dry run.
const CREATE: &str = r"/roles\?fieldManager";

/// The crash points, in the order in which the sidecar reaches them, each with the number of objects that exist at that point.
const POINTS: &[(&str, &str, usize)] = &[
    (
        "a_failing_run_killed_when_outputs_are_accepted",
        "accepted",
        0,
    ),
    ("a_failing_run_killed_after_the_dry_run", "dry-run", 0),
    (
        "a_failing_run_killed_after_the_first_create",
        "created-0",
        1,
    ),
    (
        "a_failing_run_killed_after_the_second_create",
        "created-1",
        2,
    ),
    (
        "a_failing_run_killed_before_the_third_create",
        "creating-2",
        2,
    ),
    (
        "a_failing_run_killed_before_the_rollback",
        "rolling-back",
        2,
    ),
    ("a_failing_run_killed_after_the_rollback", "rolled-back", 0),
    (
        "a_failing_run_killed_when_the_outcome_is_journaled",
        "outcome-journaled",
        0,
    ),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = cases![
        a_failing_run_killed_at_every_point_in_turn_leaves_no_objects,
        objects_of_a_killed_sidecar_are_deleted_when_a_later_dry_run_is_refused,
        objects_of_a_killed_sidecar_are_deleted_when_a_kind_disappears,
        a_failing_run_killed_before_a_delete_response_is_lost_leaves_no_objects,
        objects_applied_by_a_killed_sidecar_are_deleted,
        objects_that_existed_before_a_killed_sidecar_applied_them_remain,
    ];
    cases.extend(POINTS.iter().map(|&(name, point, existing)| {
        Case::new(name, async move |server: &Server| {
            killed_at(server, point, existing).await;
        })
    }));
    cases
}

async fn nothing_stays(run: &Run<'_>) {
    let none: [Value; 0] = [];
    assert_eq!(objects(run).await, none);
    assert_eq!(
        run.objects("rbac.authorization.k8s.io/v1", "roles").await,
        none
    );
    // The outcome of the run is still a failure.
    run.finish().await.expect(73);
}

async fn killed_at(server: &Server, point: &str, existing: usize) {
    let proxy = FaultProxy::start(server.client()).await;
    proxy.on(Method::POST, CREATE).fail(Fault::status(403));
    let mut run = Run::new(PROGRAMS, server, THREE).through(&proxy);
    run.crash_at(point);
    run.start().await;
    let step = run.step("build").writes("digest", "one").begin();
    run.crash(&step).await;
    assert_eq!(objects(&run).await.len(), existing);
    run.start().await;
    step.ended().await.expect(73).says(&["reader"]);
    nothing_stays(&run).await;
}

async fn a_failing_run_killed_at_every_point_in_turn_leaves_no_objects(server: &Server) {
    let proxy = FaultProxy::start(server.client()).await;
    proxy.on(Method::POST, CREATE).fail(Fault::status(403));
    let mut run = Run::new(PROGRAMS, server, THREE).through(&proxy);
    run.crash_at(POINTS[0].1);
    run.start().await;
    let step = run.step("build").writes("digest", "one").begin();
    for (i, &(_, _, existing)) in POINTS.iter().enumerate() {
        run.crash(&step).await;
        assert_eq!(objects(&run).await.len(), existing);
        if let Some((_, next, _)) = POINTS.get(i + 1) {
            run.crash_at(next);
        }
        run.start().await;
    }
    step.ended().await.expect(73);
    nothing_stays(&run).await;
}

/// Kills the sidecar after it has created two objects, calls `fail`, which adds faults to the proxy, and asserts that the
/// restarted sidecar leaves no objects.
async fn killed_then(server: &Server, fail: impl Fn(&FaultProxy)) {
    let proxy = FaultProxy::start(server.client()).await;
    let mut run = Run::new(PROGRAMS, server, THREE).through(&proxy);
    run.crash_at("created-1");
    run.start().await;
    let step = run.step("build").writes("digest", "one").begin();
    run.crash(&step).await;
    assert_eq!(objects(&run).await.len(), 2);
    fail(&proxy);
    run.start().await;
    step.ended().await.expect(73).says(&["reader"]);
    nothing_stays(&run).await;
}

async fn objects_of_a_killed_sidecar_are_deleted_when_a_later_dry_run_is_refused(server: &Server) {
    killed_then(server, |proxy| {
        proxy.on(Method::POST, "/roles").fail(Fault::status(403));
    })
    .await;
}

async fn objects_of_a_killed_sidecar_are_deleted_when_a_kind_disappears(server: &Server) {
    killed_then(server, |proxy| {
        // The dry run (POST) must fail too, because the restarted sidecar reads the kind from its journal instead of repeating
        // discovery (GET).
        for method in [Method::GET, Method::POST] {
            let fault = Fault::status(404);
            proxy
                .on(method, "/rbac.authorization.k8s.io/v1")
                .fail(fault);
        }
    })
    .await;
}

async fn a_failing_run_killed_before_a_delete_response_is_lost_leaves_no_objects(server: &Server) {
    let proxy = FaultProxy::start(server.client()).await;
    proxy.on(Method::POST, CREATE).fail(Fault::status(403));
    proxy.on(Method::DELETE, "").nth(1).fail(Fault::DropReply);
    let mut run = Run::new(PROGRAMS, server, THREE).through(&proxy);
    run.crash_at("rolling-back");
    run.start().await;
    let step = run.step("build").writes("digest", "one").begin();
    run.crash(&step).await;
    run.start().await;
    step.ended().await.expect(73);
    nothing_stays(&run).await;
}

/// Returns a declaration with an additional object that is applied, so that the object may exist before the run.
fn applied() -> String {
    let (head, objects) = THREE.split_once("objects:\n").expect("objects");
    format!("{head}objects:\n{SETTINGS}{objects}")
}

const SETTINGS: &str = "
  - name: settings
    policy: Apply
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: settings}
      data: {digest: $(steps.build.digest)}
";

/// Executes a run that fails and whose sidecar is killed after it has applied the object `settings`. Returns the object's path.
async fn killed_when_applied(server: &Server) -> String {
    let proxy = FaultProxy::start(server.client()).await;
    proxy.on(Method::POST, CREATE).fail(Fault::status(403));
    let mut run = Run::new(PROGRAMS, server, &applied()).through(&proxy);
    run.crash_at("created-1");
    run.start().await;
    let step = run.step("build").writes("digest", "one").begin();
    run.crash(&step).await;
    let path = format!("{}/settings", server.path("v1", "configmaps"));
    let settings = server.get(&path).await.expect_status(200).json;
    assert_eq!(settings["data"]["digest"], "one");
    run.start().await;
    step.ended().await.expect(73);
    path
}

async fn objects_applied_by_a_killed_sidecar_are_deleted(server: &Server) {
    let path = killed_when_applied(server).await;
    server.get(&path).await.expect_status(404);
}

async fn objects_that_existed_before_a_killed_sidecar_applied_them_remain(server: &Server) {
    let path = server.path("v1", "configmaps");
    let settings = serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"theirs": "kept"},
    });
    server.post(&path, &settings).await.expect_status(201);
    let path = killed_when_applied(server).await;
    let settings = server.get(&path).await.expect_status(200).json;
    assert_eq!(settings["data"]["theirs"], "kept");
}

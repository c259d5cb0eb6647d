//! The examples in the proposal.

use gleaner_tests::run::Run;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use gleaner_tests::{KNATIVE_CRDS, cases};
use serde_json::{Value, json};

use crate::{PROGRAMS, declaration, only, resources};

/// The proposal's five documents, verbatim.
const PROPOSAL: &str = include_str!("../../../examples/build-and-test.yaml");
/// The resource that the proposal's Task generates, as the proposal shows it.
const GENERATED: &str = include_str!("../../fixtures/generated-resource.yaml");

const IMAGE: &str = "docker.io/chhsiao/knative-route-demo";
const DIGEST: &str = "sha256:54eda95dcc205717e35f96a257b6aab16b9817870ede5739ef739484a27b8678";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = cases![
        the_proposals_task_creates_the_resource_that_the_proposal_shows,
        without_knative_nothing_is_created_and_the_missing_kind_is_reported,
    ];
    let with_knative = Case::new(
        "with_knative_the_image_is_recorded_and_deployed",
        with_knative_the_image_is_recorded_and_deployed,
    );
    cases.push(with_knative.crds(&[KNATIVE_CRDS]));
    cases
}

async fn the_proposals_task_creates_the_resource_that_the_proposal_shows(server: &Server) {
    let mut expected: Value = serde_saphyr::from_str(GENERATED).expect("the generated resource");
    let owner = expected["metadata"]["ownerReferences"][0].clone();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();

    let mut run = Run::new(PROGRAMS, server, &declaration(PROPOSAL, "build-and-push"))
        .task("build-and-push")
        .task_run("build-and-push-run")
        .pipeline_run(&text(&owner["name"]), &text(&owner["uid"]))
        .param("imageUrl", IMAGE);
    run.start().await;
    let step = run.step("kaniko").writes("digest", format!("{DIGEST}\n"));
    step.last().run().await.expect(0);

    let created = run
        .objects("tekton.dev/v1alpha1", "pipelineresources")
        .await;
    let [created] = created.as_slice() else {
        panic!("expected one resource, got {created:#?}");
    };
    // The documentation lists two differences from the proposal. The first is the owner's API version, because Tekton no longer
    // serves the proposal's version.
    expected["metadata"]["ownerReferences"][0]["apiVersion"] = json!("tekton.dev/v1");
    assert_eq!(
        created["metadata"]["ownerReferences"],
        expected["metadata"]["ownerReferences"]
    );
    // The second difference is that the object has additional labels.
    let mut labels = expected["metadata"]["labels"].clone();
    labels["tekton.dev/taskRun"] = json!("build-and-push-run");
    labels["tekton.dev/pipelineRun"] = json!("build-and-test-run");
    labels["app.kubernetes.io/managed-by"] = json!("gleaner");
    assert_eq!(created["metadata"]["labels"], labels);
    for field in ["apiVersion", "kind", "spec"] {
        assert_eq!(created[field], expected[field], "{field}");
    }
    let name = text(&created["metadata"]["name"]);
    let (prefix, suffix) = name.split_at(name.len() - 5);
    let wanted = text(&expected["metadata"]["name"]);
    assert_eq!(prefix, &wanted[..wanted.len() - 5]);
    assert!(
        suffix
            .bytes()
            .all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(&byte)),
        "{name}"
    );

    let uid = created["metadata"]["uid"].clone();
    let result = json!({"name": name, "uid": uid, "type": "image", "url": IMAGE, "digest": DIGEST});
    assert_eq!(run.results(), [("img".to_owned(), result)]);
}

fn build_and_deploy() -> String {
    let example = include_str!("../../../examples/build-and-deploy.yaml");
    declaration(example, "build-and-deploy")
}

async fn with_knative_the_image_is_recorded_and_deployed(server: &Server) {
    let mut run = Run::new(PROGRAMS, server, &build_and_deploy()).param("imageUrl", IMAGE);
    run.start().await;
    let step = run.step("build").writes("digest", DIGEST).first().last();
    step.run().await.expect(0);
    only(resources(&run).await);
    let service = only(run.objects("serving.knative.dev/v1", "services").await);
    assert_eq!(service["metadata"]["name"], "blue-green-demo");
    // The Service has no owner, so it outlives the run.
    assert_eq!(service["metadata"].get("ownerReferences"), None);
    let container = &service["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], format!("{IMAGE}@{DIGEST}"));
}

async fn without_knative_nothing_is_created_and_the_missing_kind_is_reported(server: &Server) {
    let mut run = Run::new(PROGRAMS, server, &build_and_deploy()).param("imageUrl", IMAGE);
    run.start().await;
    // The preflight reports the missing kind, but the step still runs, as in the proposal.
    let step = run.step("build").writes("digest", DIGEST).first();
    step.run().await.expect(73).says(&[
        "kind Service of serving.knative.dev/v1 is not served",
        "install its CRD",
    ]);
    assert!(run.has_run("build"));
    assert_eq!(resources(&run).await, [json!(null); 0]);
    let status = run.get("/v1/status").await.json;
    assert!(
        status["notes"]
            .to_string()
            .contains("preflight: 'knative-service'"),
        "{status}"
    );
    run.finish().await.expect(73);
}

//! Tests `gleaner run --object`, which creates objects in the local API server before the first step.

use crate::support::{self, ONE, command, file, gleaner_with_input, ran, task};

const STEP: &str = "steps: [{name: one, image: i, script: 'printf x > $GLEANER_OUTPUTS/a'}]";

/// A declaration that creates a ConfigMap in the namespace `extra`.
const ELSEWHERE: &str = "
steps: {one: [{name: a}]}
objects:
  - name: cm
    policy: Apply
    owned: false
    resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: cm, namespace: extra}, data: {a: $(steps.one.a)}}
";

#[test]
fn a_run_does_not_overwrite_an_existing_object() {
    let directory = tempfile::tempdir().unwrap();
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm}\ndata: {a: old}\n";
    let seed = file(directory.path(), "cm.yaml", text);
    // An object that specifies no namespace is created in the run's namespace.
    for arguments in [vec![], vec!["-n", "ci"]] {
        let all = [&["run", "-f", "-", "--object", &seed], &arguments[..]].concat();
        gleaner_with_input(&all, &task(ONE, STEP))
            .exits(73)
            .says("/cm already exists and does not belong to this run")
            .says("nothing was created");
    }
    let other = text.replace("{name: cm}", "{name: cm, namespace: default}");
    let seed = file(directory.path(), "other.yaml", &other);
    let all = ["run", "-f", "-", "--object", &seed, "-n", "ci"];
    gleaner_with_input(&all, &task(ONE, STEP)).exits(0);
}

#[test]
fn namespaces_and_crds_are_created_before_other_objects() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("objects");
    std::fs::create_dir(&folder).unwrap();
    let crd =
        std::fs::read_to_string(support::repository().join("examples/crds/knative-service.yaml"));
    file(&folder, "z.yaml", &crd.unwrap());
    file(
        &folder,
        "a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm, namespace: extra}\ndata: {b: kept}\n---\n\
         {apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: s, namespace: extra}, spec: {template: {spec: {containers: [{image: i}]}}}}\n---\n\
         {apiVersion: v1, kind: Namespace, metadata: {name: extra, labels: {team: a}}}\n",
    );
    let folder = folder.to_str().unwrap();
    let ran = gleaner_with_input(
        &["run", "-f", "-", "--object", folder],
        &task(ELSEWHERE, STEP),
    );
    ran.exits(0).says("ConfigMap extra/cm (cm): applied");
    assert!(
        !ran.stderr.contains("namespaces of templates"),
        "{}",
        ran.stderr
    );
}

#[test]
fn each_object_that_the_api_server_refuses_is_reported_with_its_position() {
    let objects = "\
{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: 1}}
---
{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: default}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: none}}
";
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "task.yaml", &task(ONE, STEP));
    let arguments = ["run", "-f", &path, "--object", "-"];
    let ran = gleaner_with_input(&arguments, objects);
    ran.exits(78)
        .says("<stdin>:1:1: error: ConfigMap in version")
        .says("<stdin>:3:36: error: kind: the local API server does not serve kind Widget of example.com/v1; pass the kind's CRD with --crd FILE\n")
        .says("<stdin>:5:1: error: namespaces \"default\" already exists\n")
        .says("<stdin>:7:1: error: namespaces \"none\" not found\n");
    assert!(!ran.stderr.contains("▶"), "{}", ran.stderr);
    // Objects without a kind or an API version are rejected before the API server starts.
    gleaner_with_input(&arguments, "{metadata: {name: a}}\n---\n{kind: Pod}")
        .exits(78)
        .says("<stdin>:1:1: error: 'apiVersion' is missing")
        .says("<stdin>:1:1: error: 'kind' is missing")
        .says("<stdin>:3:1: error: 'apiVersion' is missing");
    gleaner_with_input(&arguments, "# nothing\n")
        .exits(64)
        .says("the files of --object contain no objects");
    gleaner_with_input(&["run", "-f", "-", "--object", "-"], "")
        .exits(64)
        .says("standard input can be read only once");
}

#[test]
fn the_flag_object_is_rejected_with_a_real_cluster() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "task.yaml", &task(ONE, STEP));
    for flag in ["--context", "--kubeconfig"] {
        let run = command(&["run", "-f", &path, "--object", &path, flag, "x"]).output();
        ran(run.unwrap()).exits(64).says(
            "error: --object works only with the local API server, but --context and --kubeconfig select a real \
             cluster; create the objects with `kubectl`\n",
        );
    }
}

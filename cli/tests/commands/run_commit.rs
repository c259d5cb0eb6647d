//! Tests that a failed `gleaner run` reports which objects exist or may exist.

use std::net::SocketAddr;
use std::time::Duration;

use crate::support::{self, ONE, Ran, file, run, task};
use gleaner_local_apiserver::LocalApiServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Forwards connections to the API server `server`. Delays each request that creates a ConfigMap by the duration `pause`.
async fn slow_creates(listener: TcpListener, server: SocketAddr, pause: Duration) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(async move {
            let (mut from_client, mut to_client) = client.into_split();
            let server = TcpStream::connect(server).await.unwrap();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            let mut bytes = vec![0; 64 << 10];
            while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
                let text = String::from_utf8_lossy(&bytes[..read]);
                let line = text.lines().next().unwrap_or_default();
                if line.starts_with("POST ")
                    && line.contains("configmaps")
                    && !line.contains("dryRun")
                {
                    tokio::time::sleep(pause).await;
                }
                to_server.write_all(&bytes[..read]).await.unwrap();
            }
        });
    }
}

/// Runs the Task against a cluster whose API server creates each ConfigMap only after `pause`. Also returns the names of the
/// objects that exist after the run.
fn against_a_slow_cluster(
    text: &str,
    arguments: &[&str],
    existing: &[serde_json::Value],
    pause: Duration,
) -> (Ran, Vec<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let server = LocalApiServer::builder().start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(slow_creates(listener, server.address(), pause));
        for object in existing {
            server.seed(object.clone()).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "{{apiVersion: v1, kind: Config, current-context: c, contexts: [{{name: c, context: {{cluster: c, user: u}}}}], \
             clusters: [{{name: c, cluster: {{server: 'http://{address}'}}}}], users: [{{name: u, user: {{}}}}]}}"
        );
        let config = file(folder.path(), "config", &config);
        let path = file(folder.path(), "task.yaml", text);
        let mut command = support::command(&["run", "-f", &path, "--kubeconfig", &config]);
        command.args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.unwrap().unwrap();
        let objects = server.objects();
        let names = objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap().to_owned());
        let names = names.collect();
        server.shutdown().await;
        (support::ran(output), names)
    })
}

#[test]
fn objects_created_after_the_timeout_are_reported() {
    let text = task(
        ONE,
        "steps: [{name: one, script: 'printf x > $GLEANER_OUTPUTS/a'}]",
    );
    let pause = Duration::from_secs(5);
    let (ran, names) = against_a_slow_cluster(&text, &["--timeout", "3s"], &[], pause);
    ran.exits(1).says("(--timeout)");
    assert_eq!(names, ["cm"]);
    ran.says("still exists: ConfigMap default/cm");
    assert!(
        !ran.stderr.contains("nothing was created"),
        "{}",
        ran.stderr
    );
}

#[test]
fn an_object_applied_before_the_failure_is_reported() {
    let declaration = r#"
      steps: {one: [{name: a}]}
      objects:
        - name: old
          policy: Apply
          resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: old}, data: {a: $(steps.one.a)}}
        - name: new
          waitFor: {jsonPath: .data.never, timeout: 1s}
          resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: new}}
"#;
    let text = task(
        declaration,
        "steps: [{name: one, script: 'printf x > $GLEANER_OUTPUTS/a'}]",
    );
    let old = serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "old", "namespace": "default"},
    });
    let (ran, names) = against_a_slow_cluster(&text, &[], &[old], Duration::ZERO);
    ran.exits(73)
        .says("existed before the run and still have the applied fields: ConfigMap default/old");
    assert_eq!(names, ["old"]);
    assert!(
        !ran.stderr.contains("nothing was created"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_state_is_reported_as_unknown_if_the_sidecar_is_gone() {
    // The step finds the sidecar's process by its command line, which contains the state directory of this run.
    let kill = r#"printf x > $GLEANER_OUTPUTS/a
for process in /proc/[0-9]*; do
  if tr '\0' ' ' < $process/cmdline 2>/dev/null | grep -q "^[^ ]* sidecar .*--state-dir $(dirname "$PWD")/state"; then
    kill -9 "${process#/proc/}"
  fi
done
sleep 60"#;
    let spec = format!(
        "steps: [{{name: one, script: {}}}]",
        serde_json::json!(kill)
    );
    let ran = run(&task(ONE, &spec), &[]);
    ran.exits(69)
        .says("the sidecar exited")
        .says("the sidecar did not respond, so some objects may have been created; look for objects with the annotation gleaner.dev/run-uid: ");
    assert!(
        !ran.stderr.contains("nothing was created"),
        "{}",
        ran.stderr
    );
}

#[test]
fn created_objects_are_printed_after_their_step_even_if_the_next_one_fails() {
    let spec = "
steps:
- {name: one, script: 'printf x > $GLEANER_OUTPUTS/a'}
- {name: two, script: exit 3}
";
    let ran = run(&task(ONE, spec), &[]);
    let created = ran
        .exits(3)
        .stderr
        .find("+ ConfigMap default/cm (cm): created");
    let end = ran.stderr.find("✔ one");
    assert!(created.is_some() && created < end, "{}", ran.stderr);
    ran.says("the created objects remain, although the task failed; with 'submit: Completed', objects are created only after the last step");
    assert_eq!(ran.object()["data"]["a"], "x");
    let ran = run(&task(ONE, &spec.replace("exit 3", "exit 0")), &[]);
    assert_eq!(ran.exits(0).stderr.matches("+ ConfigMap").count(), 1);
}

#[test]
fn a_namespace_and_a_kind_are_created_with_their_objects_in_one_run() {
    let text = r#"
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: preview
  annotations:
    gleaner.dev/outputs: |
      preflight: Strict
      steps:
        plan: [{name: pr}]
      objects:
        - name: ns
          resourceTemplate:
            apiVersion: v1
            kind: Namespace
            metadata: {name: pr-$(steps.plan.pr)}
        - name: crd
          resourceTemplate:
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata: {name: previews.example.com}
            spec:
              group: example.com
              scope: Namespaced
              names: {kind: Preview, plural: previews}
              versions: [{name: v1, served: true, storage: true}]
        - name: preview
          resourceTemplate:
            apiVersion: example.com/v1
            kind: Preview
            metadata: {name: preview, namespace: $(resources.ns.name)}
            spec: {pr: $(steps.plan.pr)}
spec:
  steps:
    - name: plan
      script: printf 42 > "$GLEANER_OUTPUTS/pr"
"#;
    let ran = run(text, &["-o", "yaml"]);
    ran.exits(0);
    let created: Vec<String> = ran
        .objects()
        .iter()
        .map(|object| {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
            let metadata = &object["metadata"];
            format!(
                "{} {}",
                text(&metadata["namespace"]),
                text(&metadata["name"])
            )
        })
        .collect();
    assert_eq!(
        created,
        ["- pr-42", "- previews.example.com", "pr-42 preview"]
    );
}

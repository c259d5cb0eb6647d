//! Tests Gleaner on a real cluster with Tekton.
//!
//! | module | content |
//! | --- | --- |
//! | `proposal` | the proposal's documents, translated by `gleaner translate` |
//! | `annotated` | annotated Tasks that are applied again, edited, embedded, or fetched by a resolver |
//! | `shapes` | Tasks of every form that Tekton accepts |
//! | `refusals` | failures, and the messages that users see |
//! | `room` | the available space for results in termination messages |
//! | `finish` | steps that are skipped, or whose failure is ignored |
//! | `killing` | killed sidecars, and deleted pods |
//! | `ends` | timeouts, canceled runs, retries |
//! | `security` | other users, read-only filesystems, images without a shell |
//! | `sizes` | large outputs, many runs |
//! | `submitting` | the time at which objects are created, and their later changes |
//! | `plain` | pods that do not belong to Tekton |
//! | `guides` | the commands of the tutorial and the how-to guides |
//! | `observing` | `gleaner status` and `gleaner check` |
//! | `ahead` | `gleaner inject`, in namespaces for which the webhook is disabled |
//! | `tekton` | Tekton's features and other tools' containers, which Gleaner must not affect |
//! | `modes` | switching the source of the injector's certificates |
//! | `alone` | cases that stop the injectors, or change the settings of Tekton or Gleaner |

mod ahead;
mod alone;
mod annotated;
mod ends;
mod finish;
mod guides;
mod killing;
mod modes;
mod observing;
mod plain;
mod proposal;
mod refusals;
mod room;
mod security;
mod shapes;
mod sizes;
mod submitting;
mod tekton;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::OnceLock;

use gleaner_tests::cluster::start::{repository, without_cargo};
use gleaner_tests::cluster::{Namespace, Output, Suite};
use serde_json::Value;

fn main() -> ExitCode {
    // Start the longest cases first.
    let together = [
        sizes::cases(),
        refusals::cases(),
        room::cases(),
        killing::cases(),
        ends::cases(),
        proposal::cases(),
        annotated::cases(),
        finish::cases(),
        submitting::cases(),
        shapes::cases(),
        security::cases(),
        plain::cases(),
        ahead::cases(),
        observing::cases(),
        guides::cases(),
        tekton::cases(),
    ];
    Suite::new(together.into_iter().flatten().collect())
        .alone(alone::cases())
        .alone(guides::alone())
        .alone(modes::cases())
        .run()
}

/// Builds the program `gleaner` once, and returns a command that runs it.
fn gleaner() -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
        let mut build = Command::new(cargo);
        build.args([
            "build",
            "--quiet",
            "--package=gleaner",
            "--message-format=json",
        ]);
        let lines = Output::of(without_cargo(&mut build).current_dir(repository("")), "").succeed();
        let built = lines
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|line| line["target"]["name"] == "gleaner" && line["executable"].is_string());
        let built = built.expect("cargo reports the path of the program");
        PathBuf::from(built["executable"].as_str().expect("a path"))
    });
    Command::new(program)
}

/// A Task whose step outputs a digest, and which creates an image resource with this digest.
const BUILD: &str = r#"
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: build
  annotations:
    gleaner.dev/outputs: |
      steps: {build: [{name: digest}]}
      resources:
        - name: img
          spec:
            type: image
            params:
              - {name: url, value: $(params.url)}
              - {name: digest, value: $(steps.build.digest)}
spec:
  params: [{name: url, default: registry.example/app}]
  steps:
    - name: build
      image: localhost/gleaner-test/busybox:1
      script: echo sha256:54ed > "$GLEANER_OUTPUTS/digest"
"#;

/// The step `check`, which prints `checking`, waits until the test releases it, and then outputs a verdict.
const CHECK: &str = r#"
    - name: check
      image: localhost/gleaner-test/busybox:1
      script: |
        echo checking
        until [ -e /tmp/go ]; do sleep 0.1; done
        echo good > "$GLEANER_OUTPUTS/verdict"
"#;

/// Waits until the step `check` of a TaskRun prints `checking`, and returns the pod's name.
#[track_caller]
fn checking(namespace: &Namespace, run: &str) -> String {
    let pod = pod_of(namespace, run);
    namespace.says(&pod, "step-check", "checking");
    pod
}

/// Waits until the status of a TaskRun contains the name of its pod, and returns the name.
#[track_caller]
fn pod_of(namespace: &Namespace, run: &str) -> String {
    let run = format!("taskrun/{run}");
    namespace.wait(&run, "jsonpath={.status.podName}");
    let run = namespace.get(&run);
    run["status"]["podName"]
        .as_str()
        .expect("a name")
        .to_owned()
}

/// Releases the step `check` in a pod.
#[track_caller]
fn let_go(namespace: &Namespace, pod: &str) {
    let exec = [
        "exec",
        pod,
        "--container=step-check",
        "--",
        "touch",
        "/tmp/go",
    ];
    namespace.kubectl(&exec).succeed();
}

/// Grants the namespace's runs permission for a kind, which is specified as `PLURAL` or `PLURAL.GROUP`.
#[track_caller]
fn allow(namespace: &Namespace, kind: &str) {
    let role = ["create", "role", "runs", "--verb=get,create,patch,delete"];
    let resource = format!("--resource={kind}");
    namespace
        .kubectl(&[&role[..], &[&resource]].concat())
        .succeed();
    let account = format!("--serviceaccount={}:default", namespace.name());
    let binding = ["create", "rolebinding", "runs", "--role=runs", &account];
    namespace.kubectl(&binding).succeed();
}

/// Returns the value of a param of a PipelineResource.
#[track_caller]
fn param<'a>(resource: &'a Value, name: &str) -> &'a str {
    let params = resource["spec"]["params"].as_array().expect("params");
    let param = params.iter().find(|param| param["name"] == name);
    let value = param.and_then(|param| param["value"].as_str());
    value.unwrap_or_else(|| panic!("no param {name}: {resource}"))
}

/// Asserts that `text` contains all of `words`.
#[track_caller]
fn holds(text: &str, words: &[&str]) {
    for words in words {
        assert!(text.contains(words), "{words:?} should be in: {text}");
    }
}

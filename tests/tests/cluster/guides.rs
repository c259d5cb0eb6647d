//! Follows the tutorial and the how-to guides whose commands need a cluster: each command must succeed as pasted, in the order in
//! which the page lists the commands, and must print the output that the page shows.
//!
//! A reader pulls images from registries; here, all images are replaced by images that the cluster already has. The suite has
//! already installed Gleaner from this checkout, so the installation from a registry is not repeated. docs/how-to/openshift.md is
//! not followed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use gleaner_testkit::collector::Collector;
use gleaner_testkit::markdown::{Fence, absent, fences};
use gleaner_tests::cluster::start::repository;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::cluster::{Namespace, Output};
use gleaner_tests::on_cluster;
use serde_json::Value;
use tempfile::TempDir;

use crate::alone::{injectors, kubectl, meanwhile, tekton_flag, upgrade};
use crate::{BUILD, allow, gleaner, holds};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        the_tutorial_on_a_cluster_works,
        the_guide_to_jobs_works,
        the_guide_to_gitops_works,
        the_guide_to_namespaces_for_pull_requests_works,
        the_guide_without_cluster_admin_works,
        the_guide_to_readiness_works,
    ]
}

pub(crate) fn alone() -> Vec<Case> {
    on_cluster![
        the_guide_to_restricted_namespaces_works,
        the_guide_to_traces_works,
    ]
}

/// The chart in the registry, which a reader installs.
const CHART: &str = concat!(
    "oci://ghcr.io/gleaner-dev/charts/gleaner --version ",
    env!("CARGO_PKG_VERSION")
);

/// The image in the pages.
const IMAGE: &str = concat!("REGISTRY/gleaner:", env!("CARGO_PKG_VERSION"));

/// The trace collector in the pages.
const COLLECTOR: &str = "http://otel-collector.observability.svc.cluster.local:4318/v1/traces";

/// A reader of the guides, with a directory and a shell. kubectl's current namespace is the test case's namespace.
struct Reader<'a> {
    namespace: &'a Namespace,
    directory: TempDir,
    /// The URL that replaces [`COLLECTOR`] in commands.
    collector: String,
}

impl<'a> Reader<'a> {
    fn new(namespace: &'a Namespace) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let reader = Self {
            namespace,
            directory,
            collector: COLLECTOR.to_owned(),
        };
        let programs = reader.path("bin");
        fs::create_dir(&programs).expect("a directory");
        let cluster = namespace.cluster();
        for (name, command) in [
            ("kubectl", cluster.kubectl("default")),
            ("helm", cluster.helm("default")),
            ("gleaner", gleaner()),
        ] {
            symlink(command.get_program(), programs.join(name)).expect("a link");
        }
        fs::copy(cluster.kubeconfig(), reader.path("kubeconfig")).expect("a copy");
        let own = namespace.name();
        reader.run(&format!(
            "kubectl config set-context --current --namespace={own}"
        ));
        reader
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a script, and returns its standard output and standard error.
    #[track_caller]
    fn run(&self, script: &str) -> String {
        let chart = repository("charts/gleaner");
        let script = script
            .replace(CHART, chart.to_str().expect("UTF-8"))
            .replace(IMAGE, &self.namespace.cluster().image)
            .replace(COLLECTOR, &self.collector);
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", &script]);
        let path = std::env::var("PATH").expect("PATH");
        shell
            .current_dir(self.directory.path())
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("KUBECONFIG", self.path("kubeconfig"))
            .env("KUBECACHEDIR", self.path("cache"))
            .env("HOME", self.directory.path())
            .env("NAMESPACE", self.namespace.name());
        let output = Output::of(&mut shell, "");
        let printed = output.stdout.clone() + &output.stderr;
        assert!(output.status.success(), "{script}\n{printed}");
        printed
    }

    /// Saves the YAML blocks of a page under their names.
    fn save(&self, page: &[Fence]) {
        let yaml = page.iter().filter(|fence| fence.language == "yaml");
        for fence in yaml {
            if let Some(name) = fence.file_name() {
                let text = fence.content.replace(
                    "docker.io/library/busybox:1.37",
                    "localhost/gleaner-test/busybox:1",
                );
                fs::write(self.path(name), text).expect("a file");
            }
        }
    }

    /// Runs the blocks in a page, in order, except those that `skips` selects. Returns the number of blocks that
    /// were run.
    #[track_caller]
    fn follow(&self, page: &str, skips: impl Fn(&Fence) -> bool) -> usize {
        let text = fs::read_to_string(repository("docs").join(page)).expect("a page");
        let blocks = fences(&text);
        self.save(&blocks);
        let mut count = 0;
        let mut printed: Option<String> = None;
        for fence in &blocks {
            let before = printed.take();
            match fence.language.as_str() {
                "sh" if !skips(fence) => {
                    printed = Some(self.run(&fence.content));
                    count += 1;
                }
                "text" => {
                    let Some(printed) = before else { continue };
                    let missing = absent(&fence.content, &printed);
                    assert_eq!(missing, None, "{page}:{}: {printed}", fence.line);
                }
                _ => {}
            }
        }
        count
    }
}

fn nothing(_: &Fence) -> bool {
    false
}

fn the_tutorial_on_a_cluster_works(namespace: &Namespace) {
    let reader = Reader::new(namespace);
    // The page creates the namespace `demo`, which may still exist if an earlier test run was interrupted.
    reader.run("kubectl delete namespace demo --ignore-not-found");
    let installs = |fence: &Fence| fence.content.contains(CHART);
    assert!(reader.follow("tutorials/cluster.md", installs) >= 6);
}

fn the_guide_to_jobs_works(namespace: &Namespace) {
    let reader = Reader::new(namespace);
    reader.follow("how-to/jobs.md", nothing);
    let printed =
        reader.run("kubectl get configmaps -l app.kubernetes.io/managed-by=gleaner -o yaml");
    holds(&printed, &["kind: Job", "size: "]);
}

fn the_guide_to_gitops_works(namespace: &Namespace) {
    let reader = Reader::new(namespace);
    let page = fs::read_to_string(repository("docs/how-to/gitops.md")).expect("a page");
    reader.save(&fences(&page));
    // The page assumes that a Task has been applied.
    reader.run("kubectl apply -f task.yaml");
    let printed = reader.run("kubectl diff -f task.yaml && echo 'no drift'");
    holds(&printed, &["no drift"]);
    assert!(reader.follow("how-to/gitops.md", nothing) >= 1);
}

fn the_guide_to_namespaces_for_pull_requests_works(namespace: &Namespace) {
    let reader = Reader::new(namespace);
    let own = namespace.name();
    let deletes = |fence: &Fence| fence.content.contains("delete namespace");
    reader.follow("how-to/namespace-per-pull-request.md", deletes);
    let role = format!("{own}-previews");
    meanwhile(
        || {
            reader.run(&format!(
                "kubectl create clusterrole {role} --verb=create,get,patch,delete \
                   --resource=namespaces,resourcequotas,deployments.apps\n\
                 kubectl create clusterrolebinding {role} --clusterrole={role} --serviceaccount={own}:default\n\
                 kubectl apply -f preview.yaml"
            ));
            namespace.create_all(
                r#"
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: preview}
spec: {taskRef: {name: preview}, params: [{name: number, value: "42"}]}
"#,
            );
            namespace.ended("taskrun/preview").succeeded();
            let printed = reader.run("kubectl -n pr-42 get deployment,resourcequota -o name");
            holds(&printed, &["deployment.apps/app", "resourcequota/preview"]);
        },
        || {
            reader.run(&format!(
                "kubectl delete clusterrolebinding {role}; kubectl delete clusterrole {role}"
            ));
            // Run only the page's command that deletes the namespace.
            let keeps = |fence: &Fence| !fence.content.contains("delete namespace");
            reader.follow("how-to/namespace-per-pull-request.md", keeps);
        },
    );
}

fn the_guide_without_cluster_admin_works(namespace: &Namespace) {
    let reader = Reader::new(namespace);
    reader.run("kubectl label namespace $NAMESPACE gleaner.dev/injection=disabled");
    assert!(reader.follow("how-to/without-cluster-admin.md", nothing) >= 2);
    namespace.run("release").succeeded();
    let printed =
        reader.run("kubectl get configmaps -l app.kubernetes.io/managed-by=gleaner -o yaml");
    holds(&printed, &["version: 1.2.3"]);
}

fn the_guide_to_readiness_works(namespace: &Namespace) {
    let reader = Reader::new(namespace);
    assert!(reader.follow("how-to/wait-for-readiness.md", nothing) >= 3);
    namespace.ended("taskrun/server").succeeded();
}

fn the_guide_to_restricted_namespaces_works(namespace: &Namespace) {
    let reader = Reader::new(namespace);
    allow(namespace, "configmaps");
    meanwhile(
        || {
            // Restart Tekton with the flag, so that the page's command, which sets the same flag, changes nothing.
            tekton_flag(namespace, "set-security-context=true");
            reader.follow("how-to/restricted-namespaces.md", nothing);
            reader.run(
                "kubectl label namespace $NAMESPACE pod-security.kubernetes.io/enforce=restricted\n\
                 kubectl apply -f restricted.yaml",
            );
            namespace.ended("taskrun/version").succeeded();
        },
        || tekton_flag(namespace, "set-security-context=false"),
    );
}

/// Tekton and Gleaner export the spans of a PipelineRun to a collector in this process.
fn the_guide_to_traces_works(namespace: &Namespace) {
    let mut reader = Reader::new(namespace);
    let Some(address) = namespace.cluster().address() else {
        eprintln!(
            "SKIPPED: the guide to traces: pods of this cluster cannot reach a collector in the test process"
        );
        return;
    };
    let collector = Collector::start_at(address);
    reader.collector = collector.url();
    meanwhile(
        || {
            reader.follow("how-to/traces.md", nothing);
            injectors(namespace, 2);
            namespace.apply(BUILD);
            namespace.apply(
                r#"
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: traced}
spec: {pipelineSpec: {tasks: [{name: build, taskRef: {name: build}}]}}
"#,
            );
            namespace.ended("pipelinerun/traced").succeeded();
            let run = namespace.get("taskrun/traced-build");
            let context = &run["metadata"]["annotations"]["tekton.dev/taskrunSpanContext"];
            let context: Value = serde_json::from_str(context.as_str().expect("a context"))
                .expect("a context in JSON");
            let parent: Vec<_> = context["traceparent"]
                .as_str()
                .expect("text")
                .split('-')
                .collect();
            let (trace, span) = (parent[1], parent[2]);
            let spans = namespace.until("the sidecar has exported its last span", || {
                let spans = collector.spans();
                let ended = spans.iter().any(|span| span["name"] == "gleaner run");
                ended.then_some(spans)
            });
            assert!(
                spans.iter().all(|span| span["traceId"] == trace),
                "{spans:#?}"
            );
            let root = spans.iter().find(|span| span["name"] == "gleaner run");
            assert_eq!(root.expect("a span")["parentSpanId"], span);
            // Tekton exports protobuf messages, which contain the trace's ID as bytes.
            let id = u128::from_str_radix(trace, 16)
                .expect("hexadecimal digits")
                .to_be_bytes();
            namespace.until("Tekton has exported a span of the same trace", || {
                let mut bodies = collector.bodies().into_iter();
                bodies
                    .any(|body| body.windows(id.len()).any(|bytes| bytes == id))
                    .then_some(())
            });
        },
        || {
            upgrade(namespace, &["--set", "tracing.endpoint="]);
            injectors(namespace, 2);
            kubectl(
                namespace,
                &[
                    "--namespace=tekton-pipelines",
                    "patch",
                    "configmap",
                    "config-tracing",
                    "--type=merge",
                    "--patch={\"data\": {\"enabled\": \"false\"}}",
                ],
            );
        },
    );
}

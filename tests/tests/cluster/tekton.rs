//! Gleaner does not affect Tekton's features or other containers in the pod, and tolerates other webhooks.

use gleaner_tests::cluster::Namespace;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::on_cluster;

use crate::{BUILD, param, pod_of};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        a_sidecar_of_the_task_can_use_gleaners_port,
        gleaners_messages_start_on_a_new_line,
        fields_of_gleaners_sidecar_that_another_webhook_removes_are_restored,
    ]
}

fn a_sidecar_of_the_task_can_use_gleaners_port(namespace: &Namespace) {
    let server = "
  sidecars:
    - name: server
      image: localhost/gleaner-test/busybox:1
      ports: [{containerPort: 8440}]
      script: |
        mkdir /www && echo sha256:served >/www/index.html
        exec httpd -f -p 8440 -h /www
      readinessProbe: {httpGet: {path: /index.html, port: 8440}, periodSeconds: 1}
";
    let script = "script: wget -q -O - http://127.0.0.1:8440/ > \"$GLEANER_OUTPUTS/digest\"";
    let plain = "script: echo sha256:54ed > \"$GLEANER_OUTPUTS/digest\"";
    namespace.apply(&format!(
        "{}{server}",
        BUILD.trim_end().replace(plain, script)
    ));
    namespace.run("build").succeeded();
    assert_eq!(param(&namespace.only_resource(), "digest"), "sha256:served");
}

fn gleaners_messages_start_on_a_new_line(namespace: &Namespace) {
    // The output on both stdout and stderr ends without a newline.
    let script = "script: printf out; printf err >&2; echo sha256:54ed";
    namespace.apply(&BUILD.replace("script: echo sha256:54ed", script));
    namespace.run("build").succeeded();
    let pod = pod_of(namespace, "build-run");
    let log = namespace.logs(&pod, "step-build");
    let created = log.lines().filter(|line| line.contains("gleaner: "));
    let created: Vec<&str> = created.collect();
    assert_eq!(created.len(), 1, "{log:?}");
    assert!(created[0].starts_with("gleaner: "), "{log:?}");
}

/// The policy simulates a webhook that was built before Kubernetes 1.28 and removes fields that were added later. The API server
/// applies the policy after it calls Gleaner's webhook.
fn fields_of_gleaners_sidecar_that_another_webhook_removes_are_restored(namespace: &Namespace) {
    let name = namespace.name();
    namespace.apply(&format!(
        r"
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {{name: {name}}}
spec:
  failurePolicy: Fail
  reinvocationPolicy: IfNeeded
  matchConstraints:
    resourceRules: [{{apiGroups: [''], apiVersions: [v1], resources: [pods], operations: [CREATE]}}]
    namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {name}}}}}
  mutations:
    - patchType: JSONPatch
      jsonPatch:
        # The second branch also changes the pod, because the API server calls a policy again only if it did so the first time.
        expression: >-
          has(object.spec.initContainers) && object.spec.initContainers.exists(c, c.name == 'sidecar-gleaner' && has(c.restartPolicy))
          ? [JSONPatch{{op: 'remove', path: '/spec/initContainers/' + string(object.spec.initContainers.size() - 1) + '/restartPolicy'}},
             JSONPatch{{op: 'add', path: '/metadata/labels/dropped', value: 'yes'}}]
          : [JSONPatch{{op: 'add', path: '/metadata/labels/seen', value: 'yes'}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {{name: {name}}}
spec: {{policyName: {name}}}
"
    ));
    let kinds = "mutatingadmissionpolicy,mutatingadmissionpolicybinding";
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        namespace.apply(BUILD);
        // Start runs until the policy takes effect.
        let pod = namespace.until("the policy changed a pod", || {
            let run = format!("build-{}", namespace.list("taskruns").len());
            namespace.start("build", &run);
            namespace.ended(&format!("taskrun/{run}")).succeeded();
            let pod = pod_of(namespace, &run);
            let pod = namespace.get(&format!("pod/{pod}"));
            (pod["metadata"]["labels"]["dropped"] == "yes").then_some(pod)
        });
        let init = pod["spec"]["initContainers"].as_array().expect("a list");
        let sidecar = init.last().expect("the sidecar");
        assert_eq!(sidecar["restartPolicy"], "Always", "{sidecar}");
    }));
    namespace.kubectl(&["delete", kinds, name]).succeed();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

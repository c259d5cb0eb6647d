//! Tasks with all forms of steps that Tekton accepts. Gleaner must not change how Tekton runs a step.

use gleaner_tests::cluster::Namespace;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::on_cluster;
use serde_json::json;

use crate::{allow, param};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        steps_of_every_form_run_as_without_gleaner,
        special_characters_in_a_param_reach_the_resource_unchanged,
        a_secret_output_appears_only_in_its_secret,
        a_run_without_the_annotation_is_unchanged,
    ]
}

fn steps_of_every_form_run_as_without_gleaner(namespace: &Namespace) {
    let long = "a-step-whose-name-is-sixty-three-characters-long-which-is-most0";
    assert_eq!(long.len(), 63);
    namespace.apply(&format!(
        r#"
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: shapes
  annotations:
    gleaner.dev/outputs: |
      steps:
        {long}: [{{name: long}}]
        script: [{{name: script, fromPath: $(workspaces.shared.path)/script}}]
        command: [{{name: command}}]
      resources:
        - name: img
          spec:
            type: image
            params:
              - {{name: long, value: $(steps.{long}.long)}}
              - {{name: script, value: $(steps.script.script)}}
              - {{name: command, value: $(steps.command.command)}}
spec:
  workspaces: [{{name: shared}}]
  results: [{{name: own, description: the task's own}}]
  params: [{{name: words, type: array, default: ["two words", "$(literal)", "$$"]}}]
  stepTemplate:
    env: [{{name: TEMPLATE, value: from the template}}]
  sidecars:
    - name: server
      image: localhost/gleaner-test/busybox:1
      script: |
        mkdir /www && echo served >/www/index.html
        exec httpd -f -p 8080 -h /www
      readinessProbe: {{httpGet: {{path: /index.html, port: 8080}}, periodSeconds: 1}}
  steps:
    - name: {long}
      image: localhost/gleaner-test/busybox:1
      script: |
        #!/bin/sh
        wget -q -O - http://127.0.0.1:8080/ >"$GLEANER_OUTPUTS/long"
    - image: localhost/gleaner-test/busybox:1
      command: ["/bin/sh", "-c", "[ $# = 3 ] && echo \"$1|$2|$3\" && pwd && env | grep TEMPLATE", "unnamed"]
      args: ["$(params.words[*])"]
      workingDir: /workspace/below
    - name: script
      image: localhost/gleaner-test/busybox:1
      # No interpreter: Tekton's own preamble.
      script: |
        echo "$TEMPLATE" >"$(workspaces.shared.path)/script"
        printf own >"$(results.own.path)"
    - name: command
      image: localhost/gleaner-test/scratch:1
      command: ["/leave"]
      args: ["command", "-- -entrypoint -- x"]
---
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {{name: shapes-run}}
spec:
  taskRef: {{name: shapes}}
  workspaces: [{{name: shared, emptyDir: {{}}}}]
"#
    ));
    let run = namespace.ended("taskrun/shapes-run").succeeded();
    let resource = namespace.only_resource();
    assert_eq!(param(&resource, "long"), "served");
    assert_eq!(param(&resource, "script"), "from the template");
    assert_eq!(param(&resource, "command"), "-- -entrypoint -- x");
    assert_eq!(run.result("own"), Some(&json!("own")));
    let said = namespace.logs(run.pod(), "step-unnamed-1");
    assert_eq!(
        said,
        "two words|$(literal)|$\n/workspace/below\nTEMPLATE=from the template\n"
    );
}

/// The value contains text that Tekton, the kubelet, a shell or a YAML parser might interpret.
fn special_characters_in_a_param_reach_the_resource_unchanged(namespace: &Namespace) {
    let url = "a'b\"c: $(steps.build.digest) $(context.taskRun.name) $(HOME) $$x #no\n- 0x1f";
    namespace.apply(crate::BUILD);
    let run = json!({
        "apiVersion": "tekton.dev/v1", "kind": "TaskRun", "metadata": {"name": "odd"},
        "spec": {"taskRef": {"name": "build"}, "params": [{"name": "url", "value": url}]},
    });
    namespace.apply(&run.to_string());
    namespace.ended("taskrun/odd").succeeded();
    // Tekton itself replaces its own variables in the values of params.
    let as_tekton_has_it = url.replace("$(context.taskRun.name)", "odd");
    assert_eq!(param(&namespace.only_resource(), "url"), as_tekton_has_it);
}

fn a_secret_output_appears_only_in_its_secret(namespace: &Namespace) {
    allow(namespace, "secrets");
    namespace.apply(
        r#"
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: secretive
  annotations:
    gleaner.dev/outputs: |
      steps: {mint: [{name: token, secret: true}]}
      objects:
        - name: credentials
          resourceTemplate:
            apiVersion: v1
            kind: Secret
            metadata: {name: minted}
            stringData: {token: $(steps.mint.token)}
spec:
  steps:
    - name: mint
      image: localhost/gleaner-test/busybox:1
      script: printf 'hush-%s' hush >"$GLEANER_OUTPUTS/token"
"#,
    );
    let run = namespace.run("secretive").succeeded();
    let secret = namespace.get("secret/minted");
    assert_eq!(secret["data"]["token"], "aHVzaC1odXNo");
    let logs = ["logs", run.pod(), "--all-containers"];
    let mut seen = namespace.kubectl(&logs).succeed();
    seen += &namespace
        .kubectl(&["get", "taskrun,pod,events", "--output=yaml"])
        .succeed();
    for word in ["hush-hush", "aHVzaC1odXNo"] {
        assert!(
            !seen.contains(word),
            "{word} should be nowhere else: {seen}"
        );
    }
}

fn a_run_without_the_annotation_is_unchanged(namespace: &Namespace) {
    namespace.apply(
        r#"
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: bare}
spec:
  steps:
    - name: only
      image: localhost/gleaner-test/busybox:1
      script: '[ -z "$GLEANER_OUTPUTS" ]'
"#,
    );
    let run = namespace.run("bare").succeeded();
    let pod = namespace.get(&format!("pod/{}", run.pod()));
    // Remove the namespace's name, because it may contain the word `gleaner`.
    let text = pod.to_string().replace(namespace.name(), "");
    assert!(
        !text.contains("gleaner.dev") && !text.contains("/gleaner/"),
        "{text}"
    );
}

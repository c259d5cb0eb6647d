//! Tests that injection reports the errors in a TaskSpec that would make Tekton reject the TaskSpec, or would make the API server
//! reject the pod.

use gleaner_core::inject::Outcome;
use gleaner_core::inject::task::{self, Operation};

use crate::support::{injected, refused, settings, yaml};

const TASK: &str = "\
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: t
  annotations:
    gleaner.dev/outputs: |
      steps: {build: [{name: v}]}
      objects: [{name: o, resourceTemplate: {apiVersion: v1, kind: ConfigMap, data: {v: $(steps.build.v)}}}]
spec:
";
const STEP: &str = "steps: [{name: build, image: x, script: x}]";

fn task(spec: &str) -> serde_json::Value {
    yaml(&format!("{TASK}  {}\n", spec.replace('\n', "\n  ")))
}

#[test]
fn errors_for_which_tekton_or_the_api_server_rejects_an_object_are_reported_with_their_path() {
    for (spec, expected) in [
        (
            "steps: [{name: build, image: x, onError: ignore}]".to_owned(),
            "spec.steps[0].onError: 'ignore' is not a valid onError value; expected one of: continue, stopAndFail",
        ),
        (
            "steps: [{name: build, image: x, onError: Continue}]".to_owned(),
            "spec.steps[0].onError: 'Continue' is not a valid onError value; did you mean 'continue'?",
        ),
        (
            "params: [{name: e}]\nsteps: [{name: build, image: x, onError: x$(params.e)}]"
                .to_owned(),
            "spec.steps[0].onError: 'x$(params.e)' is not a valid onError value",
        ),
        (
            "steps: [{name: build, image: x, securityContext: x}]".to_owned(),
            "spec.steps[0].securityContext: expected a map, found a string",
        ),
        (
            format!("{STEP}\nsidecars: [{{name: s, image: x, readinessProbe: [x]}}]"),
            "spec.sidecars[0].readinessProbe: expected a map, found a list",
        ),
        (
            "steps: [{name: build, image: x, envFrom: [x]}]".to_owned(),
            "spec.steps[0].envFrom[0]: expected a map, found a string",
        ),
        (
            format!("{STEP}\nstepTemplate: {{securityContext: x}}"),
            "spec.stepTemplate.securityContext: expected a map, found a string",
        ),
        (
            format!("{STEP}\nsidecars: [{{name: s, image: x}}, {{name: s, image: x}}]"),
            "spec.sidecars[1]: an earlier sidecar is also named 's'; rename one of them",
        ),
        (
            format!("{STEP}\nparams: [{{name: a, type: object}}]"),
            "spec.params[0]: a parameter of type object needs properties; add its keys, such as properties: {url: {type: string}}",
        ),
        (
            format!("{STEP}\nparams: [{{name: a, type: object, default: {{k: v}}}}]"),
            "spec.params[0]: a parameter of type object needs properties",
        ),
        (
            format!("{STEP}\nparams: [{{name: a, default: {{k: v}}}}]"),
            "spec.params[0]: a parameter of type object needs properties",
        ),
        (
            format!("{STEP}\nresults: [{{name: r, type: object}}]"),
            "spec.results[0]: a result of type object needs properties; add its keys, such as properties: {url: {type: string}}",
        ),
        (
            "steps: [{name: build, image: x, results: [{name: r, type: number}]}]".to_owned(),
            "spec.steps[0].results[0].type: 'number' is not a valid result type",
        ),
        (
            format!("{STEP}\nvolumes: [{{name: v, emptyDir: {{}}}}, {{name: v, emptyDir: {{}}}}]"),
            "spec.volumes[1]: an earlier volume is also named 'v'; rename one of them",
        ),
        (
            format!(
                "{STEP}\nparams: [{{name: a, type: object, properties: {{k: {{type: number}}}}}}]"
            ),
            "spec.params[0].properties.k.type: the property 'k' of an object must be a string, not 'number'; write type: string",
        ),
        (
            format!(
                "{STEP}\nresults: [{{name: o, type: object, properties: {{uid: {{type: number}}}}}}]"
            ),
            "spec.results[0].properties.uid.type: the property 'uid' of an object must be a string, not 'number'; write type: string",
        ),
        (
            format!("{STEP}\nresults: [{{name: r, type: sting}}]"),
            "spec.results[0].type: 'sting' is not a valid result type; did you mean 'string'?",
        ),
        (
            format!("{STEP}\nparams: [{{name: 1x}}]"),
            "spec.params[0]: '1x' is not a valid parameter name; use letters, digits, '-', '_' and '.', and begin with a letter or '_'",
        ),
        (
            format!("{STEP}\nparams: [{{name: a.b, type: object, properties: {{k: {{}}}}}}]"),
            "spec.params[0]: 'a.b' is not a valid parameter name; use letters, digits, '-' and '_', and begin with a letter or '_'",
        ),
        (
            format!("{STEP}\nparams: [{{name: l, type: array, default: x}}]"),
            "spec.params[0].default: the default is a string, but the parameter is of type array; write a list of strings",
        ),
        (
            format!("{STEP}\nparams: [{{name: l, type: string, default: [x]}}]"),
            "spec.params[0].default: the default is a list of strings, but the parameter is of type string",
        ),
        (
            format!("{STEP}\nworkspaces: [{{name: w}}, {{name: w}}]"),
            "spec.workspaces[1]: an earlier workspace is also named 'w'; rename one of them",
        ),
        (
            "steps: [{name: build, image: x, workspaces: [{name: v}]}]\nworkspaces: [{name: w}]".to_owned(),
            "spec.steps[0].workspaces[0].name: the Task declares no workspace 'v'; expected one of: w",
        ),
        (
            "steps: [{name: build, image: x}, {name: A_b, image: x}]".to_owned(),
            "spec.steps[1].name: 'A_b' is not a valid name",
        ),
        (
            "steps: [{name: build, image: x, timeout: 5x}]".to_owned(),
            "spec.steps[0].timeout: invalid duration '5x': use a form such as 500ms, 30s, 5m or 1h30m",
        ),
        (
            "steps: [{name: build, image: x, when: [{input: a, operator: in}]}]".to_owned(),
            "spec.steps[0].when[0]: the condition has no values; write values: [VALUE]",
        ),
        (
            "steps: [{name: build, image: x, when: [{input: a, operator: inn, values: [b]}]}]"
                .to_owned(),
            "spec.steps[0].when[0].operator: 'inn' is not one of in, notin",
        ),
        (
            "steps: [{name: build, image: x, when: [{input: a, values: [b]}]}]".to_owned(),
            "spec.steps[0].when[0]: 'operator' is missing; for example operator: in",
        ),
        (
            "steps: [{name: build, image: x, env: [{name: A, value: b, valueFrom: {fieldRef: {fieldPath: x}}}]}]".to_owned(),
            "spec.steps[0].env[0].valueFrom: the variable has both 'value' and 'valueFrom'; keep one of them",
        ),
        (
            format!("{STEP}\nsidecars: [{{name: s, image: x, env: [{{name: A, value: b, valueFrom: {{}}}}]}}]"),
            "spec.sidecars[0].env[0].valueFrom: the variable has both 'value' and 'valueFrom'; keep one of them",
        ),
    ] {
        let refused = refused(&task(&spec));
        assert!(refused.starts_with(expected), "{spec}\n{refused}");
        assert_eq!(refused.lines().count(), 1, "{refused}");
    }
}

#[test]
fn valid_task_specs_are_accepted() {
    for spec in [
        "steps: [{name: build, image: x, onError: continue}, {name: b, image: x, onError: stopAndFail}]",
        "params: [{name: e}]\nsteps: [{name: build, image: x, onError: $(params.e), securityContext: null, ports: null}]",
        "steps: [{name: build, image: x}]\nsidecars: [{name: a, image: x}, {name: b, image: x}]",
        "steps: [{name: build, image: x}]\nparams: [{name: a, type: object, properties: {k: {}}}]",
        "steps: [{name: build, image: x}]\nparams: [{name: a, type: object, properties: {k: {}}, default: {k: v}}]",
        // If a parameter has no type, and its default is a list or map that contains values other than strings, Tekton treats the
        // default as a string.
        "steps: [{name: build, image: x}]\nparams: [{name: a, default: {k: 1}}]",
        "steps: [{name: build, image: x}]\nresults: [{name: a, type: string, properties: {k: {type: number}}}]",
        "steps: [{name: build, image: x}]\nresults: [{name: a, type: object, properties: {k: {type: string}}}, {name: b, type: array}, {name: c}]",
        "params: [{name: t.d}]\nsteps: [{name: build, image: x, timeout: $(params.t.d), when: [{cel: \"'a' == 'a'\"}, {input: a, operator: in, values: [b]}], env: [{name: A, value: '', valueFrom: {fieldRef: {fieldPath: x}}}]}]",
        "workspaces: [{name: w}]\nsteps: [{name: build, image: x, workspaces: [{name: w, mountPath: /w}]}]",
    ] {
        injected(&task(spec));
    }
}

#[test]
fn an_object_parameter_of_an_embedded_task_also_needs_properties() {
    let run = yaml(
        "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata:\n  name: r\n  annotations: {gleaner.dev/outputs: 'objects: [{name: o, resourceTemplate: {apiVersion: v1, kind: ConfigMap}}]'}\nspec:\n  params: [{name: a, value: {k: v}}]\n  taskSpec: {params: [{name: a, type: object}], steps: [{name: s, image: x}]}",
    );
    let refused = refused(&run);
    let expected = "spec.taskSpec.params[0]: a parameter of type object needs properties";
    assert!(refused.starts_with(expected), "{refused}");
}

#[test]
fn a_container_without_an_image_and_old_resources_cause_a_warning() {
    let image = |what: &str| format!("Tekton rejects a {what} without an image; add image: NAME");
    for (spec, expected) in [
        (
            "steps: [{name: build, script: x}]",
            vec![format!("spec.steps[0]: {}", image("step"))],
        ),
        (
            "steps: [{name: build, image: x}]\nsidecars: [{name: s, image: ''}]",
            vec![format!("spec.sidecars[0]: {}", image("sidecar"))],
        ),
        (
            "stepTemplate: {image: x}\nsteps: [{name: build, script: x}]",
            Vec::new(),
        ),
        (
            "steps: [{name: build, image: x}, {name: s, ref: {name: action}}]",
            Vec::new(),
        ),
        (
            "resources: {inputs: [{name: src, type: git}]}\nsteps: [{name: build, image: x}]",
            vec![
                "spec.resources: Tekton rejects 'resources', which it supported until v0.46; convert the Task with `gleaner translate`".to_owned(),
            ],
        ),
    ] {
        let outcome = task::inject(&task(spec), Operation::Create, &settings());
        let Ok(Outcome::Changed(changed)) = outcome else {
            panic!("{outcome:?}");
        };
        // Ignore the warning about steps that run after the last step with outputs.
        let warnings = changed.warnings.iter().map(ToString::to_string);
        let warnings = warnings.filter(|warning| !warning.starts_with("steps."));
        assert_eq!(warnings.collect::<Vec<_>>(), expected, "{spec}");
    }
}

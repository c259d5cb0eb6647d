//! Fields, types, versions and names that Tekton rejects. The translation reports them even if it does not read them.

use crate::{refused, translate, translated, warned};

/// Returns a document of the kind `kind`, with its spec on line 4.
fn document(version: &str, kind: &str, spec: &str) -> String {
    format!("apiVersion: tekton.dev/{version}\nkind: {kind}\nmetadata: {{name: x}}\nspec: {spec}\n")
}

/// Asserts for each spec that a document of this kind with that spec is rejected with exactly the expected findings.
#[track_caller]
fn refuses(version: &str, kind: &str, cases: &[(&str, &[&str])]) {
    for (spec, expected) in cases {
        let found = refused(&document(version, kind, spec));
        let found: Vec<&str> = found.lines().collect();
        assert_eq!(found, *expected, "{spec}");
    }
}

const OF_TASK: &str = "expected one of: displayName, description, params, steps, stepTemplate, sidecars, volumes, workspaces, results";

#[test]
fn a_field_that_no_version_has_is_an_error_at_every_level() {
    let unknown = |place: &str, field: &str, help: &str| {
        format!("<stdin>:{place}: unknown field '{field}'; {help}")
    };
    let foo = unknown("4:8: error: spec.foo", "foo", OF_TASK);
    let build = unknown("4:8: error: spec.buildSpec", "buildSpec", OF_TASK);
    let reference = unknown("4:8: error: spec.taskRef", "taskRef", OF_TASK);
    let conditions = unknown("4:8: error: spec.conditions", "conditions", OF_TASK);
    let step = unknown(
        "4:27: error: spec.steps[0].comandd",
        "comandd",
        "did you mean 'command'?",
    );
    let in_result = "<stdin>:4:28: error: spec.results[0].desc: unknown field 'desc'; \
        expected one of: name, type, properties, description, value";
    let volume = unknown(
        "4:28: error: spec.volumes[0].emptydirr",
        "emptydirr",
        "did you mean 'emptyDir'?",
    );
    let steps = "steps: [{image: i}]";
    for version in ["v1alpha1", "v1beta1", "v1"] {
        refuses(
            version,
            "Task",
            &[
                (&format!("{{foo: 1, {steps}}}"), &[&foo]),
                (&format!("{{buildSpec: {{}}, {steps}}}"), &[&build]),
                (&format!("{{taskRef: {{name: a}}, {steps}}}"), &[&reference]),
                (&format!("{{conditions: [], {steps}}}"), &[&conditions]),
                ("{steps: [{image: i, comandd: [a]}]}", &[&step]),
                (
                    &format!("{{results: [{{name: r, desc: d}}], {steps}}}"),
                    &[in_result],
                ),
                (
                    &format!("{{volumes: [{{name: v, emptydirr: {{}}}}], {steps}}}"),
                    &[&volume],
                ),
            ],
        );
    }
    refuses(
        "v1beta1",
        "Pipeline",
        &[(
            "{tasks: [{name: a, taskSpecc: {}, taskRef: {name: b}}]}",
            &[
                "<stdin>:4:26: error: spec.tasks[0].taskSpecc: unknown field 'taskSpecc'; did you mean 'taskSpec'?",
            ],
        )],
    );
    refuses(
        "v1beta1",
        "PipelineRun",
        &[(
            "{pipelineRef: {name: p}, podTemplate: {nodeSelectr: {}}, timeouts: {task: 1m}}",
            &[
                "<stdin>:4:46: error: spec.taskRunTemplate.podTemplate.nodeSelectr: unknown field 'nodeSelectr'; did you mean 'nodeSelector'?",
                "<stdin>:4:75: error: spec.timeouts.task: unknown field 'task'; did you mean 'tasks'?",
            ],
        )],
    );
}

/// The clone step is added after the check, so the finding contains the step's index in the original document.
#[test]
fn a_finding_uses_the_original_index_of_a_step_after_a_git_input() {
    let spec = "{resources: {inputs: [{name: src, type: git}]}, steps: [{image: i, workingDir: /w, argss: []}]}";
    let found = refused(&document("v1beta1", "Task", spec));
    assert_eq!(
        found,
        "<stdin>:4:90: error: spec.steps[0].argss: unknown field 'argss'; did you mean 'args'?\n"
    );
}

#[test]
fn a_map_instead_of_a_list_is_an_error() {
    refuses(
        "v1alpha1",
        "Task",
        &[(
            "{results: {type: gcs, url: x}, steps: [{image: i}]}",
            &[
                "<stdin>:4:17: error: spec.results: expected a list, found a map; begin each item with '- '",
            ],
        )],
    );
}

#[test]
fn an_unquoted_name_that_is_not_a_string_in_yaml_is_an_error() {
    refuses(
        "v1beta1",
        "Pipeline",
        &[
            (
                "{params: [{name: y}], tasks: [{name: a, taskRef: {name: b}}]}",
                &[
                    "<stdin>:4:24: error: spec.params[0].name: expected a string, found a boolean; put it in quotes, because YAML reads it as true",
                ],
            ),
            (
                "{tasks: [{name: a, taskRef: {name: y}}]}",
                &[
                    "<stdin>:4:42: error: spec.tasks[0].taskRef.name: expected a string, found a boolean; put it in quotes, because YAML reads it as true",
                ],
            ),
            (
                "{tasks: [{name: a, taskRef: {name: b}, runAfter: [1]}]}",
                &[
                    "<stdin>:4:57: error: spec.tasks[0].runAfter[0]: expected a string, found a number; put it in quotes, because YAML reads it as 1",
                ],
            ),
        ],
    );
    // A number is not an error here, because Tekton accepts a number as a parameter's value.
    let value = translated(&document(
        "v1beta1",
        "TaskRun",
        "{taskRef: {name: t}, params: [{name: p, value: 1}]}",
    ));
    assert!(value.contains("value: 1"), "{value}");
}

#[test]
fn an_unknown_version_is_an_error() {
    for kind in ["Task", "PipelineRun", "StepAction"] {
        assert_eq!(
            refused(&document("v2", kind, "{steps: [{image: i}]}")),
            "<stdin>:1:13: error: apiVersion: Tekton has no API version 'tekton.dev/v2'; did you mean 'tekton.dev/v1'?\n",
            "{kind}"
        );
    }
}

#[test]
fn a_parameter_that_is_in_both_lists_is_an_error() {
    for (kind, spec) in [
        (
            "Task",
            "{inputs: {params: [{name: a}]}, params: [{name: a}], steps: [{image: i}]}",
        ),
        (
            "TaskRun",
            "{inputs: {params: [{name: a, value: b}]}, params: [{name: a, value: c}], taskRef: {name: t}}",
        ),
    ] {
        assert_eq!(
            refused(&document("v1alpha1", kind, spec)),
            "<stdin>:4:26: error: spec.inputs.params[0]: the parameter 'a' already exists; remove or rename one of them\n"
        );
    }
}

#[test]
fn the_error_about_a_variable_with_the_wrong_direction_shows_the_right_one() {
    let spec = "{resources: {inputs: [{name: src, type: git}], outputs: [{name: img, type: image}]}, steps: [{image: i, workingDir: /w, args: [$(resources.outputs.src.url), $(resources.inputs.img.url)]}]}";
    assert_eq!(
        refused(&document("v1beta1", "Task", spec)),
        "\
<stdin>:4:134: error: spec.steps[0].args[0]: `$(resources.outputs.src.url)`: the resource 'src' is an input; write $(resources.inputs.src.url)
<stdin>:4:164: error: spec.steps[0].args[1]: `$(resources.inputs.img.url)`: the resource 'img' is an output; write $(resources.outputs.img.url)
"
    );
}

#[test]
fn a_missing_binding_is_explained_in_the_syntax_of_the_document() {
    let task = document(
        "v1beta1",
        "Task",
        "{resources: {inputs: [{name: src, type: git}], outputs: [{name: img, type: image}]}, steps: [{image: i, workingDir: /w}]}",
    );
    let resource = "---\napiVersion: tekton.dev/v1alpha1\nkind: PipelineResource\nmetadata: {name: repo}\nspec: {type: git, params: [{name: url, value: u}]}\n";
    for (version, kind, spec, help) in [
        (
            "v1beta1",
            "TaskRun",
            "{taskRef: {name: x}, resources: {inputs: [{name: src, resourceRef: {name: repo}}]}}",
            "resources: {outputs: [{name: img, resourceRef: {name: ...}}]}",
        ),
        (
            "v1alpha1",
            "TaskRun",
            "{taskRef: {name: x}, inputs: {resources: [{name: src, resourceRef: {name: repo}}]}}",
            "outputs: {resources: [{name: img, resourceRef: {name: ...}}]}",
        ),
        (
            "v1beta1",
            "Pipeline",
            "{resources: [{name: s, type: git}], tasks: [{name: b, taskRef: {name: x}, resources: {inputs: [{name: src, resource: s}]}}]}",
            "resources: {outputs: [{name: img, resource: ...}]}",
        ),
        (
            "v1alpha1",
            "TaskRun",
            "{taskRef: {name: x}, resources: [{name: src, resourceRef: {name: repo}}]}",
            "resources: [{name: img, resourceRef: {name: ...}}]",
        ),
    ] {
        let found = refused(&format!(
            "{}---\n{task}{resource}",
            document(version, kind, spec)
        ));
        let help =
            format!("requires the resource 'img', but no resource is bound to it; add {help}\n");
        assert!(found.ends_with(&help), "{found}");
        assert_eq!(found.lines().count(), 1, "{found}");
    }
}

#[test]
fn a_kept_pipeline_resource_is_checked() {
    refuses(
        "v1alpha1",
        "PipelineResource",
        &[
            (
                "{type: gti, params: []}",
                &[
                    "<stdin>:4:14: error: spec.type: 'gti' is not a PipelineResource type; did you mean 'git'?",
                ],
            ),
            (
                "{type: git, param: []}",
                &["<stdin>:4:19: error: spec.param: unknown field 'param'; did you mean 'params'?"],
            ),
            (
                "{params: []}",
                &["<stdin>:4:7: error: spec: the PipelineResource has no type; use git or image"],
            ),
            (
                "{type: git, params: [{name: url, value: a}, {name: URL, value: b}]}",
                &[
                    "<stdin>:4:51: error: spec.params[1]: the param 'URL' already exists; remove one of them",
                ],
            ),
        ],
    );
    for spec in [
        "{type: cloudEvent, params: [{name: targetURI, value: u}], optional: true}",
        "{type: storage, params: [], secrets: [{fieldName: a, secretName: b, secretKey: c}]}",
    ] {
        assert!(
            translate(&document("v1alpha1", "PipelineResource", spec)).is_ok(),
            "{spec}"
        );
    }
}

#[test]
fn a_key_that_no_git_resource_had_is_a_warning() {
    let task = |key: &str| {
        let spec = format!(
            "{{resources: {{inputs: [{{name: s, type: git}}]}}, steps: [{{image: i, workingDir: /w, args: [$(resources.inputs.s.{key})]}}]}}"
        );
        document("v1beta1", "Task", &spec)
    };
    assert_eq!(
        warned(&task("nope")),
        "<stdin>:4:29: warning: spec.resources: `$(resources.s.nope)`: Tekton's git resources have no 'nope', so 's' needs a PipelineResource with a param 'nope'; to refer to one of Tekton's keys, use url, revision or name\n"
    );
    for key in ["url", "revision", "name", "path", "type"] {
        assert_eq!(warned(&task(key)), "", "{key}");
    }
    // If a Task creates a PipelineResource with this key, the key causes no warning.
    let creates = "---\napiVersion: tekton.dev/v1alpha1\nkind: Task\nmetadata: {name: c}\nspec:\n  steps: [{name: b, image: i, outputs: [{name: v}]}]\n  outputs:\n    resources: [{name: r, spec: {type: git, params: [{name: url, value: u}, {name: nope, value: $(steps.b.v)}]}}]\n";
    assert_eq!(warned(&format!("{}{creates}", task("nope"))), "");
}

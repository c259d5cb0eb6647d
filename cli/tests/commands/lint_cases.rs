//! Tests that `gleaner lint` reports documents that a cluster would reject, and declarations that have no effect.

use crate::support::lint::{IMAGE, TASK, finds, in_task, lint};
use crate::support::{gleaner, gleaner_with_input};

#[test]
fn a_valid_task_passes() {
    finds(TASK, &[]);
}

#[test]
fn reserved_names_are_refused() {
    let spec = "spec:\n  params:";
    finds(
        &TASK.replace("build", "gleaner"),
        &[
            "24:13: error: spec.steps[0].name: the step 'gleaner' has a name that is reserved for Gleaner; rename it",
        ],
    );
    in_task(
        spec,
        "spec:\n  sidecars: [{name: gleaner, image: x}]\n  volumes: [{name: gleaner-internal, emptyDir: {}}]\n  params:",
        &[
            "20:21: error: spec.sidecars[0].name: the sidecar 'gleaner' has a name that is reserved for Gleaner",
            "21:20: error: spec.volumes[0].name: the volume 'gleaner-internal' has a name that is reserved for Gleaner; rename it",
        ],
    );
    in_task(
        spec,
        "spec:\n  workspaces: [{name: w, mountPath: /gleaner/x}]\n  params:",
        &[
            "20:37: error: spec.workspaces[0].mountPath: the workspace at '/gleaner/x' conflicts with /gleaner, which Gleaner needs; use a different mount path",
        ],
    );
    in_task(
        spec,
        "spec:\n  results: [{name: cm}]\n  params:",
        &[
            "20:13: error: spec.results[0]: the result 'cm' describes the resource 'cm', so its type must be object; remove the result 'cm'",
        ],
    );
}

#[test]
fn a_pod_whose_containers_may_restart_is_refused() {
    for (kind, place, template) in [
        ("batch/v1, kind: Job", "spec.template", "{template: POD}"),
        (
            "jobset.x-k8s.io/v1alpha2, kind: JobSet",
            "spec.replicatedJobs[0].template.spec.template",
            "{replicatedJobs: [{template: {spec: {template: POD}}}]}",
        ),
    ] {
        let pod = "{metadata: {annotations: {gleaner.dev/outputs: 'steps: {main: [{name: v}]}'}}, spec: {containers: [{name: main, image: x, command: [x]}]}}";
        let spec = template.replace("POD", pod);
        let (code, lines) = lint(&format!("{{apiVersion: {kind}, spec: {spec}}}"));
        assert_eq!((code, lines.len()), (1, 1), "{lines:#?}");
        assert!(
            lines[0].contains(&format!(
                "error: {place}.spec.restartPolicy: the pod's containers may restart"
            )),
            "{lines:#?}"
        );
        let (code, lines) = lint(&format!(
            "{{apiVersion: {kind}, spec: {}}}",
            spec.replace(
                "spec: {containers",
                "spec: {restartPolicy: Never, containers"
            )
        ));
        assert_eq!((code, lines.len()), (0, 1), "{lines:#?}");
        assert!(
            lines[0].contains("warning: steps: the outputs are unused"),
            "{lines:#?}"
        );
    }
}

#[test]
fn declarations_without_effect_are_errors() {
    in_task(
        "gleaner.dev/outputs",
        "gleaner.dev/output",
        &[
            "6:5: error: metadata.annotations[\"gleaner.dev/output\"]: unknown annotation 'gleaner.dev/output'; did you mean 'gleaner.dev/outputs'?",
        ],
    );
    in_task(
        "kind: Task",
        "kind: ClusterTask",
        &[
            "6:5: error: metadata.annotations[\"gleaner.dev/outputs\"]: the annotation 'gleaner.dev/outputs' has no effect here; Gleaner does not support ClusterTasks",
        ],
    );
    in_task(
        "kind: Task",
        "kind: task",
        &[
            "6:5: error: metadata.annotations[\"gleaner.dev/outputs\"]: the annotation 'gleaner.dev/outputs' has no effect here; did you mean kind: Task?",
        ],
    );
    finds(
        "{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: r, annotations: {gleaner.dev/outputs: x}}, spec: {taskRef: {name: x}}}",
        &[
            "1:78: error: metadata.annotations[\"gleaner.dev/outputs\"]: the annotation 'gleaner.dev/outputs' has no effect here; the TaskRun has no taskSpec",
        ],
    );
    // `objects` is indented by two columns too few, so it is not part of the block scalar.
    let outside = TASK.replace("      objects:", "    objects:");
    finds(
        &outside,
        &[
            "8:9: warning: steps: the outputs are unused: the declaration has no resources and no objects",
            "10:5: error: metadata.annotations.objects: the annotation 'objects' must be a string, not a list; indent 'objects' so that it is part of the block of gleaner.dev/outputs",
        ],
    );
}

#[test]
fn an_expression_in_another_template_language_is_a_warning() {
    for (expression, help) in [
        (
            "${{ steps.build.outputs.digest }}",
            "write $(steps.build.digest)",
        ),
        ("${{ inputs.image }}", "write $(params.image)"),
        ("{{inputs.parameters.image}}", "write $(params.image)"),
        ("{{ .Values.image }}", "write $(params.image)"),
        (
            "{{steps.build.outputs.parameters.digest}}",
            "write $(steps.build.digest)",
        ),
        ("{{ image }}", "write $(params.image)"),
        (
            "{{ other }}",
            "write $(params.NAME) or $(steps.STEP.OUTPUT) for a value",
        ),
        ("${params.image}", "write $(params.image)"),
        ("${image}", "write $(params.image)"),
        ("${digest}", "write $(steps.build.digest)"),
        (
            "${other}",
            "write $(params.NAME) or $(steps.STEP.OUTPUT) for a value",
        ),
        ("$[[ inputs.image ]]", "write $(params.image)"),
    ] {
        let to = format!("{IMAGE}\n              other: 'a {expression}'");
        in_task(
            IMAGE,
            &to,
            &[&format!(
                "19:25: warning: objects[0].resourceTemplate.data.other: `{expression}` is not a Gleaner variable and stays as literal text; {help}"
            )],
        );
    }
    let strict = TASK.replace(IMAGE, &format!("{IMAGE}-${{{{ inputs.image }}}}"));
    gleaner_with_input(&["lint", "--strict", "-f", "-"], &strict).exits(1);
    gleaner_with_input(&["lint", "--strict", "-f", "-"], TASK).exits(0);
}

#[test]
fn shell_variables_and_templates_of_other_controllers_are_accepted() {
    let script = format!(
        "{IMAGE}\n              run: |\n                echo ${{image}} ${{HOME}}\n                {{{{ .Other }}}}\n              home: ${{HOME}}\n              escaped: $${{x}}"
    );
    in_task(IMAGE, &script, &[]);
    let alert = TASK
        .replace("apiVersion: v1", "apiVersion: monitoring.coreos.com/v1")
        .replace("kind: ConfigMap", "kind: PrometheusRule")
        .replace(
            IMAGE,
            &format!("{IMAGE}\n              on: '{{{{ $labels.instance }}}} ${{x}}'"),
        );
    finds(&alert, &[]);
}

#[test]
fn a_template_variable_in_a_step_is_an_error() {
    let script = "script: echo sha256:abc > $GLEANER_OUTPUTS/digest";
    for (variable, message) in [
        (
            "steps.build.digest",
            "outputs of the step 'build' are only available in templates; have 'build' write",
        ),
        (
            "steps.build.outputs.digest",
            "outputs of the step 'build' are only available in templates",
        ),
        (
            "steps.build.digset",
            "outputs of the step 'build' are only available in templates",
        ),
        (
            "steps[\"build\"].digest",
            "outputs of the step 'build' are only available in templates",
        ),
        (
            "resources.cm.name",
            "steps cannot refer to the resource 'cm'",
        ),
    ] {
        for (field, at, place) in [
            ("script: \"echo $(V)\"", "29:21", "spec.steps[1].script"),
            (
                "script: x\n      workingDir: /a/$(V)",
                "30:22",
                "spec.steps[1].workingDir",
            ),
            ("command: [x, $(V)]", "29:20", "spec.steps[1].command[1]"),
            (
                "script: x\n      env: [{name: A, value: $(V)}]",
                "30:30",
                "spec.steps[1].env[0].value",
            ),
        ] {
            let field = field.replace('V', variable);
            if field.contains(": \"echo") && variable.contains('"')
                || field.contains("[x") && variable.contains('[')
                || field.contains("[{") && variable.contains('[')
            {
                continue;
            }
            let to = format!("{script}\n    - name: t\n      image: x\n      {field}");
            in_task(
                script,
                &to,
                &[
                    "9:11: warning: steps.build: the objects are created after the step 'build'",
                    &format!("{at}: error: {place}: `$({variable})`: {message}"),
                ],
            );
        }
    }
    // Tekton defines `results`, `exitCode` and `outputs` for each step, so these variables do not refer to Gleaner's outputs.
    in_task(
        script,
        &format!(
            "{script}\n    - name: t\n      image: x\n      args: [\"$(steps.build.results.x)\", \"$(steps.build.exitCode.path)\", \"$(steps.build.outputs)\"]\n      script: x"
        ),
        &[
            "9:11: warning: steps.build: the objects are created after the step 'build'",
            "29:15: warning: spec.steps[1].args[0]: `$(steps.build.results.x)`: step 'build' has no result 'x'",
            "29:43: warning: spec.steps[1].args[1]: `$(steps.build.exitCode.path)`: the Task has no step 'build'; use $(steps.step-NAME.exitCode.path)",
        ],
    );
}

#[test]
fn objects_created_before_a_step_that_may_fail_are_reported() {
    let build = "    - name: build\n      image: busybox\n      script: echo sha256:abc > $GLEANER_OUTPUTS/digest\n";
    let test = "    - name: test\n      image: busybox\n      script: exit 1\n";
    let task = TASK.replace(build, &format!("{build}{test}"));
    finds(
        &task,
        &[
            "9:11: warning: steps.build: the objects are created after the step 'build', so they remain if a later step, such as 'test', fails; set submit: Completed",
        ],
    );
    for named in ["Completed", "Resolved", "Manual"] {
        let submit = format!("      submit: {named}\n      steps:\n");
        finds(&task.replace("      steps:\n", &submit), &[]);
    }
    // The step whose output is used now runs last. No later step can fail, so nothing is reported.
    finds(&TASK.replace(build, &format!("{test}{build}")), &[]);
}

#[test]
fn an_object_result_of_a_task_with_a_matrix_is_an_error() {
    // `lint` requires that the TaskRuns of a matrix create objects with different names, and `generateName` ensures this.
    let task = TASK.replace(
        "name: app\n            data",
        "generateName: app-\n            data",
    );
    let with_result = task.replace("spec:\n", "spec:\n  results: [{name: text}]\n");
    let pipeline = "---\napiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: p}\nspec:\n  tasks:\n    - name: m\n      matrix: {params: [{name: image, value: [a, b]}]}\n      taskRef: {name: app}\n    - name: after\n      params: [{name: all, value: \"$(tasks.m.results.cm[*])\"}]\n      taskRef: {name: other}\n";
    finds(
        &format!("{task}{pipeline}"),
        &[
            "37:36: error: spec.tasks[1].params[0].value: `$(tasks.m.results.cm[*])` is always empty: Tekton does not collect object results such as 'cm' from the task 'm', because this task has a matrix; in the next task, find the objects",
        ],
    );
    for command in [&["translate"][..], &["inject", "--image", "i"]] {
        let text = format!("{task}{pipeline}");
        gleaner_with_input(&[command, &["-f", "-"]].concat(), &text)
            .exits(78)
            .says("37:36: error: spec.tasks[1].params[0].value: `$(tasks.m.results.cm[*])` is always empty: ");
    }
    finds(
        &format!(
            "{with_result}{}",
            pipeline.replace("results.cm[*]", "results.text[*]")
        ),
        &["20:12: warning: spec.results: a step's results are limited to "],
    );
    finds(
        &format!(
            "{task}{}",
            pipeline.replace(
                "      matrix: {params: [{name: image, value: [a, b]}]}\n",
                ""
            )
        ),
        &[],
    );
}

#[test]
fn exit_codes_distinguish_findings_from_unreadable_files() {
    gleaner(&["lint", "-f", "nowhere.yaml"]).exits(66);
    gleaner_with_input(&["lint", "-f", "-"], "# nothing\n").exits(66);
    gleaner(&["lint"]).exits(64);
    gleaner_with_input(&["lint", "-f", "-"], "a: 1\na: 2\n").exits(1);
    gleaner_with_input(&["lint", "-f", "-"], TASK).exits(0);
}

#[test]
fn an_unreplaced_variable_in_a_path_is_an_error() {
    for (variable, message) in [
        (
            "$(steps.other.x)",
            "`$(steps.other.x)` is not allowed in a path; use $(params.NAME)",
        ),
        (
            "$(steps.build.digest)",
            "`$(steps.build.digest)`: outputs are only available in templates",
        ),
        (
            "$(resources.cm.name)",
            "`$(resources.cm.name)` is not allowed in a path",
        ),
        (
            "$(workspaces.src.pth)",
            "`$(workspaces.src.pth)` is not a variable of the workspace 'src'; write $(workspaces.src.path)",
        ),
        (
            "$(workspaces.src)",
            "`$(workspaces.src)` is not a variable of the workspace 'src'",
        ),
        (
            "$(params.list[*])",
            "`$(params.list[*])` is of type array, but a path must be a string; use a part of it, such as $(params.list[0])",
        ),
        (
            "$(params.image.key)",
            "`$(params.image.key)`: the parameter 'image' is a string and has no keys or items",
        ),
        ("$(params.list[0])", ""),
        ("$(workspaces.src.path)/x", ""),
        ("$(workspaces['src'].path)/x", ""),
        ("$(steps.other.results.x)", ""),
        ("$(resources.inputs.src.path)/x", ""),
        ("$(context.taskRun.name)", ""),
    ] {
        let text = TASK
            .replace(
                "- name: digest\n",
                &format!("- name: digest\n            fromPath: {variable}\n"),
            )
            .replace(
                "spec:\n  params:\n",
                "spec:\n  workspaces: [{name: src}]\n  params:\n    - {name: list, type: array}\n",
            );
        let expected = format!("10:23: error: steps.build[0].fromPath: {message}");
        let expected = [expected.as_str()];
        finds(&text, if message.is_empty() { &[] } else { &expected });
    }
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations:\n    gleaner.dev/outputs: |\n      steps: {main: [{name: v, fromPath: $(workspaces.src.path)/v}]}\n      objects:\n        - {name: cm, resourceTemplate: {apiVersion: v1, kind: ConfigMap, data: {v: $(steps.main.v)}}}\nspec:\n  restartPolicy: Never\n  containers: [{name: main, image: i, command: [x]}]\n";
    finds(
        pod,
        &[
            "7:42: error: steps.main[0].fromPath: `$(workspaces.src.path)` is not replaced in a pod outside Tekton",
        ],
    );
}

#[test]
fn an_error_in_a_tasks_steps_includes_a_remedy() {
    for (from, to, expected) in [
        (
            "- name: build",
            "- {name: build, script: x}\n    - name: build",
            "25:7: error: spec.steps[1]: an earlier step is also named 'build'; rename one of them",
        ),
        (
            "      image: busybox",
            "      image: busybox\n      timeout: 5",
            "26:16: error: spec.steps[0].timeout: expected a string, found a number; write a duration with a unit, such as 5s",
        ),
        (
            "    - name: image\n",
            "    - name: image\n    - name: image\n",
            "22:7: error: spec.params[1]: the parameter 'image' is declared twice; remove or rename one of them",
        ),
    ] {
        in_task(from, to, &[expected]);
    }
}

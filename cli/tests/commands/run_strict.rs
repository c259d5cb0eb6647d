//! Tests documents that Tekton rejects: `gleaner run` also rejects them, reports the position of the error, and exits with code
//! 78 before it runs a step.

use crate::support::run;
use crate::support::runs::{of_task, pipeline_run, refuses, task_run};

/// Returns a TaskRun with the additional `fields` in its taskSpec.
fn with(fields: &str) -> String {
    task_run(
        &format!("{{{fields}, steps: [{{name: a, image: i, script: x}}]}}"),
        "",
    )
}

/// Returns a TaskRun with the additional `fields` in its only step.
fn step(fields: &str) -> String {
    task_run(
        &format!("{{steps: [{{name: a, image: i, script: x, {fields}}}]}}"),
        "",
    )
}

/// Returns a TaskRun with the additional `fields` in its spec.
fn of_run(fields: &str) -> String {
    task_run("{steps: [{name: a, image: i, script: x}]}", fields)
}

#[test]
fn unknown_fields_are_refused_at_every_level() {
    for (text, message) in [
        (
            with("params: [{name: p, defualt: x}]"),
            "params[0].defualt: unknown field 'defualt'; did you mean 'default'?",
        ),
        (
            with(
                "params: [{name: p, type: object, properties: {k: {typ: string}}, default: {k: v}}]",
            ),
            "params[0].properties.k.typ: unknown field",
        ),
        (
            with("results: [{name: q, desc: x}]"),
            "results[0].desc: unknown field",
        ),
        (
            with("results: [{name: q, default: x}]"),
            "results[0].default: unknown field",
        ),
        (
            with("workspaces: [{name: w, mountPaths: x}]"),
            "workspaces[0].mountPaths: unknown field",
        ),
        (
            with("volumes: [{name: v, emptydir: {}}]"),
            "volumes[0].emptydir: unknown field",
        ),
        (
            with("volumes: [{name: v, configMap: {name: c, itms: []}}]"),
            "volumes[0].configMap.itms: unknown field",
        ),
        (
            with("sidecars: [{name: s, imag: x}]"),
            "sidecars[0].imag: unknown field",
        ),
        (
            with("sidecars: [{name: s, env: [{name: A, vlaue: x}]}]"),
            "sidecars[0].env[0].vlaue: unknown field",
        ),
        (
            with("stepTemplate: {script: x}"),
            "stepTemplate.script: unknown field",
        ),
        (
            with("stepTemplate: {env: [{name: A, foo: x}]}"),
            "stepTemplate.env[0].foo: unknown field",
        ),
        (
            step("env: [{name: A, vlaue: x}]"),
            "env[0].vlaue: unknown field 'vlaue'; did you mean 'value'?",
        ),
        (
            step("env: [{name: A, valueFrom: {secretRef: {}}}]"),
            "env[0].valueFrom.secretRef: unknown field",
        ),
        (
            step("computeResources: {limit: {cpu: 1}}"),
            "computeResources.limit: unknown field",
        ),
        (
            step("securityContext: {runAsUsr: 1}"),
            "securityContext.runAsUsr: unknown field",
        ),
        (
            step("volumeMounts: [{name: v, mountPath: /v, readonly: true}]"),
            "volumeMounts[0].readonly: unknown field",
        ),
        (
            step("results: [{name: x, value: y}]"),
            "results[0].value: unknown field",
        ),
        (
            step("when: [{input: a, operator: in, values: [b], foo: c}]"),
            "when[0].foo: unknown field",
        ),
        (
            step("stdoutConfig: {file: x}"),
            "stdoutConfig.file: unknown field",
        ),
        (
            step("workspaces: [{name: w, path: x}]"),
            "workspaces[0].path: unknown field",
        ),
        (
            of_run("podTemplate: {nodeSelectr: {}}"),
            "podTemplate.nodeSelectr: unknown field",
        ),
        (
            of_run("podTemplate: {securityContext: {fsGrup: 1}}"),
            "podTemplate.securityContext.fsGrup: unknown field",
        ),
        (
            of_run("workspaces: [{name: w, subpath: x, emptyDir: {}}]"),
            "workspaces[0].subpath: unknown field",
        ),
        (
            of_run("workspaces: [{name: w, volumeClaimTemplate: {spec: {accessMods: []}}}]"),
            "volumeClaimTemplate.spec.accessMods: unknown field",
        ),
        (
            of_run("params: [{name: p, value: x, type: string}]"),
            "params[0].type: unknown field",
        ),
        (
            of_run("stepSpecs: [{name: a, resources: {}}]"),
            "stepSpecs[0].resources: unknown field",
        ),
        (
            of_task("params: [{name: p, value: x, type: string}]"),
            "tasks[0].params[0].type: unknown field",
        ),
        (
            of_task("when: [{input: a, operator: in, vals: [b]}]"),
            "when[0].vals: unknown field",
        ),
        (
            of_task("workspaces: [{name: w, foo: x}]"),
            "workspaces[0].foo: unknown field",
        ),
        (
            pipeline_run("{params: [{name: p, desc: x, default: y}], tasks: []}", ""),
            "params[0].desc: unknown field",
        ),
        (
            pipeline_run(
                "{workspaces: [{name: p, optionl: true, optional: true}], tasks: []}",
                "",
            ),
            "workspaces[0].optionl: unknown field",
        ),
        (
            pipeline_run("{results: [{name: p, value: x, foo: y}], tasks: []}", ""),
            "results[0].foo: unknown field",
        ),
        (
            pipeline_run("{tasks: []}", "timeouts: {task: 1m}"),
            "timeouts.task: unknown field",
        ),
        (
            pipeline_run("{tasks: []}", "taskRunTemplate: {podTemplat: {}}"),
            "taskRunTemplate.podTemplat: unknown field",
        ),
        (
            pipeline_run(
                "{tasks: []}",
                "taskRunSpecs: [{podTemplate: {hostnetwork: true}}]",
            ),
            "podTemplate.hostnetwork: unknown field",
        ),
    ] {
        refuses(&text, message);
    }
    // If the run and its embedded Task both have unknown fields, all of them are reported.
    let ran = refuses(
        &task_run(
            "{description: x, descriptions: x, steps: [{name: a, image: i, script: x}]}",
            "serviceAccount: x",
        ),
        "unknown field 'descriptions'",
    );
    ran.says("unknown field 'serviceAccount'");
    // Known fields are accepted, including fields from later Kubernetes versions, and so are the entries of maps whose keys
    // the user chooses.
    let known = "
params: [{name: p, type: object, properties: {k: {type: string}}, default: {k: v}}]
    volumes: [{name: v, projected: {sources: [{secret: {name: s}}]}}]
    stepTemplate: {computeResources: {requests: {cpu: 1, 'example.com/x': 2}}}
    steps: [{name: a, image: i, script: 'true', env: [{name: A, valueFrom: {fileKeyRef: {path: x}}}], securityContext: {capabilities: {drop: [ALL]}}}]";
    let more = "podTemplate: {nodeSelector: {any: key}, affinity: {nodeAffinity: {}}, tolerations: [{key: x, operator: Exists}]}";
    run(&task_run(&format!("\n    {}", known.trim()), more), &[]).exits(0);
}

#[test]
fn contradictory_fields_of_a_task_are_refused() {
    for (text, message) in [
        (
            with("params: [{name: 'a b', default: x}]"),
            "params[0]: 'a b' is not a valid parameter name",
        ),
        (
            with("params: [{name: a.b, type: object, properties: {k: {}}, default: {k: v}}]"),
            "params[0]: 'a.b' is not a valid parameter name",
        ),
        (
            with("params: [{name: p, type: array, default: x}]"),
            "params[0].default: the default is a string, but the parameter is of type array",
        ),
        (
            with("params: [{name: p, type: object, default: {k: v}}]"),
            "params[0]: a parameter of type object needs properties",
        ),
        (
            with(
                "params: [{name: p, type: object, properties: {k: {type: array}}, default: {k: v}}]",
            ),
            "properties.k.type: the property 'k' of an object must be a string, not 'array'",
        ),
        (
            with("results: [{name: q, type: number}]"),
            "results[0].type: 'number' is not a valid result type",
        ),
        (
            with("results: [{name: q, type: object}]"),
            "results[0]: a result of type object needs properties",
        ),
        (
            with("results: [{name: q, type: object, properties: {k: {type: array}}}]"),
            "properties.k.type: the property 'k' of an object must be a string, not 'array'",
        ),
        (
            with("workspaces: [{name: w, optional: true}, {name: w}]"),
            "workspaces[1]: an earlier workspace is also named 'w'",
        ),
        (
            with("volumes: [{name: v, emptyDir: {}}, {name: v, emptyDir: {}}]"),
            "volumes[1]: an earlier volume is also named 'v'",
        ),
        (
            step("env: [{name: A, value: x, valueFrom: {secretKeyRef: {name: s, key: k}}}]"),
            "env[0].valueFrom: the variable has both 'value' and 'valueFrom'",
        ),
        (
            step("workspaces: [{name: nope}]"),
            "workspaces[0].name: the Task declares no workspace 'nope'",
        ),
        (
            step("when: [{input: a, operator: in, values: []}]"),
            "when[0]: the condition has no values",
        ),
        (
            step("onError: ignore"),
            "onError: 'ignore' is not a valid onError value; expected one of: continue, stopAndFail",
        ),
        (step("timeout: soon"), "<stdin>:5:"),
        (
            of_task("when: [{input: a, operator: notin}]"),
            "tasks[0].when[0]: the condition has no values",
        ),
        (
            task_run("{steps: [{name: D_x, image: i, script: x}]}", ""),
            "steps[0].name: 'D_x' is not a valid name",
        ),
        (
            of_run("").replace("name: r}", "name: Build_1}"),
            "metadata.name: 'Build_1' is not a valid TaskRun name",
        ),
    ] {
        refuses(&text, message);
    }
    // `valueFrom` is allowed if `value` is empty.
    let both = step("env: [{name: A, value: '', valueFrom: {fieldRef: {fieldPath: x}}}]");
    run(&both.replace("script: x", "script: 'true'"), &[]).exits(0);
}

#[test]
fn values_of_a_run_are_checked_at_their_positions() {
    let params = "{params: [{name: s, default: x, enum: [x, z]}, {name: l, type: array, default: [x]}, {name: o, type: object, properties: {k: {}, m: {}}, default: {k: x, m: x}}, {name: part, type: object, properties: {k: {}, m: {}}, default: {k: x}}], steps: [{name: a, image: i, script: x}]}";
    for (given, message) in [
        (
            "{name: s, value: [x]}",
            "<stdin>:6:29: error: spec.params[0].value: the parameter 's' is of type string, but its value is an array",
        ),
        (
            "{name: s, value: u}",
            "<stdin>:6:29: error: spec.params[0].value: the parameter 's' cannot be 'u'; use one of x, z",
        ),
        (
            "{name: l, value: [true]}",
            "<stdin>:6:29: error: spec.params[0].value: the parameter 'l' is of type array, but its value is a string; quote each value inside it, because Tekton accepts only strings",
        ),
        (
            "{name: part, value: {k: '1'}}",
            "<stdin>:6:32: error: spec.params[0].value: the object parameter 'part' has no value for m",
        ),
    ] {
        let ran = refuses(&task_run(params, &format!("params: [{given}]")), message);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        let of_task = pipeline_run(
            &format!("{{tasks: [{{name: t, params: [{given}], taskSpec: {params}}}]}}"),
            "",
        );
        let message = message.rsplit_once("params[0].value").unwrap().1;
        refuses(&of_task, &format!("tasks[0].params[0].value{message}"));
    }
    for (spec, more, message) in [
        (
            "{workspaces: [{name: w}], STEPS}",
            "workspaces: [{name: w, emptyDir: {}, configMap: {name: x}}]",
            "workspaces[0]: the workspace 'w' has several sources: emptyDir and configMap; keep one of them",
        ),
        (
            "{workspaces: [{name: w}], STEPS}",
            "workspaces: [{name: w}]",
            "workspaces[0]: the workspace 'w' is not bound; specify a directory",
        ),
        (
            "{workspaces: [{name: w}], STEPS}",
            "workspaces: [{name: w, emptyDir: {}, subPath: ../x}]",
            "workspaces[0].subPath: the subPath '../x' is outside the workspace",
        ),
    ] {
        let spec = spec.replace("STEPS", "steps: [{name: a, image: i, script: x}]");
        let ran = refuses(&task_run(&spec, more), message);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
    let unbound = "{workspaces: [{name: w}], tasks: [{name: t, taskSpec: {steps: [{name: a, image: i, script: x}]}}]}";
    refuses(
        &pipeline_run(unbound, ""),
        "error: spec: the workspace 'w' is not bound; bind it in the run",
    );
    let named = "{tasks: [{name: A b, taskSpec: {steps: [{name: a, image: i, script: x}]}}]}";
    refuses(
        &pipeline_run(named, ""),
        "spec.pipelineSpec.tasks[0]: 'A b' is not a valid name",
    );
    let old = of_run("inputs: {params: [{name: a, value: b}]}");
    refuses(
        &old,
        "spec.inputs: `gleaner run` does not support 'inputs'; translate the documents first",
    );
}

#[test]
fn timeouts_and_results_of_a_pipeline_are_checked() {
    let spec = "{tasks: [{name: a, taskSpec: {results: [{name: q}], steps: [{name: a, image: i, script: x}]}}]}";
    for (timeouts, message) in [
        (
            "{pipeline: 10s, tasks: 20s}",
            "spec.timeouts.tasks: the timeout exceeds the pipeline's timeout",
        ),
        (
            "{pipeline: 10s, finally: '0'}",
            "spec.timeouts.finally: the timeout exceeds the pipeline's timeout",
        ),
        (
            "{pipeline: 1m, tasks: 1m, finally: 1m}",
            "spec.timeouts: timeouts.tasks and timeouts.finally together exceed the pipeline's timeout",
        ),
    ] {
        refuses(
            &pipeline_run(spec, &format!("timeouts: {timeouts}")),
            message,
        );
    }
    for timeouts in [
        "{pipeline: '0', tasks: 20s}",
        "{pipeline: 2m, tasks: 1m, finally: 1m}",
    ] {
        let text = pipeline_run(spec, &format!("timeouts: {timeouts}"));
        run(&text.replace("script: x", "script: 'true'"), &[]).exits(0);
    }
    for value in ["literal", "$(params.x)", "$(tasks.a.status)"] {
        let with_result = spec.replace(
            "{tasks",
            &format!(
                "{{params: [{{name: x, default: k}}], results: [{{name: r, value: {value}}}], tasks"
            ),
        );
        refuses(
            &pipeline_run(&with_result, ""),
            "results[0].value: the result 'r' does not refer to a task's result",
        );
    }
}

use super::*;
use crate::document::yaml;

const NONE: [Vec<String>; 3] = [const { Vec::new() }; 3];

/// Returns a Task that declares names of each kind, and whose second step contains `fields`.
fn task(fields: &str) -> String {
    format!(
        "kind: Task
spec:
  params: [{{name: x}}, {{name: l, type: array}}, {{name: o, type: object, properties: {{k: {{}}}}}}, {{name: d.e}}]
  results: [{{name: r}}, {{name: d.e}}]
  workspaces: [{{name: w}}, {{name: my.ws}}]
  steps:
  - {{name: zero, results: [{{name: own}}], image: i}}
  - {{name: one, results: [{{name: mine}}], {fields}}}
  - {{name: act, ref: {{name: other}}}}
  - {{name: last, image: i, args: [$(steps.act.results.any)]}}
"
    )
}

/// Returns the messages about the document: for rejected variables, for variables that stay literal, and for variables whose
/// effect depends on the cluster or the Task.
fn found(document: &str) -> [Vec<String>; 3] {
    let document = yaml::parse(document).unwrap();
    let sites = DeclarationSite::all(&document);
    let mut all = [vec![], vec![], vec![]];
    for site in &sites {
        let Some(spec) = site.task().unwrap() else {
            continue;
        };
        let misused = of_task(site, &spec);
        let mut literal = misused.literal;
        literal.extend(misused.replaced.into_vec());
        let parts = [misused.refused, literal, misused.elsewhere];
        for (all, part) in all.iter_mut().zip(parts) {
            all.extend(part.into_vec().iter().map(ToString::to_string));
        }
    }
    all
}

#[track_caller]
fn expect(fields: &str, kind: usize, message: &str) {
    let found = found(&task(fields));
    let total: usize = found.iter().map(Vec::len).sum();
    assert_eq!(total, 1, "{fields}: {found:?}");
    assert!(
        found[kind].first().is_some_and(|one| one.contains(message)),
        "{fields}: {found:?}"
    );
}

#[test]
fn known_variables_and_shell_text_are_not_reported() {
    for fields in [
        "script: '$(params.x) $(params[\"x\"]) $(params[''x'']) $(inputs.params.x) $(params[\"d.e\"])'",
        "script: '$(params.l[0]) $(params[\"l\"][0]) $(params.o.k)'",
        "args: [$(params.l), '$(params.l[*])']",
        "when: [{input: $(params.x), operator: in, values: ['$(params.l[*])']}]",
        "script: '$(results.r.path) $(results[\"r\"].path) $(results[\"d.e\"].path)'",
        "args: [$(results.d.e.path)]",
        "script: '$(step.results.mine.path) $(steps.step-zero.exitCode.path) $(credentials.path)'",
        "env: [{name: A, value: $(steps.zero.results.own)}, {name: B, value: $(PATH)}]",
        "script: '$(workspaces.w.path) $(workspaces.w.bound) $(workspaces.my.ws.path)'",
        "script: '$(context.task.name) $(context.task.retry-count) $(context.taskRun.uid)'",
        "script: 'a $(date) $(cat a.b c) $(basename x.y) $(steps.sh) $(task.py) $(steps.sh a b) $$ $( $(cd'",
        "script: \"# $(workspaces.none.path)\\n  # $(steps.none.digest)\\ntrue\"",
        "displayName: $(params.nope)",
    ] {
        assert_eq!(found(&task(fields)), NONE, "{fields}");
    }
}

#[test]
fn variables_that_tektons_webhook_rejects_are_errors() {
    for (fields, message) in [
        ("script: $(params.nope)", "the Task has no parameter 'nope'"),
        (
            "script: '# $(params.nope)'",
            "the Task has no parameter 'nope'",
        ),
        ("image: $(params.nope)", "no parameter 'nope'"),
        ("workingDir: $(params.nope)", "no parameter 'nope'"),
        ("command: [$(params.nope)]", "no parameter 'nope'"),
        ("args: ['a $(params[\"nope\"])']", "no parameter 'nope'"),
        ("onError: $(params.nope)", "no parameter 'nope'"),
        (
            "env: [{name: A, value: $(params.nope)}]",
            "no parameter 'nope'",
        ),
        (
            "volumeMounts: [{name: v, mountPath: /v, subPath: $(params.nope)}]",
            "no parameter 'nope'",
        ),
        ("script: $(params.x.y.z)", "of type string"),
        ("script: $(params.o.k.z)", "unknown variable"),
        ("script: $(params.d.e)", "no parameter 'd'"),
        ("script: $(params.x | tr a b)", "use backquotes"),
        ("script: $(params.sh)", "no parameter 'sh'"),
        ("script: $(params.l)", "is an array"),
        ("env: [{name: A, value: '$(params.l[*])'}]", "is an array"),
        ("args: ['a $(params.l[*])']", "is an array"),
        ("script: $(params.l.k)", "of type array"),
        ("script: $(params.o)", "is an object"),
        ("args: ['$(params.o[*])']", "is an object"),
        ("script: $(params.o.j)", "has no key 'j'"),
        ("script: '$(params.o[\"k\"])'", "use $(params.o.k)"),
        (
            "script: $(context.taskRun.nme)",
            "did you mean 'taskRun.name'?",
        ),
        ("args: [$(context.task.nme)]", "did you mean 'task.name'?"),
        (
            "script: $(results.nope.path)",
            "the Task has no result 'nope'",
        ),
        ("script: $(results.nope)", "use $(results.nope.path)"),
        ("script: $(results.sh a b)", "use backquotes"),
        ("script: $(results.d.e.path)", "$(results[\"a.b\"].path)"),
        (
            "script: $(step.results.nope.path)",
            "the step has no result 'nope'",
        ),
        (
            "script: $(steps.zero.results.own)",
            "does not replace step results in 'script'",
        ),
        ("image: $(steps.zero.results.nope)", "has no result 'nope'"),
        (
            "volumeMounts: [{name: v, mountPath: $(steps.zero.results.own)}]",
            "does not replace step results in 'volumeMounts'",
        ),
        (
            "imagePullPolicy: $(steps.none.results.own)",
            "the Task has no step 'none'",
        ),
    ] {
        expect(fields, 0, message);
    }
}

#[test]
fn variables_that_tekton_leaves_unchanged_are_reported() {
    for (fields, message) in [
        ("timeout: $(params.nope)", "no parameter 'nope'"),
        (
            "stdoutConfig: {path: $(params.nope)}",
            "no parameter 'nope'",
        ),
        (
            "env: [{name: A, valueFrom: {secretKeyRef: {name: $(params.nope), key: k}}}]",
            "no parameter 'nope'",
        ),
        (
            "volumeMounts: [{name: v, mountPath: /v, subPathExpr: $(params.nope)}]",
            "no parameter 'nope'",
        ),
        (
            "when: [{input: $(params.l), operator: in, values: []}]",
            "is an array",
        ),
        ("script: $(inputs.params.nope)", "no parameter 'nope'"),
        ("script: $(params.x.y)", "of type string"),
        ("script: '$(params.o[0])'", "of type object"),
        ("args: [$(params.l.k)]", "of type array"),
        ("script: '$(params[\"o\"].k)'", "use $(params.o.k)"),
        ("script: $(parms.x)", "did you mean 'params'?"),
        (
            "args: [$(results.nope.path)]",
            "the Task has no result 'nope'",
        ),
        ("script: $(results.r)", "use $(results.r.path)"),
        (
            "script: $(workspaces.none.path)",
            "the Task has no workspace 'none'",
        ),
        ("script: $(workspaces.w)", "use $(workspaces.w.path)"),
        (
            "script: '$(workspaces[\"w\"].path)'",
            "use $(workspaces.w.path)",
        ),
        (
            "script: $(context.pipelineRun.name)",
            "not available in a step of a Task",
        ),
        ("script: $(context.job.completionIndex)", "unknown variable"),
        ("script: $(context.task.name.x)", "unknown variable"),
        (
            "args: [$(step.results.nope.path)]",
            "the step has no result 'nope'",
        ),
        (
            "args: [$(steps.none.results.a)]",
            "the Task has no step 'none'",
        ),
        (
            "args: [$(steps.last.results.a)]",
            "does not run before this step",
        ),
        (
            "args: [$(steps.zero.results.a)]",
            "step 'zero' has no result 'a'",
        ),
        (
            "timeout: $(steps.zero.results.own)",
            "does not replace step results in 'timeout'",
        ),
        (
            "script: $(steps.step-none.exitCode.path)",
            "the Task has no step 'none'",
        ),
        (
            "script: $(steps.zero.digest)",
            "step outputs are only available in templates",
        ),
        (
            "script: $(tasks.a.results.b)",
            "through parameters of the Task",
        ),
        ("script: $(resources.a.url)", "has no such resource"),
        ("args: [$(workspaces.none.sh a b)]", "unknown variable"),
    ] {
        expect(fields, 1, message);
    }
}

#[test]
fn artifact_variables_are_reported_as_available_only_in_a_cluster() {
    for variable in [
        "step.artifacts.path",
        "steps.zero.outputs.a",
        "steps.zero.inputs.a",
    ] {
        expect(
            &format!("script: $({variable})"),
            2,
            "artifacts are available only in a cluster",
        );
    }
}

#[test]
fn variables_outside_the_steps_stay_literal() {
    let text = task("image: i");
    for (rest, message) in [
        (
            "stepTemplate: {image: $(params.nope)}",
            "spec.stepTemplate.image: `$(params.nope)`",
        ),
        (
            "sidecars: [{name: s, script: $(workspaces.none.path)}]",
            "spec.sidecars[0].script: ",
        ),
        (
            "sidecars: [{name: s, args: [$(steps.zero.results.own)]}]",
            "does not replace step results in 'args'",
        ),
        (
            "sidecars: [{name: s, args: [$(step.results.own.path)]}]",
            "is available only in a step",
        ),
        (
            "volumes: [{name: v, configMap: {name: $(params.nope)}}]",
            "spec.volumes[0].configMap.name: ",
        ),
    ] {
        let [refused, literal, _] = found(&format!("{text}  {rest}\n"));
        assert_eq!(
            (refused.len(), literal.len()),
            (0, 1),
            "{rest}: {literal:?}"
        );
        assert!(literal[0].contains(message), "{literal:?}");
    }
    for (from, to) in [
        ("{name: w}", "{name: w, mountPath: /a/$(params.nope)}"),
        ("{name: r}", "{name: r, value: $(steps.zero.results.nope)}"),
    ] {
        let [refused, literal, _] = found(&text.replace(from, to));
        assert_eq!((refused.len(), literal.len()), (0, 1), "{to}: {literal:?}");
    }
    let own = "sidecars: [{name: gleaner, args: [$(context.pipelineRun.name)]}]";
    assert_eq!(found(&format!("{text}  {own}\n")), NONE);
}

#[test]
fn an_embedded_task_inherits_names_from_its_pipeline_and_run() {
    let pipeline = "kind: PipelineRun
spec:
  params: [{name: a, value: x}]
  workspaces: [{name: bound}]
  pipelineSpec:
    params: [{name: b}]
    workspaces: [{name: shared}]
    tasks:
    - name: t
      params: [{name: c, value: '$(params.all[*])'}]
      workspaces: [{name: own}]
      taskSpec:
        steps:
        - name: s
          image: i
          script: $(params.a) $(params.b) $(params.c) $(workspaces.bound.path) $(workspaces.shared.path)
            $(workspaces.own.path) $(tasks.z.results.r) $(context.pipelineRun.uid) $(context.pipeline.name)
";
    assert_eq!(found(pipeline), NONE);
    let [refused, literal, _] = found(&pipeline.replace("params.a)", "params.z)"));
    assert!(refused[0].contains("no parameter 'z'"), "{refused:?}");
    assert_eq!((refused.len(), literal.len()), (1, 0));
    let [refused, literal, _] = found(&pipeline.replace("pipelineRun.uid", "pipelineRun.id"));
    assert!(
        literal[0].contains("did you mean 'pipelineRun.uid'?"),
        "{literal:?}"
    );
    assert_eq!((refused.len(), literal.len()), (0, 1));
    let run = "kind: TaskRun
spec:
  params: [{name: a, value: x}]
  workspaces: [{name: w}]
  taskSpec:
    steps: [{name: s, image: i, script: '$(params.a) $(workspaces.w.path) $(context.pipelineRun.name)'}]
";
    let [refused, literal, _] = found(run);
    assert_eq!((refused.len(), literal.len()), (0, 1), "{literal:?}");
    assert!(literal[0].contains("context.pipelineRun.name"));
}

#[test]
fn variables_of_a_step_action_are_checked_against_its_own_names() {
    let action = |fields: &str| {
        let text = format!("{{params: [{{name: x}}], results: [{{name: r}}], image: i, {fields}}}");
        let node = yaml::parse(&text).unwrap();
        let found = of_step_action(&Cursor::root(&node)).unwrap();
        let parts = [found.refused, found.literal, found.elsewhere];
        let messages = |part: Diagnostics| {
            part.into_vec()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        parts.map(messages)
    };
    for (fields, kind, message) in [
        (
            "args: [$(params.y)]",
            0,
            "the StepAction has no parameter 'y'",
        ),
        (
            "script: $(params.x)",
            0,
            "the script of a StepAction cannot use parameters",
        ),
        (
            "script: $(results.q.path)",
            0,
            "the StepAction has no result 'q'",
        ),
        (
            "script: $(step.results.q.path)",
            0,
            "the step has no result 'q'",
        ),
        (
            "workingDir: $(params.y)",
            1,
            "the StepAction has no parameter 'y'",
        ),
        (
            "script: $(context.task.nme)",
            1,
            "did you mean 'task.name'?",
        ),
        ("script: $(workspaces.w.path)", 2, "workspace 'w'"),
        ("args: [$(steps.a.results.b)]", 2, "no step 'a'"),
    ] {
        let found = action(fields);
        assert!(
            found[kind].len() == 1 && found[kind][0].contains(message),
            "{fields}: {found:?}"
        );
        assert_eq!(found.iter().map(Vec::len).sum::<usize>(), 1, "{found:?}");
    }
    let good = "args: [$(params.x)], script: '$(step.results.r.path) $(context.taskRun.name)'";
    assert_eq!(action(good), NONE);
}

#[test]
fn checking_many_variables_takes_linear_time() {
    let begin = std::time::Instant::now();
    let params: String = (0..3000).map(|i| format!("{{name: p{i}}}, ")).collect();
    let script = "$(params.p2999) $(params.nope) $(workspaces.none.path) $(".repeat(30_000);
    let text = format!(
        "{{kind: Task, spec: {{params: [{params}], steps: [{{name: s, image: i, script: '{script}'}}]}}}}"
    );
    let [refused, literal, _] = found(&text);
    assert_eq!(
        (refused.len(), literal.len()),
        (Diagnostics::KEPT + 1, Diagnostics::KEPT + 1)
    );
    // The Task contains 120,000 variables. Searching all parameters for each variable would take minutes in a debug build.
    assert!(begin.elapsed().as_secs() < 60);
}

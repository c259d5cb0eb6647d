//! Tests that validation reports all errors in a declaration, each with its position and a remedy.

use gleaner_core::declaration::{Declaration, ParamShape, Scope};
use indexmap::IndexMap;

fn scope() -> Scope {
    Scope {
        steps: Some(vec!["kaniko".into(), "report".into()]),
        params: Some(IndexMap::from([
            ("imageUrl".into(), ParamShape::String),
            ("list".into(), ParamShape::Array),
            (
                "image".into(),
                ParamShape::Object(Some(["url".into(), "digest".into()].into())),
            ),
        ])),
        is_pod: false,
        namespace: None,
    }
}

/// Returns all errors as `LINE:COLUMN PLACE: MESSAGE; HELP`.
fn errors(text: &str) -> String {
    let diagnostics = Declaration::parse(text, &scope()).expect_err("the declaration is valid");
    let line = |diagnostic: &gleaner_core::document::diagnostic::Diagnostic| {
        let at = diagnostic.at.map(|at| at.to_string()).unwrap_or_default();
        format!("{at} {diagnostic}")
    };
    diagnostics.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_whole_declaration_is_read() {
    let text = include_str!("whole.yaml");
    let declaration = Declaration::parse(text, &scope()).unwrap();
    insta::assert_debug_snapshot!(declaration);
}

/// Uses several declarations, because only a limited number of errors is reported for each.
#[test]
fn every_error_is_reported_at_once_with_place_and_remedy() {
    let outputs = "steps: {kaniko: [{name: digest}, {name: files, type: array}]}";
    let outputs_wrong = "
steps:
  kaniko:
    - {name: digest, typ: object}
    - {name: digest}
    - {name: a/b}
    - {name: count, type: number, default: 'x'}
    - {name: word, type: strng, trim: newline, when: Allways}
  kanikoo: [{name: x}]
";
    let references = format!(
        "{outputs}
resources:
  - name: img
    spec:
      type: image
      params:
        - {{name: url, value: $(params.imageURL)}}
        - {{name: digest, value: $(steps.kaniko.digset)}}
        - {{name: keys, value: $(params.image.urll)}}
        - {{name: bad, value: $(POD_IP)}}
        - {{name: ctx, value: $(context.taskrun.name)}}
        - {{name: open, value: '$(params.imageUrl'}}
        - {{name: part, value: $(params.imageUrl.x)}}
        - {{name: list, value: 'x $(params.list) y'}}
        - {{name: count, value: $(steps.kaniko.files)}}
"
    );
    let resources = "
resources:
  - name: img
    spec:
      type: $(params.imageUrl)
      params:
        - {name: url, value: x}
        - {name: URL, value: 1}
        - {value: no name}
  - name: img
    spec: {type: git}
  - name: bad name
    spec: {type: git}
  - name: static
    metadata: {name: Not_A_Name, namespace: x}
    spec: {type: git}
";
    let objects = format!(
        "{outputs}
objects:
  - name: one
    polici: Apply
    waitFor: {{condition: Ready, jsonPath: .status.x, timeout: 5 minutes}}
    results: {{url: '.status[*].url', name: .metadata.name}}
    resourceTemplate:
      kind: $(params.imageUrl)
      metadata:
        uid: x
        ownerReferences: []
        labels: {{a: 1, b: $(steps.kaniko.files)}}
  - name: two
submit: resolved
extra: 1
"
    );
    let all = [outputs_wrong, &references, resources, &objects].map(errors);
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn constraints_that_cannot_be_satisfied_are_refused_at_their_places() {
    let text = "
steps:
  kaniko:
    - {name: a, pattern: '^sha256:(?=x)'}
    - {name: b, pattern: 'x+', default: none}
    - {name: c, nonEmpty: true, default: ''}
    - {name: d, type: array, nonEmpty: true, default: []}
    - {name: e, type: number, nonEmpty: true}
    - {name: f, type: object, pattern: x}
    - {name: g, type: boolean, nonEmpty: maybe, pattern: 5}
    - {name: h, pattern: 5, nonempty: true}
    - {name: i, pattern: x, nonEmpty: true, default: 5}
    - {name: j, secret: true, pattern: '^t-', default: hunter2}
    - {name: k, type: number, nonEmpty: false}
    - {name: l, pattern: '^sha256:', nonEmpty: true, default: 'sha256:none'}
";
    insta::assert_snapshot!(errors(text));
}

#[test]
fn too_many_patterns_are_rejected_before_they_are_compiled() {
    let declaration = |count: usize| {
        let output = |number| {
            let pattern = if number < 64 { "x" } else { "(" };
            format!("{{name: o{number}, pattern: '{pattern}'}}")
        };
        let outputs: Vec<String> = (0..count).map(output).collect();
        format!("steps: {{kaniko: [{}]}}", outputs.join(", "))
    };
    assert!(Declaration::parse(&declaration(64), &scope()).is_ok());
    let found = Declaration::parse(&declaration(66), &scope()).unwrap_err();
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(
        found[0].to_string(),
        "steps.kaniko[64].pattern: at most 64 outputs may have a pattern; remove the pattern, or split the Task"
    );
}

#[test]
fn arrays_and_objects_cannot_be_used_in_string_fields() {
    let text = "
steps: {kaniko: [{name: num, type: number}, {name: o, type: object}, {name: l, type: array}]}
objects:
  - name: cm
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: $(steps.kaniko.l), labels: {o: $(steps.kaniko.o)}}
      data: {o: $(steps.kaniko.o), l: 'x $(steps.kaniko.l)', fine: $(string(steps.kaniko.o)), num: $(steps.kaniko.num)}
  - name: s
    resourceTemplate:
      apiVersion: v1
      kind: Secret
      data: {num: $(steps.kaniko.num), fine: $(string(steps.kaniko.num))}
      stringData: $(steps.kaniko.o)
  - name: f
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      data: {a: $(text(steps.kaniko.num)), b: $(string(steps.kaniko.m)), c: $(string()), d: $(string(steps.kaniko.num), e: $(string(steps.kaniko.num).x)}
";
    insta::assert_snapshot!(errors(text));
}

#[test]
fn cycles_and_self_references_are_refused() {
    let text = "
resources:
  - {name: a, spec: {type: image, params: [{name: x, value: $(resources.b.y)}]}}
  - {name: b, spec: {type: image, params: [{name: y, value: $(resources.c.name)}]}}
objects:
  - name: c
    results: {url: .status.url}
    resourceTemplate: {apiVersion: v1, kind: ConfigMap, data: {x: $(resources.a.x)}}
  - name: d
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      data: {self: $(resources.d.name), none: $(resources.e.name), field: $(resources.a.z), later: $(resources.c.url), uid: $(resources.a.uid)}
";
    insta::assert_snapshot!(errors(text));
}

#[test]
fn a_secret_output_is_allowed_only_in_the_data_of_a_secret() {
    let text = "
steps:
  kaniko: [{name: token, secret: true}, {name: pin, type: number, secret: true}]
resources:
  - {name: img, spec: {type: image, params: [{name: token, value: $(steps.kaniko.token)}]}}
objects:
  - name: fine
    resourceTemplate: {apiVersion: v1, kind: Secret, stringData: {token: $(steps.kaniko.token)}}
  - name: leak
    results: {token: .stringData.token, encoded: '.data[\"token\"]', all: .data, fine: .metadata.name}
    resourceTemplate:
      apiVersion: v1
      kind: Secret
      metadata: {name: $(steps.kaniko.token), annotations: {a: $(steps.kaniko.token)}}
  - name: map
    resourceTemplate: {apiVersion: v1, kind: ConfigMap, data: {token: 'x$(steps.kaniko.token)'}}
  - name: typed
    resourceTemplate: {apiVersion: v1, kind: Secret, data: {pin: $(steps.kaniko.pin)}, stringData: {pin: $(steps.kaniko.pin)}}
";
    insta::assert_snapshot!(errors(text));
}

#[test]
fn invalid_yaml_and_empty_text_have_their_own_errors() {
    assert_eq!(
        errors("steps: [\n  a"),
        "1:8 unclosed bracket '['; close it, or quote the value if it is text"
    );
    assert_eq!(
        errors(""),
        " the document is empty; add content, or remove it"
    );
    assert_eq!(
        errors("- a"),
        "1:1 expected a map, found a list; write entries KEY: VALUE, without '- '"
    );
    assert_eq!(
        errors("a: 1\n---\nb: 2"),
        "3:1 expected one document, found several"
    );
}

#[test]
fn without_a_scope_only_the_declaration_itself_is_checked() {
    let text = "resources: [{name: a, spec: {type: image, params: [{name: x, value: $(params.any.part)}]}}]";
    assert!(Declaration::parse(text, &Scope::default()).is_ok());
}

#[test]
fn a_declaration_with_only_outputs_is_valid() {
    let declaration = Declaration::parse("steps: {kaniko: [{name: digest}]}", &scope()).unwrap();
    assert!(declaration.templates.is_empty());
    assert!(declaration.output("kaniko", "digest").is_some());
}

#[test]
fn a_pipeline_resource_is_never_applied() {
    let text = "objects:\n  - name: a\n    policy: Apply\n    resourceTemplate:\n      apiVersion: tekton.dev/v1alpha1\n      kind: \
                PipelineResource\n      metadata: {name: a}\n      spec: {type: git}\n";
    assert_eq!(
        errors(text),
        "3:13 objects[0].policy: a PipelineResource cannot be applied, because it is immutable once created; use policy: \
         Create"
    );
}

#[test]
fn a_type_that_no_pipeline_resource_has_is_refused_before_the_run() {
    let text = "resources:\n  - name: a\n    spec: {type: imag, params: [{name: url, value: u}]}\n";
    assert_eq!(
        errors(text),
        "3:18 resources[0].spec.type: 'imag' is not a PipelineResource type; did you mean 'image'?"
    );
}

#[test]
fn a_namespace_and_a_crd_must_precede_their_objects() {
    let object =
        |name: &str, body: &str| format!("  - name: {name}\n    resourceTemplate: {body}\n");
    let within = |namespace: &str| {
        let body =
            format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{namespace: '{namespace}'}}}}");
        object("cm", &body)
    };
    let namespace = |name: &str| {
        object(
            "ns",
            &format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: '{name}'}}}}"),
        )
    };
    let steps = "steps: {kaniko: [{name: pr}]}\n";
    let declared = |objects: [String; 2]| format!("{steps}objects:\n{}", objects.concat());
    for (used, name) in [
        ("preview", "preview"),
        ("pr-$(steps.kaniko.pr)", "pr-$(steps.kaniko.pr)"),
        ("$(resources.ns.name)", "pr-$(steps.kaniko.pr)"),
    ] {
        assert_eq!(
            errors(&declared([within(used), namespace(name)])),
            "3:5 objects[0].resourceTemplate.metadata.namespace: 'cm' needs 'ns', which is created after it; put 'ns' before 'cm', because objects are created in the declared order"
        );
        let ordered = declared([namespace(name), within(used)]);
        Declaration::parse(&ordered, &scope()).unwrap();
    }
    let other = declared([within("a-$(resources.ns.name)"), namespace("preview")]);
    Declaration::parse(&other, &scope()).unwrap();
    let instance = object("w", "{apiVersion: a.io/v1, kind: W, metadata: {name: w}}");
    let crd = object(
        "crd",
        "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: ws.a.io}, spec: {group: a.io, names: {kind: W}}}",
    );
    assert_eq!(
        errors(&declared([instance, crd])),
        "3:5 objects[0].resourceTemplate.kind: 'w' needs 'crd', which is created after it; put 'crd' before 'w', because objects are created in the declared order"
    );
}

#[test]
fn a_wait_must_fit_the_kind_of_object() {
    let declared = |kind: &str, wait: &str| {
        format!(
            "objects:\n  - name: a\n    waitFor: {wait}\n    resourceTemplate: {{apiVersion: apps/v1, kind: {kind}}}\n"
        )
    };
    for (kind, wait) in [
        ("Deployment", "{rollout: true, keepOnFailure: true}"),
        (
            "ReplicaSet",
            "{rollout: false, condition: [A, B], timeout: 24h}",
        ),
        ("Other", "{condition: A, failure: {condition: B}}"),
        ("Other", "{jsonPath: .a, failure: {jsonPath: .b, value: 3}}"),
    ] {
        Declaration::parse(&declared(kind, wait), &Scope::default()).unwrap();
    }
    for (kind, wait, message) in [
        (
            "ReplicaSet",
            "{rollout: true}",
            "only a Deployment, StatefulSet or DaemonSet of apps/v1 has a rollout",
        ),
        (
            "Deployment",
            "{rollout: true, condition: A}",
            "'rollout', 'condition' and 'jsonPath' are mutually exclusive",
        ),
        (
            "Deployment",
            "{condition: A, timeout: 25h}",
            "the timeout 1500m is too long; use a timeout of at most 1440m",
        ),
        (
            "Deployment",
            "{condition: []}",
            "the list of conditions is empty",
        ),
        (
            "Deployment",
            "{condition: A, failure: {}}",
            "waitFor.failure: 'condition' or 'jsonPath' is missing",
        ),
        (
            "Deployment",
            "{condition: A, failure: {conditon: B}}",
            "did you mean 'condition'?",
        ),
        (
            "Deployment",
            "{rollout: false}",
            "'condition' or 'jsonPath' is missing",
        ),
    ] {
        let found = errors(&declared(kind, wait));
        assert!(found.contains(message), "{wait}: {found}");
    }
    let declaration = Declaration::parse(
        &declared("Deployment", "{rollout: true, timeout: 1h}"),
        &Scope::default(),
    );
    let timeout = declaration.unwrap().answer_timeout();
    assert_eq!(timeout, Some(std::time::Duration::from_secs(65 * 60)));
    let short = Declaration::parse(
        &declared("Deployment", "{rollout: true}"),
        &Scope::default(),
    );
    assert_eq!(short.unwrap().answer_timeout(), None);
}

#[test]
fn a_literal_name_fits_its_kind() {
    let named = |api_version: &str, kind: &str, field: &str, name: &str| {
        format!(
            "objects:\n  - name: a\n    resourceTemplate: {{apiVersion: {api_version}, kind: {kind}, metadata: {{{field}: '{name}'}}}}\n"
        )
    };
    let long = |length: usize| "a".repeat(length);
    for (api_version, kind, name) in [
        ("apps/v1", "StatefulSet", long(52)),
        ("batch/v1", "Job", long(63)),
        ("v1", "ConfigMap", "a.b".to_owned()),
        (
            "rbac.authorization.k8s.io/v1",
            "Role",
            "system:Reader".to_owned(),
        ),
    ] {
        let text = named(api_version, kind, "name", &name);
        Declaration::parse(&text, &Scope::default()).unwrap();
    }
    for (api_version, kind, name, message) in [
        ("apps/v1", "StatefulSet", long(53), "at most 52 characters"),
        ("batch/v1", "CronJob", long(53), "at most 52 characters"),
        ("batch/v1", "Job", long(64), "at most 63 characters"),
        (
            "v1",
            "Namespace",
            "build.v1".to_owned(),
            "use lower-case letters, digits and '-'",
        ),
        (
            "v1",
            "Service",
            "a.b".to_owned(),
            "use lower-case letters, digits and '-'",
        ),
        (
            "v1",
            "ConfigMap",
            "a:b".to_owned(),
            "Kubernetes rejects the name",
        ),
    ] {
        let found = errors(&named(api_version, kind, "name", &name));
        assert!(found.contains(message), "{kind} {name}: {found}");
    }
    let prefix = named("batch/v1", "CronJob", "generateName", &long(60));
    Declaration::parse(&prefix, &Scope::default()).unwrap();
}

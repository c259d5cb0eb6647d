//! The validator: everything that is wrong, with its place and its remedy.

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
                ParamShape::Object(Some(vec!["url".into(), "digest".into()])),
            ),
        ])),
    }
}

/// All errors as `LINE:COLUMN PLACE: MESSAGE; HELP`.
fn errors(text: &str) -> String {
    let diagnostics = Declaration::parse(text, &scope()).expect_err("the declaration is wrong");
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

#[test]
fn every_error_is_reported_at_once_with_place_and_remedy() {
    let text = "
steps:
  kaniko:
    - {name: digest, typ: object}
    - {name: digest}
    - {name: a/b}
    - {name: count, type: number, default: 'x'}
    - {name: word, type: strng, trim: newline, when: Allways}
  kanikoo: [{name: x}]
resources:
  - name: img
    spec:
      type: $(params.imageUrl)
      params:
        - {name: url, value: $(params.imageURL)}
        - {name: URL, value: 1}
        - {name: digest, value: $(steps.kaniko.digset)}
        - {name: keys, value: $(params.image.urll)}
        - {name: bad, value: $(POD_IP)}
        - {name: open, value: '$(params.imageUrl'}
        - {name: part, value: $(params.imageUrl.x)}
        - {name: list, value: 'x $(params.list) y'}
        - {name: count, value: $(steps.kaniko.count)}
        - {name: ctx, value: $(context.taskrun.name)}
        - {value: no name}
  - name: img
    spec: {type: git}
  - name: bad name
    spec: {type: git}
  - name: static
    metadata: {name: Not_A_Name, namespace: x}
    spec: {type: git}
objects:
  - name: one
    polici: Apply
    waitFor: {condition: Ready, jsonPath: .status.x, timeout: 5 minutes}
    results: {url: '.status[*].url', name: .metadata.name}
    resourceTemplate:
      kind: $(params.imageUrl)
      metadata:
        uid: x
        ownerReferences: []
        labels: {a: 1, b: $(steps.kaniko.count)}
  - name: two
submit: resolved
extra: 1
";
    insta::assert_snapshot!(errors(text));
}

#[test]
fn circles_and_self_references_are_refused() {
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
fn a_secret_reaches_nothing_but_the_data_of_a_secret() {
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
    resourceTemplate: {apiVersion: v1, kind: Secret, stringData: {pin: $(steps.kaniko.pin)}}
";
    insta::assert_snapshot!(errors(text));
}

#[test]
fn broken_yaml_and_empty_text_are_errors_of_their_own() {
    assert_eq!(errors("steps: [\n  a"), "1:8 unclosed bracket '['");
    assert_eq!(
        errors(""),
        " the document is empty; write down what it is to hold, or leave it out"
    );
    assert_eq!(errors("- a"), "1:1 expected a map, found a list");
    assert_eq!(
        errors("a: 1\n---\nb: 2"),
        "3:1 there are several documents, one is expected"
    );
}

#[test]
fn without_a_scope_only_the_declaration_itself_is_checked() {
    let text = "resources: [{name: a, spec: {type: image, params: [{name: x, value: $(params.any.part)}]}}]";
    assert!(Declaration::parse(text, &Scope::default()).is_ok());
}

#[test]
fn a_declaration_of_outputs_alone_is_fine() {
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
        "2:5 objects[0].policy: a PipelineResource cannot be applied: once a run has made it, it is immutable; use policy: \
         Create"
    );
}

#[test]
fn a_type_that_no_pipeline_resource_has_is_refused_before_the_run() {
    let text = "resources:\n  - name: a\n    spec: {type: imag, params: [{name: url, value: u}]}\n";
    assert_eq!(
        errors(text),
        "3:18 resources[0].spec.type: 'imag' is no type of a PipelineResource; did you mean 'image'?"
    );
}

//! Tekton objects inside other documents.

use gleaner_core::document::Source;
use gleaner_translate::Settings;
use serde_json::{Value, json};

use crate::{refused, settings, translate};

const TRIGGER_TEMPLATE: &str = "\
apiVersion: triggers.tekton.dev/v1beta1
kind: TriggerTemplate
metadata: {name: on-push}
spec:
  params: [{name: rev}]
  resourcetemplates:
  - apiVersion: tekton.dev/v1alpha1
    kind: PipelineResource
    metadata: {name: source-$(uid)}
    spec:
      type: git
      params: [{name: url, value: https://git.example/app}, {name: revision, value: $(tt.params.rev)}]
  - apiVersion: tekton.dev/v1alpha1
    kind: PipelineRun
    metadata: {generateName: ci-}
    spec:
      serviceAccountName: ci
      pipelineRef: {name: ci}
      resources:
      - {name: src, resourceRef: {name: source-$(uid)}}
      - name: other
        resourceSpec: {type: git, params: [{name: url, value: $(tt.params.url)}]}
";

#[test]
fn the_runs_of_a_trigger_template_are_translated() {
    let documents = translate(TRIGGER_TEMPLATE).unwrap();
    let templates = &documents[0]["spec"]["resourcetemplates"];
    assert_eq!(templates[0]["kind"], "PipelineResource");
    let run = &templates[1];
    assert_eq!(run["apiVersion"], "tekton.dev/v1");
    let spec = json!({
        "taskRunTemplate": {"serviceAccountName": "ci"},
        "pipelineRef": {"name": "ci"},
        "params": [
            {"name": "src", "value": {"name": "source-$(uid)", "url": "https://git.example/app", "revision": "$(tt.params.rev)"}},
            {"name": "other", "value": {"url": "$(tt.params.url)", "revision": ""}},
        ],
    });
    assert_eq!(run["spec"], spec);
}

#[test]
fn pipeline_resources_in_a_trigger_template_can_be_omitted() {
    let source = Source::parse("a.yaml".to_owned(), TRIGGER_TEMPLATE.to_owned()).unwrap();
    let settings = Settings {
        keep_resources: false,
        ..settings()
    };
    let translated = gleaner_translate::translate(&[source], None, &settings).unwrap();
    let templates = &translated.documents[0]["spec"]["resourcetemplates"];
    let kinds: Vec<&Value> = templates
        .as_array()
        .unwrap()
        .iter()
        .map(|own| &own["kind"])
        .collect();
    assert_eq!(kinds, ["PipelineRun"]);
}

#[test]
fn a_trigger_template_cannot_use_a_resource_in_another_trigger_template() {
    let other = TRIGGER_TEMPLATE
        .replace("on-push", "on-tag")
        .replace("git.example/app", "git.example/other");
    let documents = translate(&format!("{TRIGGER_TEMPLATE}---\n{other}")).unwrap();
    let url = |index: usize| {
        let run: &Value = &documents[index]["spec"]["resourcetemplates"][1];
        run["spec"]["params"][0]["value"]["url"].clone()
    };
    assert_eq!(url(0), "https://git.example/app");
    assert_eq!(url(1), "https://git.example/other");
}

#[test]
fn a_resource_whose_name_only_the_trigger_sets_is_an_error() {
    let text = TRIGGER_TEMPLATE.replace("{name: source-$(uid)}}", "{name: $(tt.params.resource)}}");
    assert_eq!(
        refused(&text),
        "<stdin>:20:41: error: spec.resourcetemplates[1].spec.resources[0].resourceRef.name: the name of the PipelineResource, \
         '$(tt.params.resource)', is known only when the trigger fires; specify the values here, with resourceSpec\n"
    );
}

#[test]
fn templates_in_event_listeners_and_triggers_are_translated() {
    let run = "{apiVersion: tekton.dev/v1beta1, kind: TaskRun, metadata: {generateName: r-}, spec: {serviceAccount: a, taskRef: {name: t}}}";
    for (kind, spec) in [
        (
            "EventListener",
            format!("{{triggers: [{{template: {{spec: {{resourcetemplates: [{run}]}}}}}}]}}"),
        ),
        (
            "Trigger",
            format!("{{template: {{spec: {{resourceTemplates: [{run}]}}}}}}"),
        ),
    ] {
        let text = format!(
            "apiVersion: triggers.tekton.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: e}}\nspec: {spec}\n"
        );
        let documents = translate(&text).unwrap();
        let written = documents[0].to_string();
        assert!(
            written.contains("\"apiVersion\":\"tekton.dev/v1\""),
            "{written}"
        );
        assert!(
            written.contains("\"serviceAccountName\":\"a\""),
            "{written}"
        );
        assert!(
            written.contains("triggers.tekton.dev/v1alpha1"),
            "{written}"
        );
    }
}

#[test]
fn the_items_of_a_list_become_documents() {
    let task = "{apiVersion: tekton.dev/v1beta1, kind: Task, metadata: {name: a}, spec: {steps: [{image: i, resources: {}}]}}";
    for list in [
        format!("apiVersion: v1\nkind: List\nitems: [{task}]\n"),
        format!("apiVersion: tekton.dev/v1beta1\nkind: TaskList\nitems: [{task}]\n"),
        format!(
            "apiVersion: v1\nkind: List\nitems: [{{apiVersion: v1, kind: List, items: [{task}]}}]\n"
        ),
    ] {
        let documents = translate(&list).unwrap();
        assert_eq!(documents.len(), 1, "{list}");
        assert_eq!(documents[0]["apiVersion"], "tekton.dev/v1", "{list}");
        assert_eq!(
            documents[0]["spec"]["steps"][0],
            json!({"image": "i", "computeResources": {}})
        );
    }
}

#[test]
fn references_to_tekton_objects_are_not_translated() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, ownerReferences: [{apiVersion: tekton.dev/v1beta1, kind: TaskRun, name: r, uid: u}]}\n";
    let owner = &translate(text).unwrap()[0]["metadata"]["ownerReferences"][0];
    assert_eq!(owner["apiVersion"], "tekton.dev/v1beta1");
}

#[test]
fn errors_name_the_place_in_the_outer_document() {
    let text = TRIGGER_TEMPLATE.replace(
        "type: git, params: [{name: url, value: $(tt",
        "type: cluster, params: [{name: url, value: $(tt",
    );
    let said = refused(&text);
    let place =
        "<stdin>:22:30: error: spec.resourcetemplates[1].spec.resources[1].resourceSpec.type: ";
    assert!(said.starts_with(place), "{said}");
}

#[test]
fn a_kind_that_tekton_does_not_have_is_an_error() {
    let said =
        refused("apiVersion: tekton.dev/v1beta1\nkind: task\nmetadata: {name: t}\nspec: {}\n");
    assert_eq!(
        said,
        "<stdin>:2:7: error: kind: 'task' is not a kind of tekton.dev; did you mean 'Task'?\n"
    );
    let said = refused(
        "apiVersion: tekton.dev/v1alpha1\nkind: TriggerTemplate\nmetadata: {name: t}\nspec: {}\n",
    );
    assert!(
        said.contains("write apiVersion: triggers.tekton.dev/v1beta1"),
        "{said}"
    );
}

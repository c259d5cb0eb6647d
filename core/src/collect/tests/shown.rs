//! Tests the status of a run and the preview of its objects.

use crate::declaration::{Declaration, Scope};
use gleaner_proto::StepName;
use serde_json::json;

use super::{DECLARATION, message, of, take};
use crate::collect::Collector;
use crate::render::Values;
use crate::run::Run;

#[test]
fn the_status_names_the_run_and_its_steps_in_order() {
    let text = format!("{DECLARATION}submit: Completed\n");
    let declaration = Declaration::parse(&text, &Scope::default()).unwrap();
    let context = [
        ("taskRun.uid", "u-1"),
        ("taskRun.name", "run-1"),
        ("taskRun.namespace", "ci"),
        ("task.name", "build"),
        ("pipelineRun.name", ""),
    ];
    let run = Run {
        context: context
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..Run::default()
    };
    // The last step is the one that Gleaner adds.
    let steps = ["lint", "build", "scan", "gleaner"].map(|name| StepName::new(name).unwrap());
    let mut collector = Collector::new(declaration, run, Values::default(), steps);
    let status = collector.status();
    let names: Vec<_> = status.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["lint", "build", "scan"]);
    assert_eq!(
        json!(status.run),
        json!({"kind": "TaskRun", "name": "run-1", "namespace": "ci", "uid": "u-1", "task": "build"})
    );
    assert!(!status.finished);
    collector.finish();
    assert!(collector.status().finished);
}

#[test]
fn a_traced_preview_records_the_leaves_with_variables() {
    let mut collector = of("\
steps: {build: [{name: digest}, {name: tags, type: array}, {name: other}]}
objects:
  - name: note
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: note-$(params.url), labels: {a/b: $(steps.build.digest)}}
      data:
        fixed: text
        both: $(params.url)/$(steps.build.other)
        list: [first, '$(steps.build.tags[*])', '$(steps.build.digest)', '$(steps.build.other)']
submit: Manual
");
    let outputs = json!({"digest": "d", "tags": ["x", "y"], "other": "o"});
    let leaves = |collector: &Collector| {
        let rendered = collector.traced_preview().unwrap().remove(0);
        for leaf in &rendered.leaves {
            let place = &leaf.pointer;
            assert!(rendered.object.pointer(place).is_some(), "{place}");
        }
        let leaves = rendered.leaves.into_iter();
        leaves
            .map(|leaf| (leaf.pointer, leaf.is_pending))
            .collect::<Vec<_>>()
    };
    let written = |leaves: &[(&str, bool)]| {
        let leaves = leaves.iter();
        leaves
            .map(|(pointer, is_pending)| ((*pointer).to_owned(), *is_pending))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        leaves(&collector),
        written(&[
            ("/metadata/labels/a~1b", true),
            ("/data/both", true),
            ("/data/list/1", true),
            ("/data/list/2", true),
            ("/data/list/3", true),
            ("/metadata/name", false),
        ])
    );
    take(&mut collector, "build", message(0, outputs));
    assert_eq!(
        leaves(&collector),
        written(&[
            ("/metadata/labels/a~1b", false),
            ("/data/both", false),
            ("/data/list/1", false),
            ("/data/list/2", false),
            ("/data/list/3", false),
            ("/data/list/4", false),
            ("/metadata/name", false),
        ])
    );
    // Other previews do not record leaves.
    assert_eq!(collector.masked_preview(None).unwrap()[0].leaves, []);
}

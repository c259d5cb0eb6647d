//! Tests that `gleaner lint` reports unknown fields in Tekton documents at every level, because Tekton's webhook rejects them.

use crate::support::lint::lint;
use crate::support::task;

const OUTPUTS: &str = "
steps: {a: [{name: v}]}
objects: [{name: cm, resourceTemplate: {apiVersion: v1, kind: ConfigMap, data: {v: $(steps.a.v)}}}]
";

#[test]
fn unknown_fields_of_a_task_are_named_at_every_level() {
    for (spec, expected) in [
        (
            "steps: [{name: a, image: i, script: x, scirpt: y}]",
            "10:42: error: spec.steps[0].scirpt: unknown field 'scirpt'; did you mean 'script'?",
        ),
        (
            "stepz: []\nsteps: [{name: a, image: i}]",
            "10:3: error: spec.stepz: unknown field 'stepz'; did you mean 'steps'?",
        ),
        (
            "steps: [{name: a, image: i, env: [{name: A, valu: b}]}]",
            "error: spec.steps[0].env[0].valu: unknown field 'valu'; did you mean 'value'?",
        ),
        (
            "steps: [{name: a, image: i}]\nvolumes: [{name: v, emptyDirr: {}}]",
            "error: spec.volumes[0].emptyDirr: unknown field 'emptyDirr'; did you mean 'emptyDir'?",
        ),
        (
            "steps: [{name: a, image: i}]\nsidecars: [{name: s, image: i, readinessProbe: {htpGet: {}}}]",
            "error: spec.sidecars[0].readinessProbe.htpGet: unknown field 'htpGet'; did you mean 'httpGet'?",
        ),
        (
            "steps: [{name: a, image: i}]\nparams: [{name: p, descr: x}]",
            "warning: spec.params[0].descr: unknown field 'descr'; expected one of: name, type, description, properties, default, enum",
        ),
        (
            "steps: [{name: a, image: i, brandNew: 1}]",
            "warning: spec.steps[0].brandNew: unknown field 'brandNew'",
        ),
        (
            "steps: [{name: a, ref: {name: x, nmae: y}}]",
            "error: spec.steps[0].ref.nmae: unknown field 'nmae'; did you mean 'name'?",
        ),
    ] {
        let (code, lines) = lint(&task(OUTPUTS, spec));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(expected), "{lines:?}");
        assert_eq!(code, i32::from(expected.contains("error: ")), "{spec}");
    }
}

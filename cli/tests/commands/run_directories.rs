//! Tests the directories of `gleaner run`: volumes, workspaces, working directories, and names that become part of a path.

use std::path::PathBuf;

use crate::support::{self, ONE, run, task, with_run};
use tempfile::TempDir;

/// Returns an absolute path outside the run's directory, and a relative path to the same place. Nothing exists at that place. As
/// long as the returned `TempDir` exists, a faulty run could create a directory there.
fn outside() -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("made");
    let up = format!("{}{}", "../".repeat(9), out.display());
    (folder, out, up)
}

#[test]
fn steps_share_empty_dir_volumes() {
    let spec = "
volumes: [{name: cache, emptyDir: {}}]
stepTemplate: {volumeMounts: [{name: cache, mountPath: /cache}]}
steps:
- {name: zero, script: 'echo kept > /cache/file'}
- {name: one, script: 'cp /cache/file $GLEANER_OUTPUTS/a'}
";
    let ran = run(&task(ONE, spec), &[]);
    assert_eq!(ran.exits(0).object()["data"]["a"], "kept");
}

#[test]
fn a_mount_may_contain_variables_but_cannot_leave_its_volume() {
    let (_folder, out, up) = outside();
    let text = task(
        ONE,
        "
params: [{name: dir, default: sub}]
volumes: [{name: cache, emptyDir: {}}]
steps:
- name: zero
  volumeMounts: [{name: cache, mountPath: /cache/$(params.dir), subPath: $(params.dir)}]
  script: echo kept > /cache/sub/file
- name: one
  volumeMounts: [{name: cache, mountPath: /all}]
  script: cp /all/sub/file $GLEANER_OUTPUTS/a
",
    );
    let ran = run(&text, &[]);
    assert_eq!(ran.exits(0).object()["data"]["a"], "kept");
    for path in [up.clone(), out.display().to_string(), "a/../..".to_owned()] {
        let ran = run(&text, &["-p", &format!("dir={path}")]);
        ran.exits(64).says(&format!(
            "step 'zero': the subPath '{path}' is outside the volume 'cache'; use a relative path without '..'"
        ));
        assert!(!out.exists());
    }
    run(&text.replace("cache,", &format!("'{up}',")), &[])
        .exits(64)
        .says(&format!("'{up}' is not a valid volume name"));
    assert!(!out.exists());
}

#[test]
fn a_volume_and_a_claim_with_the_same_name_are_two_directories() {
    let spec = "
workspaces: [{name: cache}]
volumes: [{name: cache, emptyDir: {}}]
steps:
- name: one
  volumeMounts: [{name: cache, mountPath: /cache}]
  script: |
    touch /cache/file
    printf '%s|%s' \"$(ls $(workspaces.cache.path))\" \"$(ls /cache)\" > $GLEANER_OUTPUTS/a
";
    let claim = "workspaces: [{name: cache, volumeClaimTemplate: {}}]";
    let ran = run(&with_run(spec, claim), &[]);
    assert_eq!(ran.exits(0).object()["data"]["a"], "|file");
}

#[test]
fn a_working_directory_is_mapped_from_the_pod() {
    let (_folder, out, up) = outside();
    let text = task(
        ONE,
        "
params: [{name: dir}]
workspaces: [{name: src, mountPath: /workspace/other}]
steps:
- name: zero
  script: touch $(workspaces.src.path)/here
- name: one
  workingDir: $(params.dir)
  script: ls -A > /workspace/list; basename $PWD >> /workspace/list; cp /workspace/list $GLEANER_OUTPUTS/a
",
    );
    for (directory, listed) in [
        ("new", "new"),
        ("a/../b/.", "b"),
        ("../workspace/c", "c"),
        ("/workspace/../workspace/d", "d"),
        ("other", "here\nsrc"),
        ("/workspace/other", "here\nsrc"),
    ] {
        let ran = run(&text, &["-p", &format!("dir={directory}")]);
        assert_eq!(ran.exits(0).object()["data"]["a"], listed, "{directory}");
    }
    for directory in [up.clone(), format!("/workspace/{up}")] {
        let ran = run(&text, &["-p", &format!("dir={directory}")]);
        ran.exits(0).says(&format!(
            "the working directory {} does not exist on this machine, so the step runs in /workspace",
            out.display()
        ));
        assert!(!out.exists());
    }
}

#[test]
fn a_copy_of_a_steps_output_is_below_its_working_directory() {
    let here = support::repository().join("copied");
    let spec = "
steps:
- {name: zero, workingDir: sub, script: echo x, stdoutConfig: {path: copied}, stderrConfig: {path: ../../workspace/errors}}
- {name: one, script: 'cat /workspace/sub/copied /workspace/errors > $GLEANER_OUTPUTS/a'}
";
    let ran = run(&task(ONE, spec), &[]);
    assert!(std::fs::remove_file(&here).is_err(), "{ran:?}");
    assert_eq!(ran.exits(0).object()["data"]["a"], "x");
}

#[test]
fn a_path_of_an_output_is_mapped_from_the_pod() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "x").unwrap();
    let given = format!("src={}", folder.path().display());
    let spec = "workspaces: [{name: src, mountPath: /workspace/other}]\nsteps: [{name: one, script: 'true'}]";
    for path in [
        "other/file",
        "./a/../other/file",
        "/workspace/b/../other/file",
    ] {
        let declaration = ONE.replace("{name: a}", &format!("{{name: a, fromPath: {path}}}"));
        let ran = run(&task(&declaration, spec), &["-w", &given]);
        assert_eq!(ran.exits(0).object()["data"]["a"], "x", "{path}");
    }
}

#[test]
fn a_name_that_is_a_path_is_refused_with_its_position() {
    let (_folder, out, path) = outside();
    let action = format!(
        "---\napiVersion: tekton.dev/v1\nkind: StepAction\nmetadata: {{name: act}}\nspec: {{image: i, results: [{{name: {path}}}], script: x}}\n"
    );
    let step = "steps: [{name: one, script: printf x > $GLEANER_OUTPUTS/a}]";
    for (spec, run_spec, place) in [
        (
            format!("workspaces: [{{name: {path}}}]\n{step}"),
            String::new(),
            "spec.workspaces[0]",
        ),
        (
            format!("workspaces: [{{name: .., optional: true}}]\n{step}"),
            String::new(),
            "spec.workspaces[0]",
        ),
        (
            step.to_owned(),
            format!("workspaces: [{{name: {path}, volumeClaimTemplate: {{}}}}]"),
            "spec.workspaces[0]",
        ),
        (
            step.to_owned(),
            format!("workspaces: [{{name: {path}, emptyDir: {{}}}}]"),
            "spec.workspaces[0]",
        ),
        (
            format!("results: [{{name: {path}}}]\n{step}"),
            String::new(),
            "spec.results[0]",
        ),
        (
            step.replace("script", &format!("results: [{{name: {path}}}], script")),
            String::new(),
            "spec.steps[0].results[0]",
        ),
        (
            "steps: [{name: one, ref: {name: act}}]".to_owned(),
            String::new(),
            "spec.results[0]",
        ),
        (
            format!("resources: [{{name: {path}, type: git}}]\n{step}"),
            String::new(),
            "spec.resources[0]",
        ),
        (
            format!("inputs: {{resources: [{{name: {path}, type: git}}]}}\n{step}"),
            String::new(),
            "spec.inputs.resources[0]",
        ),
    ] {
        let text = with_run(&spec, &run_spec) + &action;
        let ran = run(&text, &[]);
        assert!(!out.exists(), "{spec}");
        ran.exits(78)
            .says("is not a valid file name, but a local run uses it as one; use letters, digits")
            .says(place);
    }
}

#[test]
fn a_workspace_sub_path_may_contain_variables_but_cannot_leave_the_workspace() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("ws/sub")).unwrap();
    std::fs::write(folder.path().join("ws/sub/inside"), "").unwrap();
    let given = format!("src={}", folder.path().join("ws").display());
    let spec = "params: [{name: dir, default: sub}]\nworkspaces: [{name: src}]\nsteps: [{name: one, script: 'ls -A $(workspaces.src.path) > $GLEANER_OUTPUTS/a'}]";
    let claim = "workspaces: [{name: src, subPath: $(params.dir), volumeClaimTemplate: {}}]";
    let text = with_run(spec, claim);
    let ran = run(&text, &["-w", &given]);
    assert_eq!(ran.exits(0).object()["data"]["a"], "inside");
    let empty = text.replace("volumeClaimTemplate", "emptyDir");
    for text in [&text, &empty] {
        let ran = run(text, &[]);
        assert_eq!(ran.exits(0).object()["data"]["a"], "");
        let message = "cannot create the directory of the workspace 'src': the subPath '../out' is outside the workspace; use a relative path without '..'";
        for given in [&[][..], &["-w", &given]] {
            run(text, &[&["-p", "dir=../out"], given].concat())
                .exits(64)
                .says(message);
        }
    }
    assert!(!folder.path().join("out").exists());
}

#[test]
fn a_wrong_sub_path_in_a_pipeline_is_reported_before_its_first_task() {
    let spec =
        "workspaces: [{name: src}]\nsteps: [{name: one, script: printf x > $GLEANER_OUTPUTS/a}]";
    let pipeline = "---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: r}
spec:
  workspaces: [{name: ws, volumeClaimTemplate: {}}]
  pipelineSpec:
    tasks:
    - {name: first, taskSpec: {steps: [{name: one, script: 'true'}]}}
    - {name: second, runAfter: [first], taskRef: {name: try}, workspaces: [{name: src, workspace: ws, subPath: ../../x}]}
";
    let ran = run(&(task(ONE, spec) + pipeline), &[]);
    ran.exits(64).says(
        "task 'second': cannot create the directory of the workspace 'src': the subPath '../../x' is outside",
    );
    assert!(!ran.stderr.contains("▶"), "{}", ran.stderr);
}

use super::*;

#[test]
fn variables_of_artifacts_are_found_as_tekton_finds_them() {
    for script in [
        "echo $(steps.a.outputs.b)",
        "$(steps.a.inputs.b-c_d)",
        "$(steps.$(steps.a.outputs.b)",
        "$(steps.with\nline.outputs.b)",
        "$(steps.a.b) $(steps.a.outputs.b)",
    ] {
        assert!(has_artifact(script), "{script:?}");
    }
    for script in [
        "",
        "$(steps.a.b)",
        "$(steps.a.results.b)",
        "$(steps..outputs.b)",
        "$(steps.a.outputs.)",
        "$(steps.a.outputs.b.c)",
        "$(steps.a.outputs.b",
        "steps.a.outputs.b)",
        "$(step.artifacts.path)",
        "$(tasks.a.outputs.b)",
    ] {
        assert!(!has_artifact(script), "{script:?}");
    }
}

#[test]
fn text_without_tektons_script_form_is_unchanged() {
    for text in [
        "",
        "scriptfile=\"",
        "scriptfile=\"/a\"\n",
        "scriptfile=\"/a\"\ncat << '_EOF_'\n",
        "scriptfile=\"/a\"\ncat << '_EOF_'\n?\n_EOF_\n",
        "_EOF_\nscriptfile=\"/a\"\ncat << '_EOF_'\n/w==\n_EOF_\n",
    ] {
        let changed = rewritten(text, &mut |_, _| Some("x".to_owned()));
        assert_eq!(changed, None, "{text:?}");
    }
}

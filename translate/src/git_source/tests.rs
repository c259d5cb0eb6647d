use super::*;

#[test]
fn a_steps_name_is_a_label_that_no_other_step_has() {
    assert_eq!(step_name("src", &[]), "git-source-src");
    assert_eq!(step_name("My_Src_", &[]), "git-source-my-src");
    let taken = ["git-source-src".to_owned(), "git-source-src-2".to_owned()];
    assert_eq!(step_name("src", &taken), "git-source-src-3");
    let long = step_name(&"x".repeat(80), &[]);
    assert_eq!(long.len(), LONGEST);
    assert_eq!(step_name(&"x".repeat(80), &[long]).len(), LONGEST);
}

#[test]
fn the_script_contains_nothing_that_looks_like_a_variable() {
    for variable in ["$(", "$$", "`"] {
        assert!(!SCRIPT.contains(variable), "{variable}");
    }
}

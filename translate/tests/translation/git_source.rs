//! Tests the step that clones a git input. The tests run the step's command.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::translate;

/// A git repository with two commits: the tag `v1` refers to the first, and the branch `main` to the second.
struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = Self { folder };
        made.git(&["init", "-q", "-b", "main", "."]);
        made.commit("one");
        made.git(&["tag", "v1"]);
        made.commit("two");
        made
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut command = program("git", self.folder.path());
        command.args(["-c", "user.name=n", "-c", "user.email=n@example.invalid"]);
        let output = command
            .args(arguments)
            .output()
            .expect("these tests require git");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn commit(&self, content: &str) {
        std::fs::write(self.folder.path().join("file"), content).unwrap();
        self.git(&["add", "file"]);
        self.git(&["commit", "-q", "-m", content]);
    }

    fn url(&self) -> String {
        format!("file://{}", self.folder.path().display())
    }
}

/// Returns a command that runs in `folder` and does not use the user's git configuration. Removes the `GIT_*` variables, because
/// if the tests run in a git hook, `GIT_DIR` selects another repository.
fn program(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(name);
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("GIT_") {
            command.env_remove(&variable);
        }
    }
    command
        .current_dir(folder)
        .env("HOME", folder)
        .env("XDG_CONFIG_HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1");
    command
}

/// Runs the clone step's command with these parameter values. Returns its output and the directory that contains the clone.
fn clone(url: &str, revision: &str, optional: bool) -> (Output, tempfile::TempDir) {
    let task = format!(
        "apiVersion: tekton.dev/v1alpha1\nkind: Task\nmetadata: {{name: t}}\nspec:\n  \
         resources: [{{name: src, type: git, optional: {optional}}}]\n  steps: [{{name: a, image: i}}]\n"
    );
    let documents = translate(&task).unwrap();
    let step = &documents[0]["spec"]["steps"][0];
    let folder = tempfile::tempdir().unwrap();
    // Allow git to fetch submodules from local files, which it refuses by default.
    let files = "[protocol \"file\"]\n\tallow = always\n";
    std::fs::write(folder.path().join(".gitconfig"), files).unwrap();
    let into = folder.path().join("src");
    let texts = |key: &str| {
        let texts = step[key].as_array().unwrap().iter();
        texts
            .map(|text| {
                let text = text.as_str().unwrap();
                match text {
                    "$(params.src.url)" => url.to_owned(),
                    "$(params.src.revision)" => revision.to_owned(),
                    "/workspace/src" => into.to_str().unwrap().to_owned(),
                    _ => text.to_owned(),
                }
            })
            .collect::<Vec<_>>()
    };
    let command = texts("command");
    let output = program(&command[0], folder.path())
        .args(&command[1..])
        .args(texts("args"))
        .output()
        .unwrap();
    (output, folder)
}

fn file(folder: &Path) -> Option<String> {
    std::fs::read_to_string(folder.join("src/file")).ok()
}

#[test]
fn every_kind_of_revision_is_checked_out() {
    let repository = Repository::new();
    let first = repository.git(&["rev-parse", "v1"]);
    let cases = [
        ("", "two"),
        ("HEAD", "two"),
        ("main", "two"),
        ("refs/heads/main", "two"),
        ("v1", "one"),
        ("refs/tags/v1", "one"),
        (first.as_str(), "one"),
        (&first[..8], "one"),
        ("main~1", "one"),
    ];
    for (revision, expected) in cases {
        let (output, folder) = clone(&repository.url(), revision, false);
        assert!(output.status.success(), "{revision}: {output:?}");
        assert_eq!(file(folder.path()).as_deref(), Some(expected), "{revision}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        let line = format!(" {expected}\n");
        assert!(
            said.contains("git-source-src: ") && said.ends_with(&line),
            "{said}"
        );
    }
}

#[test]
fn nested_submodules_are_fetched() {
    let (inner, middle, outer) = (Repository::new(), Repository::new(), Repository::new());
    for (repository, module) in [(&middle, &inner), (&outer, &middle)] {
        let files = "protocol.file.allow=always";
        repository.git(&[
            "-c",
            files,
            "submodule",
            "add",
            "-q",
            &module.url(),
            "module",
        ]);
        repository.git(&["commit", "-q", "-m", "module"]);
    }
    // Add a commit, so that the commit recorded for the submodule is not the last commit on its branch.
    inner.commit("three");
    let (output, folder) = clone(&outer.url(), "main", false);
    assert!(output.status.success(), "{output:?}");
    let content = std::fs::read_to_string(folder.path().join("src/module/module/file"));
    assert_eq!(content.unwrap(), "two");
}

#[test]
fn values_from_a_pull_request_never_run_as_commands() {
    let repository = Repository::new();
    let url = repository.url();
    let hostile = [
        (url.as_str(), "\"; touch pwned; \""),
        (url.as_str(), "$(touch pwned)"),
        (url.as_str(), "`touch pwned`"),
        (url.as_str(), "--upload-pack=touch pwned"),
        (url.as_str(), "main:refs/heads/pwned"),
        ("--upload-pack=touch pwned", "main"),
        ("ext::touch% pwned", "main"),
        ("ssh://-oProxyCommand=touch%20pwned/x", "main"),
        ("'; touch pwned; '", "main"),
    ];
    for (url, revision) in hostile {
        let (output, folder) = clone(url, revision, false);
        assert!(!output.status.success(), "{url} {revision}: {output:?}");
        let left: Vec<PathBuf> = [folder.path().join("pwned"), folder.path().join("src/pwned")]
            .into_iter()
            .filter(|path| path.exists())
            .collect();
        assert!(left.is_empty(), "{url} {revision}: {left:?}");
        assert_eq!(file(folder.path()), None);
    }
}

#[test]
fn a_missing_revision_is_reported() {
    let repository = Repository::new();
    let (output, _folder) = clone(&repository.url(), "no-such-branch", false);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no-such-branch"), "{said}");
}

#[test]
fn an_optional_resource_may_be_unbound() {
    let (output, folder) = clone("", "", true);
    assert!(output.status.success(), "{output:?}");
    assert!(!folder.path().join("src").exists());
    let (output, _folder) = clone("", "", false);
    assert!(!output.status.success());
}

#[test]
fn the_directory_may_already_exist() {
    let repository = Repository::new();
    let (output, folder) = clone(&repository.url(), "v1", false);
    assert!(output.status.success());
    // Replace the clone with a directory that contains another file, because the root of a volume is not always empty.
    let other = Repository::new();
    let target = folder.path().join("src");
    std::fs::remove_dir_all(target.join(".git")).unwrap();
    std::fs::write(target.join("cache"), "kept").unwrap();
    std::fs::remove_file(target.join("file")).unwrap();
    let output = program("sh", folder.path())
        .arg("-c")
        .arg(script())
        .args(["git-source-src", &other.url(), "main"])
        .arg(&target)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(file(folder.path()).as_deref(), Some("two"));
    assert!(target.join("cache").exists());
}

fn script() -> String {
    let proposal = include_str!("../../../examples/build-and-test.yaml");
    let documents = translate(proposal).unwrap();
    let script = &documents[0]["spec"]["steps"][0]["args"][1];
    script.as_str().unwrap().to_owned()
}

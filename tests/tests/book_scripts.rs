//! `scripts/reference --check` and `scripts/book-links` detect errors in the documentation.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gleaner_tests::cluster::start::repository;
use tempfile::TempDir;

/// A temporary directory with a copy of `docs` and `scripts`, and symbolic links to the rest of the repository.
struct Copy(TempDir);

impl Copy {
    fn new() -> Self {
        let copy = Self(tempfile::tempdir().expect("a directory"));
        for entry in fs::read_dir(repository(".")).expect("the repository") {
            let entry = entry.expect("an entry");
            let to = copy.path("").join(entry.file_name());
            match entry.file_name().to_str() {
                Some("docs" | "scripts") => copied(&entry.path(), &to),
                Some("target" | ".git") => {}
                _ => symlink(entry.path(), to).expect("a link"),
            }
        }
        copy
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `scripts/reference --check` with a changed page, restores the page, and returns the script's standard error, which is
    /// empty if the script succeeds.
    fn checked_after(&self, page: &str, change: fn(String) -> String) -> String {
        let path = self.path(page);
        let before = fs::read_to_string(&path).expect("a page");
        let after = change(before.clone());
        assert_ne!(before, after, "{page}");
        fs::write(&path, after).expect("a page");
        let printed = failure(Command::new(self.path("scripts/reference")).arg("--check"));
        fs::write(&path, before).expect("a page");
        printed
    }
}

fn copied(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-r").args([from, to]).status();
    assert!(status.expect("cp runs").success());
}

/// Runs a script and returns its standard error, which is empty if the script succeeds.
fn failure(command: &mut Command) -> String {
    let output = command
        .output()
        .expect("the script should run; it requires python3");
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.success(), printed.is_empty(), "{printed}");
    printed
}

#[test]
fn a_reference_page_that_differs_from_the_code_is_found() {
    let copy = Copy::new();
    let unchanged = failure(Command::new(copy.path("scripts/reference")).arg("--check"));
    assert_eq!(unchanged, "");
    type Change = fn(String) -> String;
    let cases: [(&str, Change, &str); 8] = [
        (
            "docs/reference/codes.md",
            |page| page.replace("| 65 |", "| 66 |"),
            "codes.md is out of date",
        ),
        (
            "docs/reference/http-routes.md",
            |page| page.replace("507", "508"),
            "http-routes.md is out of date",
        ),
        (
            "docs/schemas/outputs.json",
            |page| page.replace("\"maxLength\": 63", "\"maxLength\": 64"),
            "declaration-fields.md is out of date",
        ),
        (
            "docs/reference/metrics.md",
            |page| page.replace("gleaner_phase", "gleaner_state"),
            "lacks `gleaner_phase`",
        ),
        (
            "docs/reference/metrics.md",
            |page| page + "| `gleaner_more_total{a}` | counter | |\n",
            "has `gleaner_more`, which is not in the code",
        ),
        (
            "docs/reference/log-events.md",
            |page| page.replace("`reviewed`", "`decided`"),
            "lacks `reviewed`",
        ),
        (
            "docs/reference/events.md",
            |page| page.replace("GleanerRetained", "GleanerKept"),
            "lacks `GleanerRetained`",
        ),
        (
            "docs/troubleshooting.md",
            |page| page.replace("is being deleted, but", "is being removed, but"),
            "not in the code: … is being removed, but still exists",
        ),
    ];
    for (page, change, expected) in cases {
        let printed = copy.checked_after(page, change);
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
}

#[test]
fn a_broken_link_is_found() {
    let site = tempfile::tempdir().expect("a directory");
    let page = r##"<h1 id="top">A</h1><a href="#top"></a><a href="b.html#there"></a><a href="https://example.com/x"></a>
        <a href="#gone"></a><a href="b.html#gone"></a><a href="c.html"></a><script src="https://cdn.example/x.js"></script>"##;
    fs::write(site.path().join("a.html"), page).expect("a page");
    fs::write(site.path().join("b.html"), "<h2 id='there'>B</h2>").expect("a page");
    let mut check = Command::new(repository("scripts/book-links"));
    let printed = failure(check.arg("--check").arg(site.path()));
    let about_a: Vec<_> = printed
        .lines()
        .filter(|line| line.starts_with("a.html"))
        .collect();
    assert_eq!(
        about_a,
        [
            "a.html loads https://cdn.example/x.js from another server",
            "a.html: the link #gone points to a heading that does not exist",
            "a.html: the link b.html#gone points to a heading that does not exist",
            "a.html: the link c.html points to a file that does not exist",
        ]
    );
    assert!(printed.contains("no search index"), "{printed}");
}

#[test]
fn a_page_that_is_not_in_the_summary_is_found() {
    let copy = Copy::new();
    fs::write(copy.path("docs/how-to/new.md"), "# New\n").expect("a page");
    let mut check = Command::new(copy.path("scripts/book-links"));
    let printed = failure(check.arg("--check").arg(copy.path("docs")));
    let missing: Vec<_> = printed
        .lines()
        .filter(|line| line.contains("is not in docs/SUMMARY.md"))
        .collect();
    assert_eq!(missing, ["docs/how-to/new.md is not in docs/SUMMARY.md"]);
}

/// Runs the mdBook preprocessor on a page at `reference/x.md`. Returns the new text of the page, and standard error.
fn preprocessed(text: &str) -> (String, String) {
    let chapter = |source: &str, path: &str, content: &str| serde_json::json!({"Chapter": {"name": "x", "source_path": source, "path": path, "content": content, "sub_items": []}});
    let page = chapter("reference/x.md", "reference/x.md", text);
    let others =
        ["run.md", "index.md"].map(|path| chapter(&path.replace("index", "README"), path, ""));
    let items = [[page].as_slice(), &others].concat();
    let input = serde_json::json!([{}, {"items": items}]).to_string();
    let mut script = Command::new(repository("scripts/book-links"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the script should run; it requires python3");
    let mut stdin = script.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let output = script.wait_with_output().expect("it ends");
    let book: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let content = &book["items"][0]["Chapter"]["content"];
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    (content.as_str().unwrap_or_default().to_owned(), error)
}

#[test]
fn links_to_files_that_are_not_pages_lead_to_the_repository() {
    const BLOB: &str = "https://github.com/gleaner-dev/gleaner/blob/main";
    let cases = [
        (
            "[a](../../SECURITY.md#x)",
            format!("[a]({BLOB}/SECURITY.md#x)"),
        ),
        (
            "[a](../adr/README.md)",
            format!("[a]({BLOB}/docs/adr/README.md)"),
        ),
        ("[a](../adr)", format!("[a]({BLOB}/docs/adr)")),
        // `charts/gleaner/README.md` contains such links, and `docs/reference/chart.md` includes this file.
        (
            "[a](../../docs/run.md#json)",
            "[a](../run.md#json)".to_owned(),
        ),
        ("[a](../README.md)", "[a](../index.md)".to_owned()),
        ("[a](../run.md)", "[a](../run.md)".to_owned()),
        (
            "[a](../schemas/outputs.json)",
            "[a](../schemas/outputs.json)".to_owned(),
        ),
        (
            "[a](#x), [b](https://example.com)",
            "[a](#x), [b](https://example.com)".to_owned(),
        ),
        (
            "`[a](../../SECURITY.md)`",
            "`[a](../../SECURITY.md)`".to_owned(),
        ),
        (
            "```md\n[a](../../SECURITY.md)\n```\n",
            "```md\n[a](../../SECURITY.md)\n```\n".to_owned(),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(preprocessed(text), (expected, String::new()), "{text}");
    }
    let (_, error) = preprocessed("[a](../../NONE.md)");
    assert_eq!(
        error.trim_end(),
        "docs/reference/x.md: the link ../../NONE.md points to a file that does not exist"
    );
}

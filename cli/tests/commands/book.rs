//! Follows the tutorials and how-to guides: each command must run as pasted and print the output that the page shows, and each
//! YAML block must pass `gleaner lint`. The command reference must match the output of `--help`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{self, gleaner, repository};
use gleaner_testkit::markdown::{Fence, absent, fences};

/// Returns the names of the commands, in the order in which `gleaner --help` lists them.
fn commands() -> Vec<String> {
    let help = gleaner(&["--help"]).stdout;
    let list = help.lines().skip_while(|line| *line != "Commands:");
    let list = list.skip(1).take_while(|line| !line.is_empty());
    // A line that continues a description has a deeper indentation.
    let names = list.filter(|line| !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// Returns the paths of the tutorials and how-to guides.
fn pages() -> Vec<PathBuf> {
    let directories = ["docs/tutorials", "docs/how-to"];
    let files = directories
        .iter()
        .flat_map(|directory| fs::read_dir(repository().join(directory)).unwrap());
    let mut pages: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    pages
}

/// Returns the value of `PATH`, preceded by the directory of the `gleaner` binary.
fn search_path() -> OsString {
    let binary = Path::new(env!("CARGO_BIN_EXE_gleaner"));
    let mut path = binary.parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    path
}

/// Runs a shell block in `directory`. Returns its standard output followed by its standard error, as `Err` if the block fails.
fn run(script: &str, directory: &Path) -> Result<String, String> {
    let mut command = Command::new("sh");
    command.args(["-e", "-c", script]).current_dir(directory);
    support::without_variables(&mut command, &support::CHANGING);
    let output = command.env("PATH", search_path()).output().unwrap();
    let both = [output.stdout, output.stderr].concat();
    let both = String::from_utf8(both).unwrap();
    match output.status.success() {
        true => Ok(both),
        false => Err(both),
    }
}

/// Returns the nonexistent `gleaner` subcommands that a block uses, and the flags that are missing in the `--help` output of
/// their subcommands.
fn unknown_flags(script: &str) -> Vec<String> {
    let (mut unknown, commands) = (Vec::new(), commands());
    let script = script.replace("\\\n", " ");
    let calls = script
        .split(['\n', '|'])
        .filter_map(|call| call.trim().strip_prefix("gleaner "));
    for call in calls {
        let mut words = call
            .split([' ', '='])
            .take_while(|word| !word.starts_with('#'));
        let name = words.next().unwrap();
        if !commands.iter().any(|command| command == name) {
            unknown.push(format!("gleaner {name}"));
            continue;
        }
        let help = gleaner(&[name, "--help"]).stdout;
        let is_flag = |word: &&str| word.len() > 1 && word.starts_with('-');
        for flag in words.filter(is_flag) {
            let listed = |line: &str| {
                let mut flags = line
                    .trim_start()
                    .split([' ', ',', '[', '='])
                    .take_while(|word| word.is_empty() || word.starts_with('-'));
                line.starts_with("  ") && flags.any(|one| one == flag)
            };
            if !help.lines().any(listed) {
                unknown.push(format!("gleaner {name} {flag}"));
            }
        }
    }
    unknown
}

/// Runs the blocks of a page in order. Returns the number of blocks that ran, and the errors.
fn wrong(page: &str) -> (usize, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let (mut ran, mut wrong) = (0, Vec::new());
    let mut printed: Option<String> = None;
    for fence in fences(page) {
        let Fence { content, line, .. } = &fence;
        let before = printed.take();
        match fence.language.as_str() {
            "yaml" => {
                let name = fence.file_name().unwrap_or("unnamed.yaml");
                let path = directory.join(name);
                fs::write(&path, content).unwrap();
                if fence.has("fragment") {
                    if content.contains("kind: Task\n") {
                        wrong.push(format!(
                            "{line}: a Task must pass lint; remove the word fragment"
                        ));
                    }
                } else if !fence.has("wrong") {
                    let linted = gleaner(&["lint", "--strict", "-f", path.to_str().unwrap()]);
                    if linted.code != 0 {
                        wrong.push(format!("{line}: {}", linted.stderr + &linted.stdout));
                    }
                }
            }
            "sh" => {
                let unknown = unknown_flags(content);
                wrong.extend(unknown.iter().map(|flag| format!("{line}: {flag}?")));
                if !fence.has("cluster") {
                    ran += 1;
                    match run(content, directory) {
                        Ok(text) => printed = Some(text),
                        Err(text) => wrong.push(format!("{line}: {content}{text}")),
                    }
                }
            }
            "text" => {
                let Some(printed) = before else { continue };
                if let Some(missing) = absent(content, &printed) {
                    wrong.push(format!("{line}: {missing:?} is not printed:\n{printed}"));
                }
            }
            _ => {}
        }
    }
    (ran, wrong)
}

#[test]
fn every_guide_works_as_pasted() {
    let mut count = 0;
    let mut found = Vec::new();
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        let (ran, wrong) = wrong(&page);
        count += ran;
        let path = path.strip_prefix(repository()).unwrap().display();
        found.extend(wrong.iter().map(|wrong| format!("{path}:{wrong}")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(count >= 15, "only {count} blocks ran");
}

#[test]
fn errors_in_a_guide_are_reported() {
    let task = support::task(support::ONE, "steps: [{name: one, script: exit 1}]");
    let cases = [
        ("```sh\nfalse\n```\n".to_owned(), "false"),
        (
            "```sh\necho one 2\n```\n\n```text\none … three\n```\n".to_owned(),
            "\"one … three\" is not printed",
        ),
        (
            "```sh,cluster\ngleaner lint -f x.yaml --loud\n```\n".to_owned(),
            "gleaner lint --loud?",
        ),
        (
            "```sh,cluster\nkubectl get task -o yaml |\n  gleaner weave -f -\n```\n".to_owned(),
            "gleaner weave?",
        ),
        (
            format!(
                "```yaml\n{}```\n",
                task.replace("steps.one.a", "steps.one.b")
            ),
            "declares no output 'b'",
        ),
        (
            format!("```yaml,fragment\n{task}```\n"),
            "a Task must pass lint",
        ),
        (
            format!("```yaml\n# t.yaml\n{task}```\n\n```sh\ngleaner run -f t.yaml\n```\n"),
            "gleaner run -f t.yaml",
        ),
    ];
    for (page, expected) in cases {
        let (_, wrong) = wrong(&page);
        let all = wrong.join("\n");
        assert!(all.contains(expected), "{expected}: {all}");
    }
}

#[test]
fn a_guide_that_works_is_accepted() {
    let task = support::task(
        support::ONE,
        "steps: [{name: one, image: x, script: echo 1 > $GLEANER_OUTPUTS/a}]",
    );
    let page = format!(
        "```yaml\n# t.yaml\n{task}```\n\n```sh\ngleaner run -f t.yaml  # --not-a-flag\n```\n\n```text\nsteps.one.a = 1\n```\n"
    );
    assert_eq!(wrong(&page), (1, Vec::new()));
}

/// Returns the command reference, generated from the output of `--help`.
fn reference() -> String {
    let mut page = "# Commands\n\n\
        The output of `gleaner COMMAND --help`. \
        `GLEANER_UPDATE_COMMANDS=1 cargo test -p gleaner --test commands book` writes this page.\n\n\
        Guides: [gleaner run](../run.md), [gleaner inject](../inject.md), [gleaner translate](../translate.md).\n"
        .to_owned();
    let commands = commands();
    assert!(commands.len() >= 13, "{commands:?}");
    let first = [("gleaner".to_owned(), vec!["--help"])].into_iter();
    let commands = commands.iter();
    let others = commands.map(|name| (format!("gleaner {name}"), vec![name.as_str(), "--help"]));
    for (title, arguments) in first.chain(others) {
        let mut help = support::command(&arguments);
        let help = support::ran(help.env("COLUMNS", "100").output().unwrap()).stdout;
        let lines: Vec<_> = help.lines().map(str::trim_end).collect();
        page += &format!(
            "\n## {title}\n\n```text\n{}\n```\n",
            lines.join("\n").trim()
        );
    }
    page
}

#[test]
fn the_command_reference_matches_the_help() {
    let path = repository().join("docs/reference/commands.md");
    let page = reference();
    if std::env::var_os("GLEANER_UPDATE_COMMANDS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let current = fs::read_to_string(&path).unwrap_or_default();
    let first = page
        .lines()
        .zip(current.lines())
        .find(|(new, old)| new != old);
    assert!(
        current == page,
        "{}: out of date at {first:?}; see the page's second line",
        path.display()
    );
}

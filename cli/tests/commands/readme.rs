//! Tests the README and the links of all pages: the README's commands run as pasted, the README's Task is the same as in the
//! example, and each link leads to an existing file.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{self, repository};
use gleaner_testkit::markdown;

fn readme() -> String {
    fs::read_to_string(repository().join("README.md")).unwrap()
}

/// Returns the contents of the code blocks in this language.
fn fences(page: &str, language: &str) -> Vec<String> {
    let fences = markdown::fences(page).into_iter();
    fences
        .filter(|fence| fence.language == language)
        .map(|fence| fence.content)
        .collect()
}

/// Returns the `gleaner` commands in the code blocks and in the table, with `cargo run --` replaced by `gleaner`.
fn commands(page: &str) -> Vec<String> {
    let scripts = fences(page, "sh").join("\n").replace("\\\n", " ");
    let fenced = scripts.lines().map(str::to_owned);
    let spans = page.split('`').map(str::to_owned);
    let commands = fenced.chain(spans);
    let commands = commands.filter_map(|command| match command.strip_prefix("cargo run -- ") {
        Some(arguments) => Some(format!("gleaner {arguments}")),
        None => command.contains(" -f ").then_some(command),
    });
    commands
        .filter(|command| command.starts_with("gleaner ") && !command.contains('\n'))
        .collect()
}

#[test]
fn every_command_of_the_readme_runs_as_pasted() {
    let binary = Path::new(env!("CARGO_BIN_EXE_gleaner"));
    let path = format!(
        "{}:{}",
        binary.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let commands = commands(&readme());
    assert!(commands.len() >= 9, "{commands:#?}");
    for line in commands {
        let mut command = Command::new("sh");
        command.args(["-c", &line]).current_dir(repository());
        support::without_variables(&mut command, &["GLEANER_", "KUBECONFIG"]);
        let output = command.env("PATH", &path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}\n{said}");
    }
}

#[test]
fn every_make_target_of_the_readme_exists() {
    let makefile = fs::read_to_string(repository().join("Makefile")).unwrap();
    let page = readme();
    let targets: Vec<&str> = page
        .split('`')
        .filter_map(|span| span.strip_prefix("make "))
        .collect();
    assert!(targets.contains(&"test"), "{targets:?}");
    for target in targets {
        assert!(makefile.contains(&format!("\n{target}: ")), "{target}");
    }
}

#[test]
fn the_task_in_the_readme_is_the_example() {
    let path = "examples/image-to-deployment/task.yaml";
    let example = fs::read_to_string(repository().join(path)).unwrap();
    let page = readme();
    let shown = fences(&page, "yaml");
    assert_eq!(shown.len(), 1);
    assert!(example.contains(&shown[0]), "{}", shown[0]);
}

#[test]
fn every_link_of_every_page_leads_to_a_file() {
    for name in ["README.md", "CONTRIBUTING.md"] {
        let page = fs::read_to_string(repository().join(name)).unwrap();
        let links = page.split("](").skip(1);
        let links = links.map(|rest| rest.split(')').next().unwrap());
        let links: Vec<_> = links.filter(|link| !link.starts_with("https://")).collect();
        assert!(!links.is_empty(), "{name}");
        for link in links {
            let (file, _) = link.split_once('#').unwrap_or((link, ""));
            assert!(repository().join(file).exists(), "{name}: {link}");
        }
    }
}

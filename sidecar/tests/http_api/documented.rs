//! Checks that `docs/http-api.md` is accurate, by running the commands and comparing the tables on that page.

use std::process::Command;

use gleaner_proto::message::problem_type;
use gleaner_proto::openapi::DOCUMENT;
use serde_json::Value;

use crate::openapi::operations;
use crate::support::{Setup, Sidecar, api_server};

const PAGE: &str = include_str!("../../../docs/http-api.md");

/// Returns the page's code blocks whose info string is `info`.
fn blocks(info: &str) -> Vec<&'static str> {
    let fence = format!("```{info}\n");
    let blocks = PAGE.split(fence.as_str()).skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

/// Returns the commands in the page, each with its documented response.
fn examples() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut examples: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in blocks("console").iter().flat_map(|block| block.lines()) {
        match line.strip_prefix("$ ") {
            Some(command) => examples.push((command, Vec::new())),
            None => examples.last_mut().unwrap().1.push(line),
        }
    }
    examples
}

/// Runs a command from the page, with the paths and addresses in the command replaced by those of `sidecar`, and returns the
/// command's output.
fn run(sidecar: &Sidecar, command: &str) -> String {
    let run_dir = sidecar.run_dir().display().to_string().replace(' ', "\\ ");
    let command = command
        .replace("/gleaner/run/me", &format!("{run_dir}/kaniko"))
        .replace("/gleaner/run", &run_dir)
        .replace("127.0.0.1:8440", &sidecar.address());
    let output = Command::new("sh")
        .args(["-c", &command])
        // Bypass a configured proxy, which could not reach the loopback address of this machine.
        .env("no_proxy", "*")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_command_in_the_page_has_the_documented_response() {
    let curl = Command::new("curl").arg("--version").output();
    assert!(curl.is_ok(), "curl is missing; install the package `curl`");
    let cluster = api_server();
    let sidecar = Setup::new(blocks("yaml")[0]).with(&cluster).start();
    for (command, expected) in examples() {
        let answer = run(&sidecar, command);
        let mut rest = answer.as_str();
        for part in expected.iter().flat_map(|line| line.split('…')) {
            let found = rest.find(part);
            let Some(at) = found else {
                panic!("$ {command}\nthe response does not contain {part:?}:\n{answer}");
            };
            rest = &rest[at + part.len()..];
        }
    }
}

#[test]
fn the_page_has_an_example_of_every_route() {
    for route in operations() {
        let (method, path) = route.split_once(' ').unwrap();
        let path = path.replace("{step}", "kaniko").replace("{name}", "img");
        let asked = |(command, _): &(&str, Vec<&str>)| {
            let url = command.split_once("http://").unwrap().1;
            let given = url[url.find('/').unwrap()..].split(['?', '\'', ' ']).next();
            let posts = command.contains(" -d ") || command.contains("-X POST");
            given == Some(path.as_str()) && posts == (method == "POST")
        };
        assert!(examples().iter().any(asked), "{route}");
    }
}

#[test]
fn the_page_lists_every_problem_type_failure_code_and_limit() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let codes = document["components"]["schemas"]["FailureCode"]["oneOf"].as_array();
    let codes = codes
        .unwrap()
        .iter()
        .map(|code| code["const"].as_str().unwrap());
    for word in problem_type::ALL.iter().copied().chain(codes) {
        let row = format!("| `{word}` |");
        assert!(PAGE.contains(&row), "{row}");
    }
    let program = env!("CARGO_BIN_EXE_gleaner-sidecar");
    let help = Command::new(program)
        .env_clear()
        .arg("--help")
        .output()
        .unwrap()
        .stdout;
    let help = String::from_utf8(help).unwrap();
    let bounds = help.split("Bounds:").nth(1).unwrap();
    let bounds = bounds.split("API server:").next().unwrap();
    let flags: Vec<&str> = bounds.split("\n      --").skip(1).collect();
    assert!(flags.len() >= 7, "{bounds}");
    for flag in flags {
        let name = flag.split(' ').next().unwrap();
        let default = flag.split("[default: ").nth(1);
        let row = match default.and_then(|default| default.split(']').next()) {
            Some(default) => format!("| `--{name}` | `{default}` |"),
            None if name == "memory-limit" => {
                format!("| `--{name}` | the container's memory limit |")
            }
            None => format!("| `--{name}` | [derived](#memory) from the memory limit |"),
        };
        assert!(PAGE.contains(&row), "{row}");
    }
}

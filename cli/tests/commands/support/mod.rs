//! Runs the `gleaner` binary, and creates documents for its input.

pub(crate) mod cluster;
pub(crate) mod installation;
pub(crate) mod lint;
pub(crate) mod port_forward;
pub(crate) mod report;
pub(crate) mod runs;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use gleaner_core::document::yaml;
use serde_json::Value;

/// The exit code and the output of a finished command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Returns the objects that the command printed to standard output.
    pub(crate) fn objects(&self) -> Vec<Value> {
        let documents = yaml::parse_documents(&self.stdout);
        documents
            .unwrap_or_else(|error| panic!("{error}\n{self:?}"))
            .iter()
            .map(gleaner_core::document::Node::to_json)
            .collect()
    }

    /// Returns the only object that the command printed to standard output.
    pub(crate) fn object(&self) -> Value {
        let mut objects = self.objects();
        assert_eq!(objects.len(), 1, "{self:?}");
        objects.remove(0)
    }

    /// Returns the value of the result `name` that the command printed to standard output.
    pub(crate) fn result(&self, name: &str) -> Option<&str> {
        let prefix = format!("# result {name}: ");
        self.stdout
            .lines()
            .find_map(|line| line.strip_prefix(&prefix))
    }

    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(
            self.stderr.contains(text),
            "{text:?} is not in:\n{}",
            self.stderr
        );
        self
    }

    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self
    }
}

/// The prefixes of environment variables that affect the behavior of the binary.
pub(crate) const CHANGING: [&str; 10] = [
    "ALL_PROXY",
    "CLICOLOR",
    "GLEANER_",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "KUBECONFIG",
    "NO_COLOR",
    "all_proxy",
    "http_proxy",
    "https_proxy",
];

/// Returns a command that runs the binary without inheriting the environment variables that affect its behavior.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gleaner"));
    command.args(arguments).current_dir(repository());
    without_variables(&mut command, &CHANGING);
    command
}

/// Starts the command, and reads its standard error until a line begins with `begin`. Returns the process, the rest of its
/// standard error, and the line.
pub(crate) fn started(
    mut command: Command,
    begin: &str,
) -> (Child, BufReader<ChildStderr>, String) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with(begin) {
        line.clear();
        let read = stderr.read_line(&mut line).unwrap();
        assert!(read > 0, "the process exited before it printed {begin:?}");
    }
    (child, stderr, line)
}

/// Removes the environment variables whose names begin with one of these prefixes.
pub(crate) fn without_variables(command: &mut Command, begin: &[&str]) {
    for (name, _) in std::env::vars_os() {
        let shown = name.to_string_lossy();
        if begin.iter().any(|begin| shown.starts_with(begin)) {
            command.env_remove(&name);
        }
    }
}

pub(crate) fn gleaner(arguments: &[&str]) -> Ran {
    ran(command(arguments).stdin(Stdio::null()).output().unwrap())
}

/// Runs the binary with `input` on its standard input.
pub(crate) fn gleaner_with_input(arguments: &[&str], input: &str) -> Ran {
    let mut command = command(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Ignore a write error: a command that reports a wrong argument exits without reading its input.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    ran(child.wait_with_output().unwrap())
}

pub(crate) fn ran(output: Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Writes `text` to the file `name` in `folder`, and returns its path.
pub(crate) fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Returns a Task with this declaration and this spec, both in YAML.
pub(crate) fn task(declaration: &str, spec: &str) -> String {
    let indented = |text: &str, by: &str| text.trim_matches('\n').replace('\n', &format!("\n{by}"));
    format!(
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  name: try\n  annotations:\n    gleaner.dev/outputs: |\n      \
         {}\nspec:\n  {}\n",
        indented(declaration, "      "),
        indented(spec, "  "),
    )
}

/// A declaration with one output `a` of the step `one`, and a ConfigMap that uses it.
pub(crate) const ONE: &str = "
steps: {one: [{name: a}]}
objects:
  - name: cm
    resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: cm}, data: {a: $(steps.one.a)}}
";

/// Runs the documents in `text` with `gleaner run`.
pub(crate) fn run(text: &str, arguments: &[&str]) -> Ran {
    gleaner_with_input(&[&["run", "-f", "-"], arguments].concat(), text)
}

/// Returns a Task `try` with the declaration [`ONE`], and a TaskRun `mine` that refers to the Task.
pub(crate) fn with_run(task_spec: &str, run_spec: &str) -> String {
    format!(
        "{}---\napiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{name: mine, namespace: ci}}\nspec:\n  taskRef: {{name: try}}\n  {}\n",
        task(ONE, task_spec),
        run_spec.trim().replace('\n', "\n  ")
    )
}

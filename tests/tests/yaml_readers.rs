//! What Gleaner writes, read by the readers that people use: Go's (through kubectl) and PyYAML.
//!
//! Both read YAML 1.1, in which `no`, `1e3`, `0x1`, `12:30`, `=` and dates are no texts unless they are quoted.

use std::io::Write as _;
use std::process::{Command, Stdio};

use gleaner_core::document::writer::to_yaml;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};

const TEXTS: [&str; 64] = [
    "no",
    "No",
    "NO",
    "yes",
    "on",
    "off",
    "y",
    "n",
    "true",
    "null",
    "~",
    "",
    " ",
    "=",
    "<<",
    "1e3",
    "1E3",
    "1e",
    ".5",
    "5.",
    "+1",
    "-1",
    "0x1F",
    "0o17",
    "017",
    "0b1",
    "1_000",
    "1:20",
    "12:30:45",
    "2020-01-01",
    "2020-01-01T00:00:00Z",
    ".inf",
    "-.INF",
    ".nan",
    "NaN",
    "---",
    "...",
    "- a",
    "? a",
    "a: b",
    ": ",
    "a:",
    "#a",
    "a #b",
    "&a",
    "*a",
    "!a",
    "|",
    ">",
    "%a",
    "@a",
    "`a",
    "{a",
    "[a",
    "'",
    "\"",
    "\\",
    "$(params.x)",
    "two\nlines",
    "two\nlines\n\n",
    "\n lead\n",
    "trail \n x\t",
    "tab\tbed",
    "😀 ü \u{2028}\u{85}\u{feff}",
];

/// Reads a document.
type Reader = fn(&str) -> Result<Value, String>;

fn main() {
    let arguments = Arguments::from_args();
    let readers: [(&str, &[&str], Reader); 2] = [
        ("kubectl", &["kubectl", "version", "--client"], with_kubectl),
        ("pyyaml", &["python3", "-c", "import yaml"], with_pyyaml),
    ];
    let trials = readers.into_iter().map(|(name, probe, read)| {
        let here = run(Command::new(probe[0]).args(&probe[1..]), "").is_ok();
        if !here {
            eprintln!(
                "SKIPPED: {name} is not here, so nothing is read by it ({})",
                probe.join(" ")
            );
        }
        Trial::test(format!("{name}_reads_every_text_as_it_was"), move || {
            check(read)
        })
        .with_ignored_flag(!here)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// A ConfigMap with every text as a value, and as many as can be as parts of a key.
fn config_map() -> Value {
    let data = TEXTS
        .iter()
        .enumerate()
        .map(|(index, text)| (format!("k{index}"), Value::from(*text)));
    let keys = ["no", "1e3", "y", "0x1", "2020-01-01", "null", "-a", "1_000"];
    let keys = keys
        .into_iter()
        .map(|key| (key.to_owned(), Value::from("key")));
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "texts"},
        "data": data.chain(keys).collect::<serde_json::Map<_, _>>(),
    })
}

fn check(read: Reader) -> Result<(), Failed> {
    let object = config_map();
    let back = read(&to_yaml([&object]))?;
    for (key, text) in object["data"].as_object().into_iter().flatten() {
        if back["data"].get(key) != Some(text) {
            let found = back["data"].get(key).cloned().unwrap_or_default();
            return Err(format!("{key}: {text} came back as {found}").into());
        }
    }
    Ok(())
}

/// `kubectl patch --local` reads the file and asks nobody.
fn with_kubectl(yaml: &str) -> Result<Value, String> {
    let mut file =
        tempfile::NamedTempFile::with_suffix(".yaml").map_err(|error| error.to_string())?;
    file.write_all(yaml.as_bytes())
        .map_err(|error| error.to_string())?;
    let mut command = Command::new("kubectl");
    command
        .args([
            "patch",
            "--local",
            "--type=merge",
            "-p",
            "{}",
            "-o",
            "json",
            "-f",
        ])
        .arg(file.path());
    serde_json::from_str(&run(&mut command, "")?).map_err(|error| error.to_string())
}

fn with_pyyaml(yaml: &str) -> Result<Value, String> {
    let script = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin.buffer), sys.stdout, default=str)";
    serde_json::from_str(&run(Command::new("python3").args(["-c", script]), yaml)?)
        .map_err(|error| error.to_string())
}

fn run(command: &mut Command, input: &str) -> Result<String, String> {
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| format!("{command:?}: {error}"))?;
    let written = child
        .stdin
        .take()
        .map(|mut stdin| stdin.write_all(input.as_bytes()));
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!(
            "{command:?}: {} {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    written.transpose().map_err(|error| error.to_string())?;
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}

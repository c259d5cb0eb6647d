//! Checks that common parsers read Gleaner's YAML correctly: Go's parser (through kubectl), and PyYAML's two parsers.
//!
//! These parsers implement YAML 1.1, in which `no`, `1e3`, `0x1`, `12:30`, `=` and dates are not strings unless they are quoted.

use std::io::Write as _;
use std::process::{Command, Stdio};

use gleaner_core::document::writer::to_yaml;
use gleaner_core::document::{Node, yaml};
use gleaner_proto::kubernetes::annotation;
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

/// A function that parses a document with one of the parsers.
type Reader = fn(&str) -> Result<Value, String>;

fn main() {
    let arguments = Arguments::from_args();
    let readers: [(&str, &[&str], Reader); 3] = [
        ("kubectl", &["kubectl", "version", "--client"], with_kubectl),
        ("pyyaml", &["python3", "-c", "import yaml"], with_pyyaml),
        (
            "libyaml",
            &["python3", "-c", "from yaml import CSafeLoader"],
            with_libyaml,
        ),
    ];
    let trials = readers.into_iter().flat_map(|(name, probe, read)| {
        let here = run(Command::new(probe[0]).args(&probe[1..]), "").is_ok();
        if !here {
            eprintln!(
                "SKIPPED: {name} is not available, so its test does not run ({})",
                probe.join(" ")
            );
        }
        let trial = |what: &str, check: fn(Reader) -> Result<(), Failed>| {
            Trial::test(format!("{name}_reads_{what}_correctly"), move || {
                check(read)
            })
            .with_ignored_flag(!here)
        };
        [
            trial("special_texts", check),
            trial("random_texts", check_random),
        ]
    });
    let mut trials: Vec<Trial> = trials.collect();
    let kustomize = ["kubectl", "kustomize", "--help"];
    let has_kustomize = run(Command::new(kustomize[0]).args(&kustomize[1..]), "").is_ok();
    let example = Trial::test(
        "kubectl_puts_a_file_into_the_annotation",
        kustomize_puts_the_file_into_the_annotation,
    );
    trials.push(example.with_ignored_flag(!has_kustomize));
    libtest_mimic::run(&arguments, trials).exit();
}

/// Checks that `kubectl kustomize` puts the declaration into the annotation of the Task in the example `kustomize`.
fn kustomize_puts_the_file_into_the_annotation() -> Result<(), Failed> {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/kustomize");
    let built = run(Command::new("kubectl").args(["kustomize", example]), "")?;
    let documents = yaml::parse_documents(&built).map_err(|error| error.to_string())?;
    let [task] = documents.as_slice() else {
        return Err(format!("expected one document, got: {built}").into());
    };
    let text = std::fs::read_to_string(format!("{example}/outputs.yaml"))?;
    let annotation = task.descend(&["metadata", "annotations", annotation::OUTPUTS]);
    let found = annotation.and_then(Node::as_str);
    if found != Some(text.as_str()) {
        return Err(format!("the annotation is {found:?}").into());
    }
    Ok(())
}

/// Returns a ConfigMap with each of [`TEXTS`] as a value, and with keys that are not strings in YAML 1.1 unless they are quoted.
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
            return Err(format!("{key}: {text} was read as {found}").into());
        }
    }
    Ok(())
}

/// The number of random texts. Each document contains [`DOCUMENT`] of them.
const RANDOM: usize = 20_000;
const DOCUMENT: usize = 1000;

/// Parts of random texts that affect the style of a scalar, or that parsers may misread.
const PIECES: [&str; 32] = [
    "\t", "\t\t", " ", "  ", "\n", "\n\n", "\r\n", "\r", "\u{85}", "\u{2028}", "\u{2029}",
    "\u{feff}", "---", "...", "#", " #", ": ", ":", "- ", "? ", "|", ">", "'", "\"", "\\", "{",
    "]", ",", "%", "a", "bc", "é",
];

/// A random number generator (xorshift64, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        for (left, by) in [(true, 13), (false, 7), (true, 17)] {
            self.0 ^= if left { self.0 << by } else { self.0 >> by };
        }
        usize::try_from(self.0 % bound as u64).expect("a number that fits in a usize")
    }

    /// Returns a random text. Most of its parts are from [`PIECES`]; the others are control characters, and characters from all
    /// Unicode planes.
    fn text(&mut self) -> String {
        let count = self.below(9);
        let mut text = String::new();
        for _ in 0..count {
            match self.below(6) {
                0 => text.extend(char::from_u32(self.below(0xa0) as u32)),
                1 => text.extend(char::from_u32(self.below(0x11_0000) as u32)),
                _ => text += PIECES[self.below(PIECES.len())],
            }
        }
        text
    }
}

/// Checks that the parser reads random texts correctly as values, list items and keys.
fn check_random(read: Reader) -> Result<(), Failed> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..RANDOM / DOCUMENT {
        let texts: Vec<String> = (0..DOCUMENT).map(|_| random.text()).collect();
        let entries = texts.iter().enumerate();
        let values: Value = entries
            .map(|(index, text)| (format!("k{index}"), text.clone()))
            .collect();
        let keys: Value = texts.iter().map(|text| (text.clone(), "v")).collect();
        // Use a kind that is unknown to kubectl, so that kubectl accepts any fields.
        let object = json!({
            "apiVersion": "example.com/v1", "kind": "Texts", "metadata": {"name": "texts"},
            "values": values, "list": texts, "keys": keys,
        });
        let back = read(&to_yaml([&object]))?;
        for (index, text) in texts.iter().enumerate() {
            let places = [&back["values"][format!("k{index}")], &back["list"][index]];
            for found in places {
                if found != text.as_str() {
                    return Err(format!("{text:?} was read as {found}").into());
                }
            }
            if back["keys"].get(text) != Some(&Value::from("v")) {
                return Err(format!("the key {text:?} is missing").into());
            }
        }
    }
    Ok(())
}

/// Parses YAML with `kubectl patch --local`, which does not connect to a server.
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

fn with_libyaml(yaml: &str) -> Result<Value, String> {
    let script = "import json, sys, yaml; json.dump(yaml.load(sys.stdin.buffer, yaml.CSafeLoader), sys.stdout, default=str)";
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

//! The scripts of steps, which Tekton encodes into the arguments of an init container (`pkg/pod/script.go`):
//!
//! ```text
//! scriptfile="/tekton/scripts/script-0-4rmvz"
//! touch ${scriptfile} && chmod +x ${scriptfile}
//! cat > ${scriptfile} << '_EOF_'
//! IyEvYmluL3NoCnNldCAtZQo=
//! _EOF_
//! ```
//!
//! The variable `$(steps.X.outputs.Y)` refers to one of Tekton's artifacts. The variable's value is known only when the step
//! starts. Tekton's entrypoint replaces the variable in a script only if the step's command consists of the script alone
//! (`pkg/entrypoint/entrypointer.go`). So a script with such a variable remains the command, with the redirector as its
//! interpreter.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gleaner_proto::redirector::{SCRIPT_FLAGS, SCRIPT_INTERPRETER};
use serde_json::Value;

use super::{containers_mut, name_of};

/// The init container that writes the scripts.
const CONTAINER: &str = "place-scripts";
/// The text before a script's path.
const PATH: &str = "scriptfile=\"";
/// The text before a script.
const BEGIN: &str = "<< '_EOF_'\n";
/// The text after a script.
const END: &str = "\n_EOF_\n";

/// If the script at `path` refers to artifacts, makes the redirector, with `flags`, the interpreter of the script. Returns false
/// if the script does not exist or does not refer to artifacts.
pub(super) fn interpret(pod: &mut Value, path: &str, flags: &[String]) -> bool {
    let flags = Value::from(flags);
    let mut done = false;
    rewrite(pod, |at, script| {
        if at != path || !has_artifact(script) {
            return None;
        }
        done = true;
        Some(format!(
            "{SCRIPT_INTERPRETER}\n{SCRIPT_FLAGS}{flags}\n{script}"
        ))
    });
    done
}

/// Changes the flags of the scripts whose interpreter is the redirector.
pub(super) fn change_flags(pod: &mut Value, mut change: impl FnMut(&mut String)) {
    rewrite(pod, |_, script| {
        let rest = script.strip_prefix(SCRIPT_INTERPRETER)?;
        let (flags, script) = rest.strip_prefix('\n')?.split_once('\n')?;
        let mut changed = flags.to_owned();
        change(&mut changed);
        (changed != flags).then(|| format!("{SCRIPT_INTERPRETER}\n{changed}\n{script}"))
    });
}

/// Replaces each script for which `change`, given its path and text, returns a new text.
fn rewrite(pod: &mut Value, mut change: impl FnMut(&str, &str) -> Option<String>) {
    let all = containers_mut(pod, "initContainers").iter_mut();
    for container in all.filter(|container| name_of(container) == CONTAINER) {
        let args = container.get_mut("args").and_then(Value::as_array_mut);
        for arg in args.into_iter().flatten() {
            let new = arg.as_str().and_then(|text| rewritten(text, &mut change));
            if let Some(new) = new {
                *arg = new.into();
            }
        }
    }
}

/// Returns the text of an argument with its scripts rewritten, or `None` if no script changes.
fn rewritten(text: &str, change: &mut impl FnMut(&str, &str) -> Option<String>) -> Option<String> {
    let mut changed = false;
    let mut out = String::new();
    let mut rest = text;
    while let Some(script) = Placed::first(rest) {
        let (before, encoded) = (&rest[..script.begin], &rest[script.begin..script.end]);
        out.push_str(before);
        let bytes = STANDARD.decode(encoded).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let new = text.and_then(|text| change(script.path, &text));
        changed |= new.is_some();
        out.push_str(&new.map_or(encoded.to_owned(), |new| STANDARD.encode(new)));
        rest = &rest[script.end..];
    }
    out.push_str(rest);
    changed.then_some(out)
}

/// A script within shell commands: its path, and the range of its encoded text.
struct Placed<'a> {
    path: &'a str,
    begin: usize,
    end: usize,
}

impl<'a> Placed<'a> {
    fn first(text: &'a str) -> Option<Self> {
        let after = |from: usize, word: &str| Some(from + text[from..].find(word)? + word.len());
        let start = after(0, PATH)?;
        let path = text[start..].split('"').next()?;
        let begin = after(start, BEGIN)?;
        let end = begin + text[begin..].find(END)?;
        Some(Self { path, begin, end })
    }
}

/// Returns true if a script contains `$(steps.STEP.inputs.NAME)` or `$(steps.STEP.outputs.NAME)`, according to Tekton's own
/// pattern (`internal/artifactref`: `\$\(steps\.([^.]+)\.(?:inputs|outputs)\.([^.)]+)\)`).
fn has_artifact(script: &str) -> bool {
    script.match_indices("$(steps.").any(|(at, start)| {
        let reference = script[at + start.len()..].split_once('.');
        reference.is_some_and(|(step, rest)| {
            let kinds = ["inputs.", "outputs."];
            let name = kinds.iter().find_map(|kind| rest.strip_prefix(kind));
            let end = name.and_then(|name| name.find(['.', ')']).map(|end| (end, &name[end..])));
            !step.is_empty() && end.is_some_and(|(end, rest)| end > 0 && rest.starts_with(')'))
        })
    })
}

#[cfg(test)]
mod tests;

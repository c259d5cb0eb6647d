//! Inserts the redirector between Tekton's own entrypoint and the command, so Tekton still controls the order of steps, timeouts,
//! `onError`, results and breakpoints.
//!
//! Tekton writes a step as `/tekton/bin/entrypoint FLAGS -entrypoint CMD -- ARGS`, and the entrypoint splits its arguments at the
//! first `--` (`pkg/pod/entrypoint.go`, `cmd/entrypoint/args.go`). If the step runs the image's own command, there is no
//! `-entrypoint`, and an environment variable contains the command for each platform (`pkg/pod/entrypoint_lookup.go`).

use crate::document::Place;
use crate::document::diagnostic::Diagnostic;
use gleaner_termination::Share;
use serde_json::{Map, Value};

use super::{kubelet_expansion, texts};
use crate::inject::list;
use crate::inject::messages::{Messages, ResultsFrom};

/// Tekton's entrypoint, the command of every step (`pkg/apis/pipeline/paths.go`).
const ENTRYPOINT: &str = "/tekton/bin/entrypoint";
/// The flag that specifies the command.
const FLAG: &str = "-entrypoint";
/// The environment variable that contains the image's own commands.
const PLATFORM_COMMANDS: &str = "TEKTON_PLATFORM_COMMANDS";

/// Inserts `prefix` before the command of the step in `container`, which is at `place`. Fails if the step is not in the form that
/// Tekton generates.
pub(super) fn inject(
    container: &mut Value,
    prefix: &[String],
    place: &Place,
) -> Result<(), Diagnostic> {
    let unknown = |what: &str| unknown(place, what);
    if texts(container, "command") != [ENTRYPOINT] {
        return Err(unknown(&format!("its command is not {ENTRYPOINT}")));
    }
    let mut args = texts(container, "args");
    let end = end_of_flags(&args, place)?;
    match end.checked_sub(2) {
        Some(flag) if args[flag] == FLAG => {
            let command = args[end - 1].clone();
            let prefix = prefix.split_first();
            let (redirector, rest) = prefix.ok_or_else(|| unknown("no redirector"))?;
            args[end - 1].clone_from(redirector);
            let inserted = rest.iter().cloned().chain([command]);
            args.splice(end + 1..end + 1, inserted);
            container["args"] = args.into();
            Ok(())
        }
        _ => {
            let neither =
                format!("it has neither the argument {FLAG} nor the variable {PLATFORM_COMMANDS}");
            wrap_image_command(container, prefix).ok_or_else(|| unknown(&neither))
        }
    }
}

/// If the command of the step in `container` has no arguments, returns the command.
pub(super) fn lone_command(container: &Value) -> Option<&str> {
    let mut args = list::items(container, "args").iter().rev();
    let last = [args.next()?, args.next()?, args.next()?];
    let [end, command, flag] = last.map(Value::as_str);
    (end == Some("--") && flag == Some(FLAG)).then_some(command?)
}

fn unknown(place: &Place, what: &str) -> Diagnostic {
    let message = format!("cannot inject into the step: {what}");
    let help = "use a version of Tekton that this version of Gleaner supports; see https://github.com/gleaner-dev/gleaner/blob/main/docs/install.md#requirements";
    Diagnostic::new(place, None, message).help(help)
}

/// Returns the index of the `--` after the entrypoint's own arguments.
fn end_of_flags(args: &[String], place: &Place) -> Result<usize, Diagnostic> {
    let end = args.iter().position(|argument| argument == "--");
    end.ok_or_else(|| unknown(place, "its arguments do not contain '--'"))
}

/// Returns where Tekton reads the results of the step in `container`, according to the entrypoint's arguments.
pub(super) fn results_from(container: &Value) -> ResultsFrom {
    let flags = flags(container);
    if flag(&flags, "-result_from") == Some("sidecar-logs") {
        return ResultsFrom::SidecarLogs;
    }
    let compressed = flags
        .iter()
        .any(|flag| flag == "-compress_termination_message=true");
    ResultsFrom::TerminationMessage { compressed }
}

/// Returns what the termination message of the step in `container` contains.
pub(super) fn messages(container: &Value, share: Share) -> Messages {
    if results_from(container) == ResultsFrom::SidecarLogs {
        return Messages::without_results(share);
    }
    let flags = flags(container);
    let names = |name| {
        let names = flag(&flags, name).unwrap_or_default().split(',');
        let names = names.filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    };
    Messages {
        share,
        results: names("-results"),
        step_results: names("-step_results"),
        step_metadata_dir: flag(&flags, "-step_metadata_dir").map(str::to_owned),
    }
}

/// Returns the entrypoint's own arguments.
fn flags(container: &Value) -> Vec<String> {
    let args = texts(container, "args").into_iter();
    args.take_while(|argument| argument != "--").collect()
}

fn flag<'a>(flags: &'a [String], name: &str) -> Option<&'a str> {
    let at = flags.iter().position(|flag| flag == name)?;
    flags.get(at + 1).map(String::as_str)
}

/// Replaces the redirector's arguments in `container`, a step at `place` whose command is the redirector. Fails if the step is
/// not in the form that Tekton generates.
pub(super) fn set_args(
    container: &mut Value,
    own: impl Iterator<Item = String>,
    place: &Place,
) -> Result<(), Diagnostic> {
    let mut args = texts(container, "args");
    args.truncate(end_of_flags(&args, place)? + 1);
    args.extend(own.map(|argument| kubelet_expansion::escape(&argument)));
    container["args"] = args.into();
    Ok(())
}

/// Inserts `prefix` before each platform's command. A run can add a second variable with this name (`podTemplate.env`), and the
/// last one takes effect, so all of them are changed. Returns `None` if the container has no such variable, or if a variable is
/// not in the form that Tekton generates.
fn wrap_image_command(container: &mut Value, prefix: &[String]) -> Option<()> {
    let variables = container.get_mut("env")?.as_array_mut()?.iter_mut();
    let mut variables = variables
        .filter(|variable| variable["name"] == PLATFORM_COMMANDS)
        .peekable();
    variables.peek()?;
    variables
        .map(|variable| wrap_platforms(variable, prefix))
        .collect()
}

fn wrap_platforms(variable: &mut Value, prefix: &[String]) -> Option<()> {
    let text = variable["value"].as_str()?;
    let commands: Map<String, Value> = serde_json::from_str(text).ok()?;
    let mut wrapped = Map::new();
    for (platform, command) in commands {
        let command = command.as_array()?;
        let prefix = prefix.iter().map(|argument| Value::from(argument.as_str()));
        let whole: Value = prefix.chain(command.iter().cloned()).collect();
        wrapped.insert(platform, whole);
    }
    variable["value"] = Value::from(wrapped).to_string().into();
    Some(())
}

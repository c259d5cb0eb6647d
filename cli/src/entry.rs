//! Dispatches the program's arguments to one of the commands.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use gleaner_runtime::program;

use crate::args::{Cli, Command, Completions};
use crate::failure::Failure;
use crate::{inject, lint, printing, render, run, translate, uninject};

/// The file name by which `kubectl` finds this plugin.
const KUBECTL_PLUGIN: &str = "kubectl-gleaner";

/// Runs the program with these arguments, including its own name.
///
/// Three commands are internal: `gleaner redirector` and `gleaner sidecar` are the two binaries of a pod, so that
/// this one file is all that a local run needs; `gleaner watcher` outlives a run that is killed.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let own = arguments.iter().skip(2).cloned();
    match arguments.get(1).and_then(|command| command.to_str()) {
        Some("redirector") => gleaner_redirector::main(own),
        Some("sidecar") => {
            return gleaner_sidecar::main(std::iter::once("gleaner-sidecar".into()).chain(own));
        }
        Some(run::WATCHER) => {
            run::watch(own);
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let mut command = Cli::command();
    if is_kubectl_plugin(arguments.first()) {
        command = command.bin_name("kubectl gleaner");
    }
    let parsed = command
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => dispatch(cli.command),
        Err(error) => program::print(&error),
    }
}

fn dispatch(command: Command) -> ExitCode {
    let ended = match command {
        Command::Run(options) => run::main(&options),
        Command::Render(options) => render::main(&options),
        Command::Lint(options) => lint::main(&options),
        Command::Translate(options) => translate::main(&options),
        Command::Inject(options) => inject::main(&options),
        Command::Uninject(options) => uninject::main(&options),
        Command::Completions(options) => completions(&options),
    };
    ended.unwrap_or_else(ExitCode::from)
}

fn completions(options: &Completions) -> Result<ExitCode, u8> {
    let mut text = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "gleaner", &mut text);
    printing::write(&String::from_utf8_lossy(&text)).map_err(Failure::print)?;
    Ok(ExitCode::SUCCESS)
}

fn is_kubectl_plugin(program: Option<&OsString>) -> bool {
    program.and_then(|program| Path::new(program).file_stem()) == Some(OsStr::new(KUBECTL_PLUGIN))
}

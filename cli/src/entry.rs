//! Dispatches the program's arguments to one of the commands.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use gleaner_runtime::program;

use crate::args::{Cli, Color, Command, Completions};
#[cfg(not(target_os = "linux"))]
use crate::elsewhere::{self as carried, self as run};
use crate::failure::Failure;
#[cfg(target_os = "linux")]
use crate::{carried, run};
use crate::{
    check, explain, init, inject, lint, man, printing, render, status, translate, uninject,
};

/// The file name by which `kubectl` recognizes the program as a plugin.
const KUBECTL_PLUGIN: &str = "kubectl-gleaner";

/// Runs the program with these arguments. As usual, the first argument is the program name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(name) = arguments.get(1).and_then(|command| command.to_str()) {
        let own = arguments.iter().skip(2).cloned();
        if let Some(ended) = carried::program(name, own) {
            return ended;
        }
    }
    if carried::is_standard_output_closed() {
        // Report a closed standard output here, because every command writes to standard output, as do --help and
        // --version.
        return ExitCode::from(Failure::unwritable("it is closed").print());
    }
    let mut command = Cli::command();
    if is_kubectl_plugin(arguments.first()) {
        command = command.bin_name("kubectl gleaner");
    }
    let parsed = command
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => {
            let color = match cli.color {
                Color::Auto => anstream::ColorChoice::Auto,
                Color::Always => anstream::ColorChoice::Always,
                Color::Never => anstream::ColorChoice::Never,
            };
            color.write_global();
            dispatch(cli.command)
        }
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
        Command::Init(options) => init::main(&options),
        Command::Explain(options) => explain::main(&options),
        Command::Schema => explain::print_schema(),
        Command::Check(options) => check::main(&options),
        Command::Status(options) => status::main(&options),
        Command::Completions(options) => completions(&options),
        Command::Man(options) => man::main(&options),
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

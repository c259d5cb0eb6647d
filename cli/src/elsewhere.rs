//! `gleaner run`, and the programs that it starts, on systems other than Linux: a message.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::args::Run;
use crate::failure::Failure;

/// The programs that only `gleaner run` starts.
const CARRIED: [&str; 3] = ["redirector", "sidecar", "watcher"];

pub(crate) fn main(_: &Run) -> Result<ExitCode, u8> {
    Err(refused("run"))
}

/// Returns the exit code of a carried program; none if there is no such program.
pub(crate) fn program(name: &str, _: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    CARRIED.contains(&name).then(|| refused(name).into())
}

fn refused(command: &str) -> u8 {
    let failure = Failure::unreachable(format_args!(
        "gleaner {command} requires Linux, because the steps run as processes under Gleaner's redirector; use a Linux machine or container. \
         lint, render, translate, inject, uninject, check and status run here"
    ));
    failure.print()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use gleaner_proto::exit_code;

    use super::*;
    use crate::args::{Cli, Command};

    #[test]
    fn what_needs_linux_is_refused_by_name_and_nothing_else() {
        for name in CARRIED {
            assert!(program(name, std::iter::empty()).is_some(), "{name}");
        }
        for name in ["run", "lint", "render", "uninject"] {
            assert!(program(name, std::iter::empty()).is_none(), "{name}");
        }
        let cli = Cli::parse_from(["gleaner", "run", "-f", "task.yaml"]);
        let Command::Run(options) = cli.command else {
            panic!("{cli:?}");
        };
        assert_eq!(main(&options), Err(exit_code::UNREACHABLE));
    }
}

//! Replacements for `gleaner run` and its internal programs on systems other than Linux: they print an error.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::args::Run;
use crate::failure::Failure;

/// The internal programs that only `gleaner run` starts.
const CARRIED: [&str; 3] = ["redirector", "sidecar", "watcher"];

pub(crate) fn main(_: &Run) -> Result<ExitCode, u8> {
    Err(refused("run"))
}

/// Prints that the internal program `name` requires Linux, and returns the exit code. Returns `None` if `name` is not an internal
/// program.
pub(crate) fn program(name: &str, _: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    CARRIED.contains(&name).then(|| refused(name).into())
}

/// Returns false, because a closed standard output is detected only on Linux.
pub(crate) const fn is_standard_output_closed() -> bool {
    false
}

fn refused(command: &str) -> u8 {
    let failure = Failure::unreachable(format_args!(
        "`gleaner {command}` requires Linux, because the program that runs the steps supports only Linux; use a Linux machine or container. \
         All other commands work on this system"
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
    fn only_commands_that_require_linux_fail_on_other_systems() {
        assert!(!is_standard_output_closed());
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

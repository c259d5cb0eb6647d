//! The sidecar, built with crash points for the suites that kill it.

use std::process::ExitCode;

fn main() -> ExitCode {
    gleaner_sidecar::main(std::env::args_os())
}

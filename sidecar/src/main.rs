//! The sidecar as a separate program.

use std::process::ExitCode;

fn main() -> ExitCode {
    gleaner_sidecar::main(std::env::args_os())
}

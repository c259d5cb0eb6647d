//! The sidecar as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    gleaner_sidecar::main(std::env::args_os())
}

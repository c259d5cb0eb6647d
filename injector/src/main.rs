//! The injector as a separate program.

use std::process::ExitCode;

fn main() -> ExitCode {
    gleaner_injector::main(std::env::args_os())
}

//! The injector as a program.

use std::process::ExitCode;

fn main() -> ExitCode {
    gleaner_injector::webhook::main(std::env::args_os())
}

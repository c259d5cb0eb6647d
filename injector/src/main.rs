//! The injector's executable.

use std::process::ExitCode;

fn main() -> ExitCode {
    gleaner_injector::main(std::env::args_os())
}

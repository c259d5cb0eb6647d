//! The command `gleaner`.

use std::process::ExitCode;

fn main() -> ExitCode {
    gleaner::main(std::env::args_os())
}

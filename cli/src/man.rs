//! `gleaner man`: writes the manual pages.

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::args::{Cli, Man};
use crate::failure::Failure;

/// Writes a page for each command.
pub(crate) fn main(options: &Man) -> Result<ExitCode, u8> {
    let directory = &options.directory;
    let command = Cli::command();
    let written = std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(command, directory));
    written.map_err(|error| {
        let directory = directory.display();
        Failure::usage(format_args!("cannot write to '{directory}': {error}")).print()
    })?;
    Ok(ExitCode::SUCCESS)
}

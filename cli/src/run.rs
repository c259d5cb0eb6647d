//! `gleaner run`.
use crate::args::Run;
use std::ffi::OsString;
use std::process::ExitCode;
/// Runs.
pub fn main(_options: &Run) -> ExitCode {
    ExitCode::SUCCESS
}
/// The sidecar.
pub(crate) fn sidecar_main(_arguments: impl Iterator<Item = OsString>) -> ExitCode {
    ExitCode::SUCCESS
}

//! Runs a step from start to finish: prepares the outputs directory, runs the command, posts its outputs, and exits with the
//! command's exit code.

use std::time::Duration;

use gleaner_proto::exit_code;

use crate::Exit;
use crate::body::Body;
use crate::command::{self, Ended};
use crate::directory::Directory;
use crate::failure::Failure;
use crate::finish;
use crate::options::Wrap;
use crate::outputs;
use crate::own_results::Fit;
use crate::report::{self, remark};
use crate::sidecar::Sidecar;

/// The maximum time for which the sidecar may be unreachable after a signal has terminated the command. In most such cases, the
/// pod and its sidecar are shutting down, and a longer wait would only delay the shutdown.
const AFTER_A_SIGNAL: Duration = Duration::from_secs(5);

/// Runs the command of one step.
pub(crate) fn wrap(options: &Wrap) -> Exit {
    match run(options) {
        Ok(exit) => exit,
        Err(failure) => {
            // The sidecar ignores the report if it has accepted the step's outputs.
            let code = failure.reason.code();
            if code != exit_code::UNREACHABLE {
                Sidecar::new(&options.common).failure(code);
            }
            report::failed(&options.common, &failure)
        }
    }
}

fn run(options: &Wrap) -> Result<Exit, Failure> {
    let folder = Directory::prepare(options)?;
    if options.preflight {
        Sidecar::new(&options.common).preflight()?;
    }
    Sidecar::new(&options.common).start();
    let ran = command::run(&options.command, folder.path());
    if ran.is_ok() {
        report::command_has_run();
    }
    match ran {
        Ok(ended) if ended.succeeded() => succeeded(options, &folder).map(|()| Exit::Code(0)),
        Ok(ended) => {
            failed(options, &folder, ended);
            Ok(ended.into())
        }
        Err(failure) => {
            let exit = report::failed(&options.common, &failure);
            failed(options, &folder, Ended::Code(failure.reason.code()));
            Ok(exit)
        }
    }
}

fn succeeded(options: &Wrap, folder: &Directory) -> Result<(), Failure> {
    let gathered = outputs::gather(options, folder.path(), true);
    if let Some(failure) = gathered.failure() {
        return Err(failure);
    }
    let common = &options.common;
    let measured = common.measure();
    match measured.fit() {
        Fit::Fits => {}
        Fit::NeverFits(message) => remark(common, &message),
        Fit::CrowdedOut(failure) => return Err(failure),
    }
    let body = Body::new(gathered.outputs, 0);
    Sidecar::new(common).outputs(&body, measured.own_results())?;
    if options.finish {
        finish::after_a_command(common)?;
    }
    Ok(())
}

/// Handles a failed command. Further errors are only reported, and do not change the exit code, because they must not hide the
/// command's failure.
fn failed(options: &Wrap, folder: &Directory, ended: Ended) {
    let gathered = outputs::gather(options, folder.path(), false);
    if let Some(failure) = gathered.failure() {
        remark(&options.common, &failure.message);
    }
    let mut sidecar = Sidecar::new(&options.common);
    if let Ended::Signal(_) = ended {
        sidecar = sidecar.within(AFTER_A_SIGNAL);
    }
    let body = Body::new(gathered.outputs, ended.exit_code());
    let own_results = options.common.measure().own_results();
    if let Err(failure) = sidecar.outputs(&body, own_results) {
        remark(&options.common, &failure.message);
    }
}

//! Reports failures and remarks, in the report file or on stderr. A failure is also written to Tekton's termination message, and
//! determines the exit code.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use gleaner_proto::report::Report;

use crate::failure::{Failure, one_line};
use crate::options::Common;
use crate::{Exit, termination};

/// True from the exit of the command until the redirector prints its first line.
static AFTER_A_COMMAND: AtomicBool = AtomicBool::new(false);

/// Records that a command has run. The redirector cannot detect whether the command's output ended with a newline, so it prints a
/// newline before its own first line.
pub(crate) fn command_has_run() {
    AFTER_A_COMMAND.store(true, Ordering::Relaxed);
}

/// Reports `failure`, and returns the exit code of the redirector.
pub(crate) fn failed(options: &Common, failure: &Failure) -> Exit {
    let reason = failure.reason.name();
    let exit_code = failure.reason.code();
    let report = Report::Failed {
        reason: reason.to_owned(),
        exit_code,
        message: one_line(&failure.message),
        failures: failure.failures.clone(),
    };
    tell(options, &report, &failure.message);
    termination::write(options, reason, &failure.message);
    Exit::Code(exit_code)
}

/// Reports a failure that occurs before the step's name is known.
pub(crate) fn failed_without_step(failure: &Failure) -> Exit {
    print(&format!("gleaner: {}", one_line(&failure.message)));
    Exit::Code(failure.reason.code())
}

/// Reports a message that does not affect the step's exit code.
pub(crate) fn remark(options: &Common, message: &str) {
    let report = Report::Remark {
        message: one_line(message),
    };
    tell(options, &report, message);
}

/// Appends `report` to the report file. If no report file is configured, or if writing fails, returns false, and the caller
/// must print the report.
pub(crate) fn append(options: &Common, report: &Report) -> bool {
    let path = options.report_file.as_deref();
    path.is_some_and(|path| write(path, report).is_ok())
}

fn tell(options: &Common, report: &Report, message: &str) {
    if !append(options, report) {
        print(&format!(
            "gleaner: step '{}': {}",
            options.step,
            one_line(message)
        ));
    }
}

fn print(line: &str) {
    print_lines(&mut io::stderr(), &format!("{line}\n"));
}

/// Prints `lines`, which must end with a newline.
pub(crate) fn print_lines(out: &mut impl io::Write, lines: &str) {
    let begin = match AFTER_A_COMMAND.swap(false, Ordering::Relaxed) {
        true => "\n",
        false => "",
    };
    // A single write keeps the lines together if the command's background processes also write to stderr. A closed stderr is not
    // a failure.
    let _ = out.write_all(format!("{begin}{lines}").as_bytes());
}

fn write(path: &Path, report: &Report) -> io::Result<()> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    // The file is opened for each report, so that the command does not inherit it.
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(&line)
}

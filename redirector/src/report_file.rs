//! Reports for a program, in the file that it has named.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use gleaner_proto::report::Report;

use crate::options::Common;

/// Appends `report` to the file of `options`. Returns false if it names none, or the file cannot be written: then the report
/// is to be printed.
pub(crate) fn append(options: &Common, report: &Report) -> bool {
    let path = options.report_file.as_deref();
    path.is_some_and(|path| write(path, report).is_ok())
}

fn write(path: &Path, report: &Report) -> io::Result<()> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    // Opened for each report, so that no command inherits it.
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(&line)
}

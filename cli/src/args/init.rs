//! The options of `gleaner init`.

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = INIT_EXAMPLES)]
pub(crate) struct Init {
    /// A file with Tasks, or - for standard input.
    #[arg(short = 'f', long, value_name = "FILE")]
    filename: Option<String>,
    /// The same as -f FILE.
    #[arg(value_name = "PATH", conflicts_with = "filename")]
    path: Option<String>,
}

impl Init {
    /// Returns the file, given with or without `-f`.
    pub(crate) fn file(&self) -> Option<&String> {
        self.filename.as_ref().or(self.path.as_ref())
    }
}

const INIT_EXAMPLES: &str = "\
Examples:
  gleaner init > task.yaml && gleaner run -f task.yaml

  # Add a declaration to the Tasks of a file:
  gleaner init -f task.yaml > declared.yaml && gleaner lint -f declared.yaml

Exit codes: 0; 64 the command line is wrong or the file cannot be read; 78 the file contains no Task, or a Task that \
is invalid, has a declaration, or has its metadata in braces.";

//! The options of `gleaner lint`.

use clap::{Args, ValueEnum};

use super::Files;

#[derive(Debug, Args)]
#[command(after_help = LINT_EXAMPLES)]
pub(crate) struct Lint {
    #[command(flatten)]
    pub(crate) files: Files,
    /// Fail on warnings, too.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Check the files for use in a cluster without the webhook, and also report what `gleaner inject` cannot inject.
    #[arg(long)]
    pub(crate) without_webhook: bool,
    /// Set the output format; defaults to human on a terminal, and short otherwise.
    #[arg(short = 'o', long, value_name = "FORM", value_enum)]
    pub(crate) format: Option<LintFormat>,
}

const LINT_EXAMPLES: &str = "\
Examples:
  gleaner lint -f examples/*.yaml
  kustomize build overlay | gleaner lint -f -
  gleaner lint --strict -f task.yaml
  gleaner lint -f task.yaml --format json | jq '.[].message'

  # In GitHub Actions: annotate the lines of the pull request, or write a log for
  # github/codeql-action/upload-sarif:
  gleaner lint --format github tasks/*.yaml
  gleaner lint --format sarif tasks/*.yaml > gleaner.sarif

Exit codes: 0 no errors; 1 errors, or with --strict warnings; 64 the command line is wrong; 66 a file cannot be read, \
or no file contains a document.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LintFormat {
    /// One line for each error or warning: FILE:LINE:COLUMN: error: PLACE: MESSAGE; REMEDY.
    Short,
    /// Each finding with its source line, and a mark below the column.
    Human,
    /// A JSON array of objects with file, line, column, place, severity, message and help.
    Json,
    /// A SARIF 2.1.0 log, for code scanning.
    Sarif,
    /// GitHub Actions workflow commands, which GitHub shows in the pull request.
    Github,
}

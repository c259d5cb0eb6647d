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
    /// Check for a cluster without the webhook, and report what gleaner inject cannot do.
    #[arg(long)]
    pub(crate) without_webhook: bool,
    /// Format of the findings; by default human on a terminal, and short elsewhere.
    #[arg(short = 'o', long, value_name = "FORM", value_enum)]
    pub(crate) format: Option<LintFormat>,
}

const LINT_EXAMPLES: &str = "\
Examples:
  gleaner lint -f examples/*.yaml
  kustomize build overlay | gleaner lint -f -
  gleaner lint --strict -f task.yaml
  gleaner lint -f task.yaml --format json | jq '.[].message'

  # In GitHub Actions: at the lines of the pull request, or for github/codeql-action/upload-sarif:
  gleaner lint --format github tasks/*.yaml
  gleaner lint --format sarif tasks/*.yaml > gleaner.sarif

Exit codes: 0 no errors; 1 errors, or with --strict warnings; 64 the command line is wrong; 66 a file cannot
be read, or no file contains a document.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LintFormat {
    /// One line FILE:LINE:COLUMN: error: PLACE: MESSAGE; REMEDY for each error or warning.
    Short,
    /// Each with its line of the file, and a mark at the column.
    Human,
    /// An array of file, line, column, place, severity, message, help.
    Json,
    /// A log in SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions, which shows them in the pull request.
    Github,
}

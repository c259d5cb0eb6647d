//! The options of `gleaner explain`.

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub(crate) struct Explain {
    /// The field to describe, such as objects.waitFor; defaults to the whole declaration.
    #[arg(value_name = "FIELD")]
    pub(crate) field: Option<String>,
    /// Print the names and types of all nested fields, without descriptions.
    #[arg(long)]
    pub(crate) recursive: bool,
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  gleaner explain
  gleaner explain objects.resourceTemplate
  gleaner explain steps.build[0].trim
  gleaner explain --recursive

Exit codes: 0; 64 the command line is wrong, or the field does not exist.";

pub(super) const SCHEMA_EXAMPLES: &str = "\
Examples:
  gleaner schema > outputs.schema.json

  # The first line of a declaration in a separate file, for editors with the YAML language server
  # (VS Code, Neovim):
  # yaml-language-server: $schema=outputs.schema.json";

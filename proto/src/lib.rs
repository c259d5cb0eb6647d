//! The contract of Gleaner, without any I/O: what everybody agrees on and nobody owns alone.
//!
//! | module | holds |
//! | --- | --- |
//! | [`declaration`] | what a Task declares: outputs, templates, when to submit; the reader and the one validator |
//! | [`variable`] | the language of `$(...)`, and substitution on the parsed tree |
//! | [`message`] | the HTTP messages between redirector and sidecar |
//! | [`arguments`] | the sidecar's arguments, from the Task to the container |
//! | [`output`] | one output: type, trim, when; and how it is written on a command line |
//! | [`name`] | step, output and resource names |
//! | [`kubernetes`] | annotations, labels, kinds |
//! | [`mod@path`] | paths in a pod |
//! | [`exit_code`] | how Gleaner's own failures show |
//! | [`yaml`], [`diagnostic`] | YAML with positions, errors with place and remedy |
//! | [`duration`], [`size`] | `5m`, `16MiB` |

#[cfg(feature = "declaration")]
pub mod arguments;
#[cfg(feature = "declaration")]
pub mod declaration;
#[cfg(feature = "declaration")]
pub mod diagnostic;
pub mod duration;
pub mod exit_code;
pub mod kubernetes;
pub mod message;
pub mod name;
pub mod output;
pub mod path;
pub mod size;
#[cfg(feature = "declaration")]
pub mod variable;
#[cfg(feature = "declaration")]
pub mod yaml;

pub use name::{OutputName, ResourceName, StepName};
pub use output::{OutputSpec, OutputType, Trim, When};

//! The contract of Gleaner, without any I/O.

#[cfg(feature = "declaration")]
pub mod declaration;
pub mod exit_code;
pub mod kubernetes;
pub mod message;
pub mod name;
pub mod output;
pub mod path;

pub use name::{OutputName, ResourceName, StepName};
pub use output::{OutputSpec, OutputType, Trim, When};

//! The command `gleaner`, also `kubectl gleaner`: what the cluster does, at a terminal.
//!
//! | module | holds |
//! | --- | --- |
//! | [`args`] | the command line |
//! | [`document`] | files, their documents, findings about them |
//! | [`task`] | a Task: the model, and the two syntaxes of the declaration beside it |
//! | [`values`] | values from the command line, for parameters and outputs |
//! | [`lint`], [`render`], [`run`] | a command each |
//! | [`terminal`] | colour, and only on a terminal |

pub mod args;
pub mod document;
pub mod lint;
pub mod render;
pub mod run;
pub mod task;
pub mod terminal;
pub mod values;

mod entry;

pub use entry::main;

//! The command `gleaner`, also `kubectl gleaner`: what the cluster does, at a terminal.
//!
//! | module | holds |
//! | --- | --- |
//! | [`args`] | the command line |
//! | [`values`] | values from the command line, for parameters and outputs |
//! | [`lint`], [`render`], [`run`], [`translate`], [`inject`] | a command each |
//! | [`terminal`] | colour, and only on a terminal |

pub mod args;
pub mod inject;
pub mod lint;
pub mod render;
pub mod run;
pub mod terminal;
pub mod translate;
pub mod values;

mod entry;
mod files;
mod printing;

pub use entry::main;

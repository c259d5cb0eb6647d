//! The command `gleaner`, also `kubectl gleaner`: what the cluster does, at a terminal.
//!
//! | module | holds |
//! | --- | --- |
//! | `args` | the command line |
//! | `values` | values from the command line, for parameters and outputs |
//! | `lint`, `render`, `run`, `translate`, `inject`, `uninject` | a command each |
//! | `checking` | the checks of documents, as all commands make them |
//! | `duplicates` | documents of one name |
//! | `files`, `printing` | reading and printing of documents |
//! | `terminal`, `failure` | colors, messages, exit codes |

mod args;
mod checking;
mod duplicates;
mod entry;
mod failure;
mod files;
mod inject;
mod lint;
mod printing;
mod render;
mod run;
mod terminal;
mod translate;
mod uninject;
mod values;

pub use entry::main;

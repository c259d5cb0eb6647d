//! The contract between Gleaner's processes: the data that they exchange, and nothing else.
//!
//! | module | holds |
//! | --- | --- |
//! | [`message`] | the HTTP messages between redirector and sidecar |
//! | [`report`] | reports of the redirector to `gleaner run` |
//! | [`openapi`] | the OpenAPI document of the HTTP API |
//! | [`failure`] | failures as data: codes, and the objects that remain |
//! | [`arguments`] | the sidecar's arguments, from the Task to the container |
//! | [`redirector`] | the redirector's command line |
//! | [`traces`] | the sidecar's environment variables for traces |
//! | [`route`] | the routes of the sidecar's HTTP API |
//! | [`output`] | one output: type, trim, when; and its form on a command line |
//! | [`encoding`] | UTF-8 in files, and the detection of other encodings |
//! | [`number`] | numbers that reach the API server unchanged |
//! | [`name`] | step, output and resource names |
//! | [`kubernetes`] | annotations, labels, kinds |
//! | [`mod@path`] | paths in a pod |
//! | [`exit_code`] | exit codes of Gleaner's own failures |
//! | [`duration`], [`size`] | durations such as `5m`, sizes such as `16MiB` |

pub mod arguments;
pub mod duration;
pub mod encoding;
pub mod exit_code;
pub mod failure;
pub mod kubernetes;
pub mod message;
pub mod name;
pub mod number;
pub mod openapi;
pub mod output;
pub mod path;
pub mod preview;
pub mod redirector;
pub mod report;
pub mod route;
pub mod size;
pub mod traces;

pub use name::{OutputName, ResourceName, StepName};
pub use output::{OutputSpec, OutputType, Trim, When};

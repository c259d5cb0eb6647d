//! The contract between Gleaner's processes: the data that they exchange, and nothing else.
//!
//! | module | holds |
//! | --- | --- |
//! | [`message`] | the HTTP messages between redirector and sidecar |
//! | [`report`] | the reports that the redirector writes for `gleaner run` |
//! | [`openapi`] | the OpenAPI document of the HTTP API |
//! | [`failure`] | failures as data: codes, and the objects that remain |
//! | [`arguments`] | the sidecar's arguments, in the Task, in the pod and in the container |
//! | [`redirector`] | the redirector's command line |
//! | [`traces`] | the sidecar's environment variables for traces |
//! | [`route`] | the routes of the sidecar's HTTP API |
//! | [`output`] | an output: its type, its trimming, its condition, and its form on the redirector's command line |
//! | [`encoding`] | the decoding of UTF-8 files, and the detection of UTF-16 and UTF-32 |
//! | [`number`] | detection of numbers that the API server would change |
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

//! The sidecar of Gleaner.
pub mod collector;
pub mod problem;
pub mod rendering;
pub mod run;

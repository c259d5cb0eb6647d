//! Gleaner's domain logic, which is pure: no I/O, no async runtime, no HTTP, no Kubernetes client.
//!
//! The modules, in the order in which they are used:
//!
//! | module | contains |
//! | --- | --- |
//! | [`document`] | YAML with positions, findings, and the YAML writer |
//! | [`declaration`] | a Task's declaration: outputs, templates and the submission trigger, with its reader and validator |
//! | [`variable`] | the syntax of `$(...)` variables, and their substitution in the parsed tree |
//! | [`kinds`] | Kubernetes' own kinds, and the types of their fields |
//! | [`mod@task`] | the parts of a Task that Gleaner needs, and the declaration sites |
//! | [`run`] | the identity of a run: context, labels, owner |
//! | [`collect`] | the state of a run: the accepted outputs, and the condition that starts the submission |
//! | [`render`] | the rendering of objects from templates and values |
//! | [`results`] | the Tekton results for each created object |
//! | [`finish`] | the container that reports to the sidecar that all steps have finished |
//! | [`inject`] | the injection of the sidecar and the redirector into Tasks and pods |
//! | [`check`] | all checks for a document |

pub mod check;
pub mod collect;
pub mod declaration;
pub mod document;
pub mod finish;
pub mod inject;
pub mod kinds;
pub mod render;
pub mod results;
pub mod run;
pub mod task;
pub mod variable;

//! The domain of Gleaner, pure: no I/O, no async runtime, no HTTP, no Kubernetes client.
//!
//! In the order of the product:
//!
//! | module | holds |
//! | --- | --- |
//! | [`document`] | YAML with positions, findings about it, and the YAML writer |
//! | [`declaration`] | what a Task declares: outputs, templates, when to submit; the reader and the one validator |
//! | [`variable`] | the language of `$(...)`, and substitution on the parsed tree |
//! | [`kinds`] | Kubernetes' own kinds, and the types of their fields |
//! | [`mod@task`] | a Task as far as Gleaner must know it, and the sites where a declaration can be |
//! | [`run`] | the identity of a run: context, labels, owner |
//! | [`collect`] | the state of a run: which outputs arrived, when to submit |
//! | [`render`] | from templates and values to objects |
//! | [`results`] | what the next task gets of each created object |
//! | [`finish`] | who tells the sidecar that all steps have ended |
//! | [`inject`] | Tasks and pods with sidecar and redirector |
//! | [`check`] | everything that there is to say of a document |

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

//! A Task as far as Gleaner must know it: parameters, steps, workspaces, results, and the declaration beside it.
//!
//! | module | holds |
//! | --- | --- |
//! | [`consistency`] | what a declaration says that the TaskSpec beside it does not bear out |
//! | `early_creation` | objects that are created while steps are still to run |
//! | [`site`] | where in a document a declaration stands, and what it may refer to there |
//! | [`name`] | names that a cluster would take |
//! | `pod_template` | the pod templates in a document |
//! | [`proposal`] | the syntax of the 2019 proposal, turned into a declaration |
//! | [`resource_templates`] | the objects that Tekton Triggers creates |
//! | [`spec`] | the TaskSpec: its parameters ([`param`]), steps ([`step`]), workspaces and results |
//! | [`selection`] | which of several Tasks is meant |
//! | `syntax` | the two ways in which a declaration is written |
//! | [`step_variables`] | variables in steps that Tekton refuses or leaves unchanged |

pub mod consistency;
mod early_creation;
pub mod name;
pub mod param;
mod pod_template;
pub mod proposal;
pub mod resource_templates;
pub mod selection;
pub mod site;
pub mod spec;
pub mod step;
pub mod step_variables;
mod syntax;

pub use param::{ParamKind, ParamSpec};
pub use selection::{SelectionError, Task};
pub use site::{DeclarationSite, Declared};
pub use spec::TaskSpec;
pub use step::{Action, Environment, Step};

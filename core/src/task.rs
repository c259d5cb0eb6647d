//! The parts of a Task that Gleaner needs: parameters, steps, workspaces, results, and the declaration.
//!
//! | module | contains |
//! | --- | --- |
//! | [`consistency`] | contradictions between a declaration and its TaskSpec |
//! | `early_creation` | the warning about objects that are created before the last step runs |
//! | [`fields`] | the fields of Tekton's documents, in each version |
//! | [`site`] | the declaration sites in a document, and the names in the scope of each |
//! | [`name`] | the names of Tasks and their runs |
//! | [`pipeline`] | errors that make Tekton reject a Pipeline |
//! | `pod_template` | the pod templates in a document |
//! | [`proposal`] | the conversion of the 2019 proposal's syntax to a declaration |
//! | [`resource_templates`] | the templates of the objects that Tekton Triggers creates |
//! | [`spec`] | the TaskSpec: its parameters ([`param`]), steps ([`step`]), workspaces and results |
//! | [`selection`] | the selection of one Task among several |
//! | `syntax` | the two syntaxes of a declaration |
//! | [`structure`] | errors in a TaskSpec that make Tekton or the API server reject it |
//! | [`step_variables`] | variables that Tekton rejects or leaves unchanged in steps |

pub mod consistency;
mod early_creation;
pub mod fields;
pub mod name;
pub mod param;
pub mod pipeline;
pub(crate) mod pod_template;
pub mod proposal;
pub mod resource_templates;
pub mod selection;
pub mod site;
pub mod spec;
pub mod step;
pub mod step_variables;
pub mod structure;
mod syntax;

pub use param::{ParamKind, ParamSpec};
pub use selection::{SelectionError, Task};
pub use site::{DeclarationSite, Declared};
pub use spec::TaskSpec;
pub use step::{Action, Environment, Step};

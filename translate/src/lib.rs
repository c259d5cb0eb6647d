//! Translates the proposal's documents, and PipelineResources of Tekton v1alpha1 and v1beta1, to Tekton v1.
//!
//! Parsed documents in, JSON documents or findings out: no file system, no terminal, no cluster.
//!
//! | module | holds |
//! | --- | --- |
//! | `documents` | all documents, in the order of their dependencies |
//! | `task`, `pipeline`, `run` | the translation of each kind |
//! | `input_resource`, `binding` | resources: their declarations, and their bindings |
//! | `interface` | the inputs and outputs of a Task or Pipeline |
//! | `outputs` | the declaration, moved into the annotation |
//! | `git_source` | the step that clones a git resource |
//! | `variables` | `$(...)` |
//! | `versions` | fields that v1 renamed, moved or removed |
//! | `resource_type` | the types of PipelineResources |
//! | `catalogue` | existing PipelineResources |
//! | `desk`, `edit` | findings about a document; changes to one |

mod binding;
mod catalogue;
mod desk;
mod documents;
mod edit;
mod git_source;
mod input_resource;
mod interface;
mod outputs;
mod pipeline;
mod resource_type;
mod run;
mod task;
mod variables;
mod versions;

pub use catalogue::{Fetched, Missing};
pub use documents::{Refusal, Settings, translate};

//! Translates the proposal's documents, and PipelineResources of Tekton v1alpha1 and v1beta1, to Tekton v1.
//!
//! Parsed documents in, JSON documents or findings out: no file system, no terminal, no cluster.
//!
//! | module | holds |
//! | --- | --- |
//! | `documents` | all documents, in the order of their dependencies: Tasks, Pipelines, runs |
//! | `task`, `pipeline` | a TaskSpec, and a PipelineSpec |
//! | `resource_lists` | the lists of resources in a spec, in each of their spellings |
//! | `input_resource`, `binding` | their entries: declarations, and bindings |
//! | `interface` | the inputs and outputs of a Task or Pipeline |
//! | `outputs` | the declaration, moved into the annotation |
//! | `git_source` | the step that clones a git resource |
//! | `variables` | `$(...)` |
//! | `versions` | fields that v1 renamed, moved or removed |
//! | `resource_type` | the types of PipelineResources |
//! | `catalogue` | PipelineResources that exist |
//! | `shape` | the shape of a document |

mod binding;
mod catalogue;
mod documents;
mod git_source;
mod input_resource;
mod interface;
mod outputs;
mod pipeline;
mod resource_lists;
mod resource_type;
mod shape;
mod task;
mod variables;
mod versions;

pub use catalogue::{Fetched, Missing};
pub use documents::{Refusal, Settings, translate};

//! Translates documents in the proposal's syntax, and PipelineResources of Tekton v1alpha1 and v1beta1, to Tekton v1.
//!
//! The input consists of parsed documents, and the output of JSON documents or findings. The crate does not access files,
//! terminals or clusters.
//!
//! | module | content |
//! | --- | --- |
//! | `documents` | the translation of all documents, in the order of their dependencies |
//! | `task`, `pipeline` | the translation of a TaskSpec and of a PipelineSpec |
//! | `resource_lists` | the lists of resources in a spec, in all their syntaxes |
//! | `input_resource`, `binding` | the entries of these lists: declarations and bindings |
//! | `interface` | the inputs and outputs of a Task or a Pipeline |
//! | `draft`, `kind` | a document during its translation, its kind and its version |
//! | `inner` | Tekton objects that are part of another document, such as a TriggerTemplate |
//! | `field_names` | the case of field names |
//! | `outputs` | moving the declaration into the annotation |
//! | `created` | warnings about old Tekton objects that a declaration creates |
//! | `git_source` | the step that clones a git resource |
//! | `variables` | finding and replacing `$(...)` in strings |
//! | `passed_variables` | variables of resources in a run or a pipeline task |
//! | `working_directory` | the old default working directory and HOME of steps |
//! | `run_fields` | fields of runs that v1 renamed, moved or removed |
//! | `versions` | fields of Tasks and references that v1 renamed, moved or removed |
//! | `resource_type` | the types of PipelineResources |
//! | `catalogue` | existing PipelineResources |
//! | `kept_resource` | checks for the PipelineResources that the output includes |
//! | `shape` | type checks for a document's fields |

mod binding;
mod catalogue;
mod created;
mod documents;
mod draft;
mod field_names;
mod git_source;
mod inner;
mod input_resource;
mod interface;
mod kept_resource;
mod kind;
mod outputs;
mod passed_variables;
mod pipeline;
mod resource_lists;
mod resource_type;
mod run_fields;
mod shape;
mod task;
mod variables;
mod versions;
mod working_directory;

pub use catalogue::{Fetched, Missing};
pub use documents::{Refusal, Settings, Translation, translate};

//! `gleaner translate`: the proposal's documents, and Tekton's of its time, in the words of Tekton v1.
//!
//! | module | its one job |
//! | --- | --- |
//! | `documents` | all documents, in the order in which they depend on each other |
//! | `task`, `pipeline`, `run` | a kind each |
//! | `port`, `binding` | resources: where they are declared, and where they are bound |
//! | `interface` | what a Task or Pipeline takes in and gives |
//! | `outputs` | the declaration, into the annotation |
//! | `git_source` | the step that clones |
//! | `variables` | `$(...)` |
//! | `versions` | other names of v1alpha1 and v1beta1 |
//! | `resource_type` | the types of PipelineResources, and which have an equal |
//! | `catalogue`, `cluster` | PipelineResources that exist already |
//! | `desk`, `edit` | what is wrong with a document; changes to one |

mod binding;
mod catalogue;
mod cluster;
mod desk;
mod documents;
mod edit;
mod git_source;
mod interface;
mod outputs;
mod pipeline;
mod port;
mod resource_type;
mod run;
mod task;
mod variables;
mod versions;

use std::process::ExitCode;

use gleaner_proto::exit_code;
use serde_json::Value;

use crate::args::Translate;
use crate::printing::{print, read_all};
use crate::terminal::{self, error};
use catalogue::Catalogue;
use documents::Settings;

pub use git_source::DEFAULT_IMAGE as DEFAULT_GIT_IMAGE;

/// Prints the documents as Tekton v1 takes them, or everything that is in the way.
pub fn main(options: &Translate) -> ExitCode {
    let translated = translate(options);
    let code = match translated {
        Ok(documents) => return print(&documents, options.form),
        Err(code) => code,
    };
    ExitCode::from(code)
}

/// Translates; or says on standard error what is wrong and gives the exit code.
fn translate(options: &Translate) -> Result<Vec<Value>, u8> {
    let sources = read_all(&options.files)?;
    let mut catalogue = Catalogue::of_files(&sources);
    let settings = Settings {
        git_image: &options.git_image,
        resources: !options.no_resources,
    };
    let mut translated = documents::translate(&sources, &catalogue, settings);
    let missed = catalogue.missed();
    if options.cluster.is_given() && !missed.is_empty() {
        let fetched = cluster::fetch(&options.cluster, &missed);
        let (cluster, found) = fetched.map_err(|found| {
            let code = if found.is_of_command_line() {
                exit_code::USAGE
            } else {
                exit_code::UNREACHABLE
            };
            error(found);
            code
        })?;
        for (namespace, document) in found {
            catalogue.add_fetched(&cluster, namespace, document);
        }
        catalogue.cluster = Some(cluster);
        translated = documents::translate(&sources, &catalogue, settings);
    }
    translated.map_err(|findings| {
        for finding in &findings {
            anstream::eprintln!("{}", terminal::finding(finding));
        }
        exit_code::DECLARATION
    })
}

//! `gleaner translate`: the proposal's documents, and PipelineResources of old Tekton versions, as Tekton v1.

mod cluster;

use std::process::ExitCode;

use gleaner_proto::exit_code;
use gleaner_translate::{Refusal, Settings};
use serde_json::Value;

use crate::args::Translate;
use crate::printing::{print, read_all};
use crate::terminal::{self, error};

/// Prints the translated documents, or everything that cannot be translated.
pub fn main(options: &Translate) -> ExitCode {
    match translate(options) {
        Ok(documents) => print(&documents, options.form),
        Err(code) => ExitCode::from(code),
    }
}

/// Translates; on failure, prints the findings to standard error and returns the exit code.
fn translate(options: &Translate) -> Result<Vec<Value>, u8> {
    let sources = read_all(&options.files)?;
    let settings = Settings {
        git_image: options.git_image.clone(),
        keep_resources: !options.no_resources,
    };
    let translate = |fetched| gleaner_translate::translate(&sources, fetched, &settings);
    let translated = match translate(None) {
        Err(Refusal { missing, .. }) if options.cluster.is_given() && !missing.is_empty() => {
            let fetched = cluster::fetch(&options.cluster, &missing).map_err(|found| {
                let code = found.exit_code();
                error(found);
                code
            })?;
            translate(Some(&fetched))
        }
        other => other,
    };
    translated.map_err(|refusal| {
        for finding in &refusal.findings {
            anstream::eprintln!("{}", terminal::finding(finding));
        }
        exit_code::DECLARATION
    })
}

//! `gleaner inject`: injects Gleaner into Tasks and pods ahead of time, for a cluster without the webhook.

mod documents;

use std::process::ExitCode;

use gleaner_core::check;
use gleaner_core::document::{Finding, Source};
use gleaner_core::inject::Settings;
use gleaner_core::inject::settings::Resources;
use gleaner_proto::exit_code;
use serde_json::Value;

use crate::args::Inject;
use crate::checking;
use crate::failure::Failure;
use crate::printing::{print, read_all};
use crate::terminal;
use documents::{Cluster, inject};

/// Prints the documents with the redirector and the sidecar injected; if there are errors, prints all of them instead.
pub(crate) fn main(options: &Inject) -> Result<ExitCode, u8> {
    let settings = settings(options);
    if let Err(message) = settings.resources.check_flags() {
        return Err(Failure::usage(message).print());
    }
    let sources = read_all(&options.files.all())?;
    let cluster = Cluster {
        settings,
        results_from: options.results_from,
    };
    let (documents, findings) = inject_all(&sources, &cluster);
    terminal::print_findings(&findings);
    if findings.iter().any(terminal::is_error) {
        return Err(exit_code::DECLARATION);
    }
    print(&documents, options.form)
}

/// Returns the injected documents, and the findings.
fn inject_all(sources: &[Source], cluster: &Cluster) -> (Vec<Value>, Vec<Finding>) {
    let tasks = check::object_results(sources.iter().flat_map(|source| &source.documents));
    let mut documents = Vec::new();
    let mut findings = Vec::new();
    let mut asked = false;
    for source in sources {
        for document in &source.documents {
            let (document, asks) = inject(source, document, cluster, &tasks, &mut findings);
            asked |= asks;
            documents.push(document);
        }
    }
    if !asked && let Some(first) = sources.first() {
        findings.push(documents::nothing_asks(first));
    }
    (documents, findings)
}

fn settings(options: &Inject) -> Settings {
    let quantity = |flag: &Option<String>, default: String| flag.clone().unwrap_or(default);
    let default = Resources::default();
    Settings {
        image: options.image.clone(),
        image_pull_policy: options.image_pull_policy,
        resources: Resources {
            cpu_request: quantity(&options.cpu_request, default.cpu_request),
            cpu_limit: quantity(&options.cpu_limit, default.cpu_limit),
            memory_request: quantity(&options.memory_request, default.memory_request),
            memory_limit: quantity(&options.memory_limit, default.memory_limit),
        },
        run_as_user: options.run_as_user,
        log_level: options.sidecar_log_level.clone(),
        traces_endpoint: options.traces_endpoint.clone(),
        ..checking::settings()
    }
}

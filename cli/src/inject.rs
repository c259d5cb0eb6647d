//! `gleaner inject`: what the webhook would do to Tasks and pods, done here, for a cluster where nobody may install one.

mod documents;

use std::process::ExitCode;

use gleaner_core::document::{Finding, Severity, Source};
use gleaner_core::inject::Settings;
use gleaner_core::inject::settings::{PullPolicy, Resources, Sidecars};
use gleaner_proto::exit_code;
use serde_json::Value;

use crate::args::{Inject, Pull};
use crate::printing::{print, read_all};
use crate::terminal;
use documents::inject;

/// Prints the documents with redirector and sidecar in them, or everything that is in the way.
pub fn main(options: &Inject) -> ExitCode {
    let sources = match read_all(&options.files) {
        Ok(sources) => sources,
        Err(code) => return ExitCode::from(code),
    };
    let (documents, findings) = inject_all(&sources, &settings(options));
    for finding in &findings {
        anstream::eprintln!("{}", terminal::finding(finding));
    }
    let is_wrong = |finding: &Finding| finding.severity == Severity::Error;
    if findings.iter().any(is_wrong) {
        return ExitCode::from(exit_code::DECLARATION);
    }
    print(&documents, options.form)
}

/// What the documents become, and what is to be said of them.
fn inject_all(sources: &[Source], settings: &Settings) -> (Vec<Value>, Vec<Finding>) {
    let mut documents = Vec::new();
    let mut findings = Vec::new();
    let mut asked = false;
    for source in sources {
        for document in &source.documents {
            let injected = inject(source, document, settings);
            asked |= injected.asked;
            findings.extend(injected.findings);
            documents.push(injected.document);
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
        image_pull_policy: options.image_pull_policy.map(|policy| match policy {
            Pull::Always => PullPolicy::Always,
            Pull::IfNotPresent => PullPolicy::IfNotPresent,
            Pull::Never => PullPolicy::Never,
        }),
        resources: Resources {
            cpu_request: quantity(&options.cpu_request, default.cpu_request),
            cpu_limit: quantity(&options.cpu_limit, default.cpu_limit),
            memory_request: quantity(&options.memory_request, default.memory_request),
            memory_limit: quantity(&options.memory_limit, default.memory_limit),
        },
        run_as_user: options.run_as_user,
        // Of Tasks it is Tekton's in any case; a pod's would never end beside the others.
        sidecars: Sidecars::Native,
        log_level: options.sidecar_log_level.clone(),
    }
}

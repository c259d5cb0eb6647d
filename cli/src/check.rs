//! `gleaner check`: reports problems in a cluster that keep Gleaner from working, each with a remedy.
//!
//! | module | checks |
//! | --- | --- |
//! | `kubernetes` | the API server and its version |
//! | `tekton` | Tekton's kinds, version and feature flags |
//! | `webhook` | Gleaner's webhook configuration, its place in the call order, and its CA |
//! | `injector` | the injector's Service, pods, release and certificate |
//! | `policies` | the ValidatingAdmissionPolicies and the kind PipelineResource |
//! | `namespace` | the namespace's labels, Pod Security and ServiceAccount |
//! | `dry_run` | injection into a Task that is created as a dry run |
//! | `declarations` | the kinds and permissions that the declarations in files require |
//!
//! `cluster` reads from the cluster, `certificate` and `selector` evaluate what was read, and `report` prints the checks.

mod certificate;
mod cluster;
mod declarations;
mod dry_run;
mod injector;
mod kubernetes;
mod namespace;
mod policies;
mod report;
mod selector;
mod tekton;
mod webhook;

use std::process::ExitCode;

use gleaner_core::document::Source;
use gleaner_proto::exit_code;
use jiff::Timestamp;

use crate::api_server::{block_on, connect, namespace};
use crate::args::{Check, ReportForm};
use crate::failure::Failure;
use crate::files;
use crate::printing;
use crate::terminal;
use cluster::Cluster;
use report::Report;

/// The exit code if a check failed.
const FAILED: u8 = 1;

/// Checks the cluster, prints the report, and returns the exit code.
pub(crate) fn main(options: &Check) -> Result<ExitCode, u8> {
    let sources = read(&options.filenames)?;
    let report = block_on(check(options, &sources)).map_err(Failure::print)?;
    match options.form {
        ReportForm::Human => printing::write_colored(&report.to_text()),
        ReportForm::Json => printing::write(&report.to_json()),
    }
    .map_err(Failure::print)?;
    Ok(match report.is_success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(FAILED),
    })
}

/// Reads the files. If that fails, returns the same exit code as `gleaner lint`.
fn read(filenames: &[String]) -> Result<Vec<Source>, u8> {
    let sources = files::read_each(filenames, Vec::new()).map_err(|_| exit_code::NO_INPUT)?;
    if !sources.is_empty() && sources.iter().all(|source| source.documents.is_empty()) {
        terminal::error("the files contain no documents");
        return Err(exit_code::NO_INPUT);
    }
    Ok(sources)
}

async fn check(options: &Check, sources: &[Source]) -> Result<Report, Failure> {
    let connection = &options.connection;
    let kubeconfig = connection.kubeconfig.as_deref();
    let api = connect(kubeconfig, connection.context.as_deref()).await?;
    let namespace = namespace(&api, connection.namespace.as_deref())?;
    let mut report = Report {
        context: api.context().map(str::to_owned),
        namespace: namespace.to_owned(),
        service_account: options.service_account.clone(),
        groups: Vec::new(),
    };
    let (group, version) = kubernetes::check(&api).await;
    report.groups.push(group);
    if let Some(version) = version {
        let cluster = Cluster {
            api: &api,
            namespace,
            service_account: &options.service_account,
            version: version.number,
        };
        examine(&cluster, options, sources, &mut report).await;
    }
    Ok(report)
}

/// Runs all checks except those in the `kubernetes` group, which have already run.
async fn examine(cluster: &Cluster<'_>, options: &Check, sources: &[Source], report: &mut Report) {
    let now = Timestamp::now();
    let with_webhook = !options.without_webhook;
    let configurations = webhook::configurations(cluster).await;
    let known = configurations.as_deref().ok();
    let (group, tekton) = tekton::check(cluster, known).await;
    report.groups.push(group);
    let (mut installation, mut deployment) = (None, None);
    if with_webhook {
        let (group, found) = webhook::check(&configurations, now);
        report.groups.push(group);
        installation = found;
        let (group, found) = injector::check(cluster, installation.as_ref(), now).await;
        report.groups.push(group);
        deployment = found;
    }
    let installation = installation.as_ref();
    let policies = policies::check(cluster, installation, with_webhook).await;
    report.groups.push(policies);
    let namespace = namespace::check(cluster, &tekton, installation, with_webhook).await;
    report.groups.push(namespace);
    if !sources.is_empty() {
        let deployment = deployment.as_ref();
        let declarations = declarations::check(cluster, sources, deployment, with_webhook).await;
        report.groups.push(declarations);
    }
}

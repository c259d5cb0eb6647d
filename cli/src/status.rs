//! `gleaner status`: shows what a run collected and created.
//!
//! | module | content |
//! | --- | --- |
//! | `task_run` | the TaskRun and its pod |
//! | `pipeline_run` | a PipelineRun and the names of its TaskRuns |
//! | `live` | the sidecar's status, requested through a forwarded port |
//! | `objects` | the objects that the run created, found by their annotations |
//! | `report` | text and JSON |

mod live;
mod objects;
mod pipeline_run;
mod report;
mod task_run;

use std::process::ExitCode;
use std::time::Duration;

use gleaner_runtime::api_server::ApiServer;

use crate::api_server::{block_on, connect, namespace};
use crate::args::{ReportForm, Status};
use crate::failure::Failure;
use crate::printing;
use gleaner_proto::kubernetes::annotation;
use objects::Created;
use pipeline_run::PipelineRun;
use report::{PipelineReport, PlainTaskRun, Report, TaskReport};
use task_run::TaskRun;

/// The interval between reads with `--watch`.
const PAUSE: Duration = Duration::from_secs(1);

/// Prints the status, and returns the exit code.
pub(crate) fn main(options: &Status) -> Result<ExitCode, u8> {
    block_on(show(options)).map_err(Failure::print)?;
    Ok(ExitCode::SUCCESS)
}

async fn show(options: &Status) -> Result<(), Failure> {
    let connection = &options.connection;
    let kubeconfig = connection.kubeconfig.as_deref();
    let api = connect(kubeconfig, connection.context.as_deref()).await?;
    let namespace = namespace(&api, connection.namespace.as_deref())?;
    let mut shown = String::new();
    loop {
        let report = look(&api, namespace, &options.run).await?;
        let text = match (options.form, options.watch) {
            (ReportForm::Human, _) => report.to_text(),
            (ReportForm::Json, false) => format!("{:#}\n", report.to_json()),
            (ReportForm::Json, true) => format!("{}\n", report.to_json()),
        };
        if text != shown {
            let separator = if shown.is_empty() { "" } else { "\n" };
            match options.form {
                ReportForm::Human => printing::write_colored(&format!("{separator}{text}"))?,
                // Write JSON unchanged, because removing escape sequences could change values.
                ReportForm::Json => printing::write(&text)?,
            }
            shown = text;
        }
        if !options.watch || report.is_final() {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Reads the status once.
///
/// # Errors
/// Fails if no TaskRun or PipelineRun has the name, if the TaskRun does not use Gleaner, or if the cluster rejects a request.
async fn look(api: &ApiServer, namespace: &str, name: &str) -> Result<Report, Failure> {
    if let Some(run) = TaskRun::find(api, namespace, name).await? {
        if run.may_use_gleaner() {
            return Ok(Report::TaskRun(task_report(api, &run).await));
        }
        return Err(Failure::not_found(format_args!(
            "the TaskRun '{name}' in namespace {namespace} does not use Gleaner: neither the TaskRun nor its pod has the annotation {} or \
             a Gleaner sidecar; declare outputs in the Task",
            annotation::OUTPUTS
        )));
    }
    let Some(pipeline) = PipelineRun::find(api, namespace, name).await? else {
        return Err(Failure::not_found(format_args!(
            "neither a TaskRun nor a PipelineRun '{name}' exists in namespace {namespace}; `kubectl -n {namespace} get \
             taskruns,pipelineruns` lists the existing ones"
        )));
    };
    let mut report = PipelineReport::new(namespace, name, &pipeline.object);
    for name in pipeline.task_runs() {
        match TaskRun::find(api, namespace, name).await? {
            Some(run) if run.may_use_gleaner() => {
                report.task_runs.push(task_report(api, &run).await)
            }
            Some(run) => report.without_outputs.push(PlainTaskRun::new(&run)),
            None => report.deleted.push(name.to_owned()),
        }
    }
    Ok(Report::PipelineRun(report))
}

async fn task_report(api: &ApiServer, run: &TaskRun) -> TaskReport {
    match live::status(api, run).await {
        Ok(status) => TaskReport::of_sidecar(run, status),
        Err(silent) => {
            // Without a declaration, there are no objects to look for.
            let created = match run.uses_gleaner() {
                true => objects::find(api, run).await,
                false => Created::default(),
            };
            TaskReport::of_objects(run, created, silent)
        }
    }
}

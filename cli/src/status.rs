//! `gleaner status`: shows what a TaskRun collected and created.
//!
//! | module | content |
//! | --- | --- |
//! | `task_run` | the TaskRun and its pod |
//! | `live` | the status that the sidecar reports, over a forwarded port |
//! | `objects` | the objects that the run created, found by their annotations |
//! | `report` | text and JSON |

mod live;
mod objects;
mod report;
mod task_run;

use std::process::ExitCode;
use std::time::Duration;

use gleaner_runtime::api_server::ApiServer;

use crate::api_server::{block_on, connect, namespace};
use crate::args::{ReportForm, Status};
use crate::failure::Failure;
use crate::printing;
use report::Report;
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
async fn look(api: &ApiServer, namespace: &str, name: &str) -> Result<Report, Failure> {
    let run = TaskRun::read(api, namespace, name).await?;
    let silent = match live::status(api, &run).await {
        Ok(status) => return Ok(Report::of_sidecar(&run, status)),
        Err(silent) => silent,
    };
    let created = objects::find(api, &run).await;
    Ok(Report::of_objects(&run, created, silent))
}

//! From the command line to the end of the process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::{fs, io};

use gleaner_core::collect::Collector;
use gleaner_core::declaration::Declaration;
use gleaner_core::run::Run;
use gleaner_proto::exit_code;
use gleaner_runtime::Shutdown;
use gleaner_runtime::api_server::AccessError;
use gleaner_runtime::http::Bodies;
use gleaner_runtime::program::{self, Failure};
use gleaner_submission::{Settings, Submitter};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::{Cluster, Config, InputError, Subcommand};
use crate::journal::{Journal, JournalError, Record};
use crate::metrics::Metrics;
use crate::recovery::{RecoveryError, replay};
use crate::run_actor::{RunActor, Submitting};
use crate::server::{Api, ListenError, Listeners, random, router};
use crate::{install, preflight, ready};

/// An error that ends the sidecar.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error("--context {0}=VALUE is missing; nothing can be created without it")]
    Context(&'static str),
    #[error("the redirector could not be copied from {from} to {to}")]
    Install {
        from: PathBuf,
        to: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Anything else that the system refused.
    #[error("{what}")]
    System {
        what: String,
        #[source]
        source: io::Error,
    },
    #[error("the task that owns the run's state panicked: {0}; this is a bug in Gleaner")]
    Actor(String),
}

/// The whole program: parses `args`, serves until it is told to shut down, and returns the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let config: Config = match program::parse(args) {
        Ok(config) => config,
        Err(exit_code) => return exit_code,
    };
    if let Some(Subcommand::Ready(ready)) = &config.subcommand {
        return ready::main(ready);
    }
    program::run(&config.log.clone(), |shutdown| serve(config, shutdown))
}

impl Failure for ProgramError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Input(_) => exit_code::DECLARATION,
            Self::Access(_) => exit_code::NOT_CREATED,
            Self::Context(_) => exit_code::USAGE,
            _ => 1,
        }
    }
}

async fn serve(config: Config, shutdown: Shutdown) -> Result<(), ProgramError> {
    let Config {
        subcommand: _,
        input,
        place,
        limits,
        cluster,
        log: _,
    } = config;
    let (declaration, text) = input.declaration()?;
    let (values, mut run) = input.values_and_run()?;
    run.secret_key = Some(random().map_err(ListenError::Token)?);
    if let (Some(from), Some(to)) = (place.redirector, place.install_redirector) {
        install::install(&from, &to).map_err(|source| ProgramError::Install {
            from,
            to,
            source,
        })?;
    }
    let submitter = submitter(&declaration, &run, &cluster).await?;
    let submitter = submitter.map(|submitter| submitter.until(shutdown.clone()));
    let (journal, records) = open_journal(&place.state_dir, &text, &run)?;
    let mut collector = Collector::new(declaration.clone(), run, values, input.steps());
    replay(&mut collector, records)?;
    let steps = collector.steps().cloned().collect::<Vec<_>>();
    let unreachable: Vec<_> = collector.unreachable().cloned().collect();
    let (listeners, tokens) = Listeners::open(&place.run_dir, place.listen, steps.iter()).await?;
    let address = listeners.address();
    let metrics = Metrics::default();
    let submitting = Submitting::new(submitter.clone(), place.state_dir.clone());
    let (actor, handle) = RunActor::new(
        collector,
        journal,
        submitting,
        place.state_dir,
        metrics.clone(),
    );
    let (report, preflight) = watch::channel(None);
    let api = Api {
        handle: handle.clone(),
        tokens: Arc::new(tokens),
        preflight,
        metrics,
        shutdown: shutdown.clone(),
        max_values: limits.max_values,
        max_depth: limits.max_depth,
        bodies: Bodies::new(limits.http.max_body, limits.http.body_timeout),
        max_wait: limits.max_wait,
    };
    let mut actor = tokio::spawn(actor.run());
    let templates = declaration.templates.into();
    let preflight = tokio::spawn(preflight::run(
        submitter,
        templates,
        declaration.preflight,
        handle,
        report,
    ));
    for variable in &unreachable {
        tracing::warn!(%variable, "no value was given and none can come; nothing will be created");
    }
    tracing::info!(%address, steps = steps.len(), "ready");

    let served = async {
        let serving = listeners.serve(router(api), &limits.http, &shutdown);
        tokio::pin!(serving);
        let over = tokio::select! {
            () = &mut serving => true,
            () = shutdown.requested() => false,
        };
        // One time limit for requests and submission together: the kubelet counts from the signal, too.
        let deadline = Instant::now() + limits.shutdown_grace;
        if !over && tokio::time::timeout_at(deadline, serving).await.is_err() {
            tracing::warn!(grace = ?limits.shutdown_grace, "requests-cut-off");
        }
        // With the router its handles are gone, with the preflight the last one: the actor ends by itself.
        preflight.abort();
        deadline
    };
    let deadline = tokio::select! {
        deadline = served => deadline,
        broken = &mut actor => {
            return Err(ProgramError::Actor(broken.err().map(|error| error.to_string()).unwrap_or_default()));
        }
    };
    if tokio::time::timeout_at(deadline, actor).await.is_err() {
        tracing::warn!("submission-cut-off");
    }
    tracing::info!("ended");
    Ok(())
}

/// A submitter, unless there is nothing to create.
async fn submitter(
    declaration: &Declaration,
    run: &Run,
    cluster: &Cluster,
) -> Result<Option<Submitter>, ProgramError> {
    if declaration.templates.is_empty() {
        return Ok(None);
    }
    let uid = run.uid().ok_or(ProgramError::Context("taskRun.uid"))?;
    let namespace = run
        .namespace()
        .ok_or(ProgramError::Context("taskRun.namespace"))?;
    let settings = Settings {
        deadline: cluster.submit_deadline,
        ..Settings::default()
    };
    Ok(Some(Submitter::new(
        cluster.access.connect().await?,
        namespace.to_owned(),
        uid.to_owned(),
        settings,
    )))
}

fn open_journal(
    state_dir: &PathBuf,
    declaration: &str,
    run: &Run,
) -> Result<(Journal, Vec<Record>), ProgramError> {
    fs::create_dir_all(state_dir).map_err(|source| ProgramError::System {
        what: format!("the state directory {} cannot be made", state_dir.display()),
        source,
    })?;
    let mut identity = Sha256::new();
    identity.update(run.uid().unwrap_or_default());
    identity.update([0]);
    identity.update(declaration);
    Ok(Journal::open(state_dir, &identity.finalize())?)
}

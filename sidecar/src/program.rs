//! The sidecar's main program, from the command line to the exit code.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::{fs, io};

use gleaner_core::collect::Collector;
use gleaner_core::declaration::Declaration;
use gleaner_core::render;
use gleaner_core::results::Room;
use gleaner_core::run::Run;
use gleaner_proto::exit_code;
use gleaner_runtime::Shutdown;
use gleaner_runtime::api_server::AccessError;
use gleaner_runtime::http::Bodies;
use gleaner_runtime::program::{self, Failure};
use gleaner_submission::{Settings, Submitter};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::{Cluster, Config, InputError, Subcommand};
use crate::events::Recorder;
use crate::journal::{Journal, JournalError, Record};
use crate::metrics::Metrics;
use crate::recovery::{RecoveryError, replay};
use crate::run_actor::{RunActor, Submitting};
use crate::server::{Api, Clients, ListenError, Listeners, Views, Workbench, random, router};
use crate::traces::Traces;
use crate::{install, preflight, ready};

/// An error that terminates the sidecar.
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
    #[error("missing --context {0}=VALUE, which is required to create resources")]
    Context(&'static str),
    #[error("the redirector could not be copied from {from} to {to}")]
    Install {
        from: PathBuf,
        to: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Any other operating system error.
    #[error("{what}")]
    System {
        what: String,
        #[source]
        source: io::Error,
    },
    /// The actor panicked. The panic's message is omitted, because it may quote a secret.
    #[error("the part of the sidecar that manages the run panicked; this is a bug in Gleaner")]
    Actor,
}

/// Runs the whole program: parses `args`, serves until shutdown is requested, and returns the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let config: Config = match program::parse(args) {
        Ok(config) => config,
        Err(exit_code) => return exit_code,
    };
    if let Some(Subcommand::Ready(ready)) = &config.subcommand {
        return ready::main(ready);
    }
    let hidden = hide_memory();
    program::run(&config.log.clone(), |shutdown| async {
        if let Err(error) = hidden {
            tracing::warn!(%error, "memory-not-hidden");
        }
        serve(config, shutdown).await
    })
}

/// Protects the process memory, which contains secret outputs, from core dumps and from other processes of the same user.
fn hide_memory() -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
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
        tracing,
        log: _,
    } = config;
    let (declaration, text) = input.declaration()?;
    let (values, mut run) = input.values_and_run()?;
    if let (Some(from), Some(to)) = (place.redirector, place.install_redirector) {
        install::install(&from, &to).map_err(|source| ProgramError::Install {
            from,
            to,
            source,
        })?;
    }
    let metrics = Metrics::default();
    let traces = Traces::begin(tracing, &run, &metrics);
    let (submitter, events) = match submitter(&declaration, &run, &cluster).await? {
        Some((submitter, events)) => (Some(submitter.until(shutdown.clone())), events),
        None => (None, None),
    };
    let (mut journal, records) = open_journal(&place.state_dir, &text, &run)?;
    if render::uses_secrets(&declaration) {
        run.secret_key = Some(secret_key(&mut journal, &records)?);
    }
    let mut collector = Collector::new(declaration.clone(), run, values, input.steps());
    let planned = replay(&mut collector, records)?;
    let steps = collector.steps().cloned().collect::<Vec<_>>();
    let memory = limits.memory(steps.len());
    collector.set_bounds(memory.run);
    let unreachable: Vec<_> = collector.unreachable().cloned().collect();
    let room = input.termination_share().map(Room::new);
    let (listeners, tokens) = Listeners::open(&place.run_dir, place.listen, steps.iter()).await?;
    let address = listeners.address();
    if let Some(path) = &place.address_file {
        std::fs::write(path, address.to_string()).map_err(|source| ProgramError::System {
            what: format!("cannot write the listen address to {}", path.display()),
            source,
        })?;
    }
    let state_dir = place.state_dir.clone();
    let submitting = Submitting::new(
        submitter.clone(),
        events,
        state_dir,
        planned,
        traces.clone(),
    );
    let (actor, handle) = RunActor::new(
        collector,
        journal,
        submitting,
        room,
        place.state_dir,
        metrics.clone(),
    );
    let (report, preflight) = watch::channel(None);
    let workbench = Workbench::start().map_err(|source| ProgramError::System {
        what: "a thread could not be started".to_owned(),
        source,
    })?;
    let workbench = Arc::new(workbench);
    let api = Api {
        handle: handle.clone(),
        tokens: Arc::new(tokens),
        clients: Arc::new(Clients::new(&steps, &memory)),
        views: Arc::new(Views::new(
            handle.snapshots(),
            &memory,
            Arc::clone(&workbench),
        )),
        workbench,
        preflight,
        metrics,
        shutdown: shutdown.clone(),
        start: std::time::Instant::now(),
        max_values: limits.max_values,
        max_depth: limits.max_depth,
        max_message: memory.message,
        bodies: Bodies::with_room(memory.max_body, memory.bodies, limits.http.body_timeout),
        max_wait: limits.max_wait,
    };
    let mut actor = tokio::spawn(actor.traced(traces.clone()).run());
    let templates = declaration.templates.into();
    let preflight = tokio::spawn(preflight::run(
        submitter,
        templates,
        declaration.preflight,
        handle,
        report,
    ));
    for variable in &unreachable {
        tracing::warn!(%variable, "this variable has no value, and no step can post one, so nothing will be created");
    }
    let outputs = memory.run.outputs;
    tracing::info!(%address, steps = steps.len(), max_body = memory.max_body, max_outputs = outputs, "ready");

    let served = async {
        let serving = listeners.serve(router(api), &limits, &shutdown);
        tokio::pin!(serving);
        let over = tokio::select! {
            () = &mut serving => true,
            () = shutdown.requested() => false,
        };
        // One time limit covers the requests and the submission together, because the kubelet's grace period starts with SIGTERM.
        let deadline = Instant::now() + limits.shutdown_grace;
        if !over && tokio::time::timeout_at(deadline, serving).await.is_err() {
            tracing::warn!(grace = ?limits.shutdown_grace, "requests-cut-off");
        }
        // The router has dropped its handles to the actor. The preflight holds the last handle, so the actor exits after the
        // preflight is aborted.
        preflight.abort();
        deadline
    };
    let deadline = tokio::select! {
        deadline = served => deadline,
        _ = &mut actor => return Err(ProgramError::Actor),
    };
    if tokio::time::timeout_at(deadline, actor).await.is_err() {
        tracing::warn!("submission-cut-off");
    }
    traces.end().await;
    tracing::info!("ended");
    Ok(())
}

/// Returns a submitter and an Event recorder, or `None` if the declaration creates nothing.
async fn submitter(
    declaration: &Declaration,
    run: &Run,
    cluster: &Cluster,
) -> Result<Option<(Submitter, Option<Recorder>)>, ProgramError> {
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
    let server = cluster.access.connect().await?;
    let events = Recorder::new(server.clone(), run);
    let submitter = Submitter::new(server, namespace.to_owned(), uid.to_owned(), settings);
    Ok(Some((submitter, events)))
}

fn open_journal(
    state_dir: &PathBuf,
    declaration: &str,
    run: &Run,
) -> Result<(Journal, Vec<Record>), ProgramError> {
    fs::create_dir_all(state_dir).map_err(|source| ProgramError::System {
        what: format!(
            "the state directory {} cannot be created",
            state_dir.display()
        ),
        source,
    })?;
    let mut identity = Sha256::new();
    identity.update(run.uid().unwrap_or_default());
    identity.update([0]);
    identity.update(declaration);
    Ok(Journal::open(state_dir, &identity.finalize())?)
}

/// Returns the key for hashing secrets, which is stored in the journal. If the journal does not contain a key, generates a random
/// key and appends it to the journal.
fn secret_key(journal: &mut Journal, records: &[Record]) -> Result<String, ProgramError> {
    let written = records.iter().find_map(|record| match record {
        Record::SecretKey(key) => Some(key.clone()),
        _ => None,
    });
    if let Some(key) = written {
        return Ok(key);
    }
    let key = random().map_err(ListenError::Token)?;
    let record = Record::SecretKey(key.clone());
    journal
        .append(&record)
        .map_err(|source| ProgramError::System {
            what: "the journal cannot be written".to_owned(),
            source,
        })?;
    Ok(key)
}

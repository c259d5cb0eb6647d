//! From the command line to the end of the process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::{fs, io};

use clap::Parser;
use gleaner_core::declaration::Declaration;
use gleaner_proto::exit_code;
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::{Cluster, Config, Deed, InputError};
use crate::journal::{Journal, JournalError, Record};
use crate::metrics::Metrics;
use crate::recovery::{RecoveryError, replay};
use crate::run_actor::{RunActor, Submitting};
use crate::server::{Api, Bodies, ListenError, Listeners, random, router};
use crate::{install, preflight, ready, telemetry};
use gleaner_core::collect::Collector;
use gleaner_core::run::Run;
use gleaner_submission::{ConnectError, Connection, Settings, Submitter, connect};

/// Why the sidecar ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The declaration.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What the journal holds.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The sockets.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The way to the API server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The address of the API server is none.
    #[error("--api-server {0} is no address; write it as http://HOST:PORT or https://HOST:PORT")]
    Url(String),
    /// A value of the run that is needed for creating anything.
    #[error("--context {0}=VALUE is missing; nothing can be created without it")]
    Context(&'static str),
    /// The redirector.
    #[error("the redirector could not be copied from {from} to {to}")]
    Install {
        /// Where it is.
        from: PathBuf,
        /// Where it should be.
        to: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Anything else that the system refused.
    #[error("{what}")]
    System {
        /// What was tried.
        what: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The task that owns the state is gone.
    #[error("the task that owns the run's state panicked: {0}; this is a bug in Gleaner")]
    Actor(String),
}

/// The whole program: parses `args`, serves until it is told to end, and gives the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let config = match Config::try_parse_from(args) {
        Ok(config) => config,
        Err(error) => {
            // Nothing can be done when not even that can be printed.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(exit_code::USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    if let Some(Deed::Ready(ready)) = &config.deed {
        return ready::main(ready);
    }
    telemetry::start(&config.log);
    // The one crypto provider of the process. It is there already when `gleaner` carries the sidecar.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = runtime
        .map_err(|source| ProgramError::System {
            what: "the runtime could not be started".to_owned(),
            source,
        })
        .and_then(|runtime| runtime.block_on(serve(config)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let chain = chain(&error);
            tracing::error!(error = %chain, "ended");
            error.exit_code()
        }
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl ProgramError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Input(_) => ExitCode::from(exit_code::DECLARATION),
            Self::Connect(_) => ExitCode::from(exit_code::NOT_CREATED),
            Self::Url(_) | Self::Context(_) => ExitCode::from(exit_code::USAGE),
            _ => ExitCode::FAILURE,
        }
    }
}

async fn serve(config: Config) -> Result<(), ProgramError> {
    // First of all: a signal that comes while things are set up must not kill.
    let ending = ending()?;
    let Config {
        deed: _,
        input,
        place,
        limits,
        cluster,
        log: _,
    } = config;
    let (declaration, text) = input.declaration()?;
    let values = input.values()?;
    let mut run = input.run()?;
    run.secret_key = Some(random().map_err(ListenError::Token)?);
    if let (Some(from), Some(to)) = (place.redirector, place.install_redirector) {
        install::install(&from, &to).map_err(|source| ProgramError::Install {
            from,
            to,
            source,
        })?;
    }
    let submitter = submitter(&declaration, &run, &cluster).await?;
    let submitter = submitter.map(|submitter| submitter.until(ending.clone()));
    let (journal, records) = open_journal(&place.state_dir, &text, &run)?;
    let mut collector = Collector::new(declaration.clone(), run, values, input.steps());
    replay(&mut collector, records)?;
    let steps = collector.steps().cloned().collect::<Vec<_>>();
    let unreachable: Vec<_> = collector.unreachable().cloned().collect();
    let (listeners, tokens) = Listeners::open(&place.run_dir, place.listen, steps.iter()).await?;
    let address = listeners.address().map_err(|source| ProgramError::System {
        what: "the loopback address is not known".to_owned(),
        source,
    })?;
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
        ending: ending.clone(),
        max_body: limits.max_body,
        max_values: limits.max_values,
        max_depth: limits.max_depth,
        bodies: Bodies::new(limits.max_body),
        body_timeout: limits.body_timeout,
        max_wait: limits.max_wait,
    };
    let mut actor = tokio::spawn(actor.run());
    let templates = declaration.templates;
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

    let mut told = ending.clone();
    let served = async {
        let serving = listeners.serve(router(api), &limits, ending);
        tokio::pin!(serving);
        let over = tokio::select! {
            () = &mut serving => true,
            _ = told.wait_for(|ending| *ending) => false,
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

/// Turns true at SIGTERM or SIGINT.
fn ending() -> Result<watch::Receiver<bool>, ProgramError> {
    let handler = |kind| {
        signal(kind).map_err(|source| ProgramError::System {
            what: "a signal handler was refused".to_owned(),
            source,
        })
    };
    let mut terminate = handler(SignalKind::terminate())?;
    let mut interrupt = handler(SignalKind::interrupt())?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        sender.send_replace(true);
        // Kept, so that waiting for the end never fails for want of a sender.
        std::future::pending::<()>().await;
    });
    Ok(receiver)
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
    let connection = match (&cluster.api_server, &cluster.kubeconfig) {
        (Some(url), _) => {
            let url = server_url(url).ok_or_else(|| ProgramError::Url(url.clone()))?;
            Connection::Server { url }
        }
        (None, Some(file)) => Connection::Kubeconfig {
            file: file.clone(),
            context: cluster.kube_context.clone(),
        },
        (None, None) => Connection::InCluster,
    };
    let settings = Settings {
        deadline: cluster.submit_deadline,
        request_timeout: cluster.request_timeout,
        ..Settings::default()
    };
    let client = connect(&connection, &settings).await?;
    Ok(Some(Submitter::new(
        client,
        namespace.to_owned(),
        uid.to_owned(),
        settings,
    )))
}

/// An address with scheme and host. The client would panic at its first request to any other.
fn server_url(text: &str) -> Option<http::Uri> {
    let url: http::Uri = text.parse().ok()?;
    let known = matches!(url.scheme_str(), Some("http" | "https"));
    (known && url.host().is_some_and(|host| !host.is_empty())).then_some(url)
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

//! The entry point of the fuzz target for the HTTP API. It serves the production router and server on a single connection, and
//! exists only in builds with `--cfg fuzzing`, which `scripts/fuzz` sets.

use std::future;
use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use axum::Extension;
use axum::serve::Listener;
use gleaner_core::collect::Collector;
use gleaner_core::declaration::Declaration;
use gleaner_core::render::Values;
use gleaner_core::run::Run;
use gleaner_proto::StepName;
use gleaner_runtime::Shutdown;
use gleaner_runtime::http::{Bodies, Server};
use gleaner_submission::Submitter;
use tokio::io::DuplexStream;
use tokio::sync::watch;

use crate::config::Limits;
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::preflight::Report;
use crate::run_actor::{RunActor, Submitting};
use crate::server::{Api, Caller, Clients, Tokens, Views, Workbench, router};
use crate::traces::Traces;

/// The maximum size of a request header, in bytes. It is lower than in production, so that a fuzzer can reach it.
const HEADER_BYTES: usize = 8 << 10;

/// The workbench, which all connections share as in production. It is not started for each connection, because the leak check
/// would then report the threads that exit.
static WORKBENCH: LazyLock<Arc<Workbench>> = LazyLock::new(|| {
    Arc::new(Workbench::start().expect("invariant: the system can start a thread"))
});

/// Serves the connection `stream` from `caller` until `shutdown` is requested, and returns after the run's actor has exited.
pub async fn serve(
    declaration: Declaration,
    submitter: Submitter,
    state_dir: &Path,
    caller: Caller,
    stream: DuplexStream,
    shutdown: Shutdown,
) {
    let limits = Limits::for_tests(&["--memory-limit", "64Mi", "--max-values", "1000"]);
    let (journal, _) =
        Journal::open(state_dir, b"run").expect("invariant: a new journal can be opened");
    let report = Report {
        mode: declaration.preflight,
        blocking: Vec::new(),
        unanswered: None,
    };
    let mut collector = Collector::new(declaration, Run::default(), Values::default(), []);
    let steps: Vec<StepName> = collector.steps().cloned().collect();
    let memory = limits.memory(steps.len());
    collector.set_bounds(memory.run);
    let metrics = Metrics::default();
    let state_dir = state_dir.to_owned();
    let submitting = Submitting::new(
        Some(submitter),
        None,
        state_dir.clone(),
        Vec::new(),
        Traces::default(),
    );
    let (actor, handle) = RunActor::new(
        collector,
        journal,
        submitting,
        None,
        state_dir,
        metrics.clone(),
    );
    let workbench = Arc::clone(&WORKBENCH);
    let (_report, preflight) = watch::channel(Some(Arc::new(report)));
    let api = Api {
        handle: handle.clone(),
        tokens: Arc::new(
            Tokens::generate(steps.iter()).expect("invariant: the system provides random bytes"),
        ),
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
        start: Instant::now(),
        max_values: limits.max_values,
        max_depth: limits.max_depth,
        max_message: memory.message,
        bodies: Bodies::with_room(memory.max_body, memory.bodies, limits.http.body_timeout),
        max_wait: limits.max_wait,
    };
    drop(handle);
    let actor = tokio::spawn(actor.run());
    let router = router(api).layer(Extension(caller));
    Server::new(
        router,
        &limits.http,
        HEADER_BYTES,
        limits.http.header_timeout,
    )
    .write_timeout(limits.write_timeout)
    .serve(One(Some(stream)), shutdown)
    .await;
    actor.await.expect("invariant: the actor does not panic");
}

/// A listener that accepts one connection.
struct One(Option<DuplexStream>);

impl Listener for One {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.0.take() {
            Some(stream) => (stream, ()),
            None => future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

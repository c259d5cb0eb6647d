//! Checks that the sidecar responds to any bytes on a connection or closes the connection, in bounded time.
//!
//! The first byte of the input selects the listener: `l` selects the loopback address, `p` selects the socket for probes, and any
//! other byte selects the socket of a step. The remaining bytes are the request, unless the first byte is `b`: then they are only
//! the body of a request that posts the step's outputs.
//!
//! Tokio's clock is paused while a task is running, and advances to the next timer when all tasks are idle, so timeouts take no
//! real time.
#![no_main]

use std::sync::{LazyLock, mpsc};
use std::time::Duration;

use gleaner_core::declaration::{Declaration, Scope};
use gleaner_proto::StepName;
use gleaner_runtime::api_server::{ApiServer, Bounds};
use gleaner_runtime::shutdown;
use gleaner_sidecar::fuzzing::serve;
use gleaner_sidecar::server::Caller;
use gleaner_submission::{Settings, Submitter};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

const DECLARATION: &str = "
steps:
  a: [{name: text}, {name: list, type: array, default: []}, {name: secret, secret: true, default: x}]
  b: [{name: other, default: z}]
resources: [{name: img, spec: {type: image, params: [{name: url, value: $(steps.a.text)}]}}]
submit: Manual
";

/// The real time during which the clock does not advance, so that other threads can do their work.
const GRACE: Duration = Duration::from_millis(5);
/// The elapsed real time after which the test reports that the sidecar hangs.
const LONG_GRACE: Duration = Duration::from_secs(5);

/// A time that is longer than any of the sidecar's own timeouts.
const LONG: Duration = Duration::from_secs(15 * 60);

static DECLARED: LazyLock<Declaration> =
    LazyLock::new(|| Declaration::parse(DECLARATION, &Scope::default()).expect("a declaration"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&socket, bytes)) = bytes.split_first() else {
        return;
    };
    let step = || Caller::Step(StepName::new("a").expect("a name"));
    let (caller, head) = match socket {
        b'l' => (Caller::Loopback, String::new()),
        b'p' => (Caller::Probe, String::new()),
        b'b' => (step(), head(bytes.len())),
        _ => (step(), String::new()),
    };
    let request = [head.as_bytes(), bytes].concat();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let response = runtime.block_on(exchange(caller, &request));
    assert!(
        response.is_empty() || response.starts_with(b"HTTP/1."),
        "no response"
    );
});

fn head(length: usize) -> String {
    format!(
        "POST /v1/steps/a/outputs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// Sends `request` to a sidecar, shuts the sidecar down, and returns its response.
async fn exchange(caller: Caller, request: &[u8]) -> Vec<u8> {
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let directory = directory.expect("a directory");
    // No server listens on this address, so every request to the API server fails.
    let server = ApiServer::at(
        "http://127.0.0.1:1".parse().expect("an address"),
        Bounds::default(),
    );
    let server = server.expect("a client");
    let (trigger, shutdown) = shutdown::channel();
    let submitter = Submitter::new(server, "ci".into(), "u".into(), Settings::default());
    let submitter = submitter.until(shutdown.clone());
    let (client, server) = tokio::io::duplex(64 << 10);
    let path = directory.path().to_owned();
    let mut serving = tokio::spawn(async move {
        serve(DECLARED.clone(), submitter, &path, caller, server, shutdown).await;
    });
    let (mut reading, mut writing) = tokio::io::split(client);
    let mut response = Vec::new();
    let mut talk = Box::pin(async {
        let write = async {
            // Ignore an error, because the sidecar may close the connection before it has read everything.
            let _ = writing.write_all(request).await;
        };
        let read = async {
            let _ = reading.read_to_end(&mut response).await;
        };
        tokio::join!(write, read);
    });
    // Reading may time out, because an event stream continues until the client closes it.
    let _ = within(GRACE, talk.as_mut()).await;
    drop(talk);
    drop((reading, writing));
    trigger.request();
    let served = match within(GRACE, &mut serving).await {
        None => within(LONG_GRACE, &mut serving).await,
        served => served,
    };
    served
        .expect("the sidecar did not exit in bounded time")
        .expect("no panic");
    response
}

/// Waits for `future` for up to [`LONG`] on Tokio's clock, which does not advance during the first `grace` of real time. Returns
/// `None` after a timeout.
async fn within<T>(grace: Duration, future: impl Future<Output = T>) -> Option<T> {
    let (done, waiting) = mpsc::channel::<()>();
    // The clock does not advance while this blocking task is running.
    let held = tokio::task::spawn_blocking(move || waiting.recv_timeout(grace));
    let result = timeout(LONG, future).await;
    drop(done);
    let _ = held.await;
    result.ok()
}

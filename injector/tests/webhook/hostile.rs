//! Tests with objects that are designed to consume excessive time or memory. The injector must decide on each object
//! within limits, and no object may delay other reviews or probes.

pub(crate) mod objects;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use gleaner_testkit::client::{Connection, lasting_request};
use serde_json::{Value, json};

use crate::support::{Authority, Injector, JOB_POD, NAME, Setup, creation, get, review};
use objects::{Hostile, all};

/// The maximum resident memory of a process that decides on one hostile review, in KiB. Measured values are below 50 MiB in any
/// build. The chart's default limit of 128 MiB must suffice for two large bodies, one large decision, three small decisions and
/// the program itself.
const MEMORY: u64 = 64 << 10;

/// The maximum CPU time of a decision in a debug build. An optimized build needs at most about 100 ms (docs/reliability.md).
/// Without Gleaner's limits, the decision on most of these objects would take half a minute or more.
const CEILING: Duration = Duration::from_secs(3);
/// The time limit for a small review or a probe on a busy machine. A review that had to wait for the
/// decisions on all hostile objects would take minutes.
const WAIT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_object_is_decided_within_bounds_of_time_and_memory() {
    let authority = Authority::new();
    for Hostile { what, path, review } in all() {
        // Each object is sent to a new process, because a process's peak memory never decreases. The test measures CPU time,
        // because the machine may be busy with other work.
        let setup = Setup::files(&authority).flag("--decision-timeout=60s");
        let injector = setup.ready().await;
        let mut client = injector.client(&authority).await;
        let before = injector.computed();
        let response = client.review(path, &review).await.unwrap();
        let took = injector.computed() - before;
        let memory = injector.memory("VmHWM");
        let message = response["status"]["message"].as_str().unwrap_or("changed");
        let message: String = message.chars().take(150).collect();
        println!("{what}: {took:?}, {memory} KiB: {message}");
        assert!(took < CEILING, "{what}: {took:?}");
        assert!(memory < MEMORY, "{what}: {memory} KiB");
        assert!(
            response["status"]["message"]
                .as_str()
                .unwrap_or_default()
                .len()
                <= (16 << 10) + 3
        );
    }
}

/// Sends small reviews and probes one after another until `done` returns true, and returns the longest duration of the
/// reviews, and that of the probes.
async fn bystanders(
    injector: &Injector,
    authority: &Authority,
    done: impl Fn() -> bool,
) -> [Duration; 2] {
    let mut client = injector.client(authority).await;
    let innocent = review(JOB_POD);
    let mut longest = [Duration::ZERO; 2];
    while !done() {
        let started = Instant::now();
        client.review("/mutate/pods", &innocent).await.unwrap();
        longest[0] = longest[0].max(started.elapsed());
        let started = Instant::now();
        for path in ["/livez", "/readyz"] {
            assert_eq!(get(injector.health, path).await.status, 200);
        }
        longest[1] = longest[1].max(started.elapsed());
    }
    longest
}

/// Returns the name of a hostile review, and the HTTP request that contains the review.
fn prepared(Hostile { what, path, review }: Hostile) -> (&'static str, Vec<u8>) {
    let headers = [("Content-Type", "application/json")];
    let body = review.to_string();
    (
        what,
        lasting_request("POST", path, &headers, body.as_bytes()),
    )
}

/// Sends the requests one after another. The thread has a low priority, because in a cluster, clients do not use the CPU of the
/// injector's machine.
fn send(requests: &[(&str, Vec<u8>)], address: SocketAddr, trusted: &str) {
    rustix::process::nice(19).unwrap();
    for (what, request) in requests {
        let mut connection = Connection::tls(address, trusted, NAME).unwrap();
        connection.send(request).unwrap();
        let response = connection.answer().unwrap();
        match response.status {
            200 => assert!(response.text().contains(r#""allowed":"#), "{what}"),
            // A review that waits too long for other reviews gets 504, so the API server applies the failurePolicy.
            status => assert_eq!(status, 504, "{what}: {}", response.text()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn small_reviews_and_probes_do_not_wait_for_hostile_reviews() {
    let authority = Authority::new();
    // On a busy machine, large reviews wait a long time for memory, because the injector decides on them in a thread with a
    // low priority.
    let setup = Setup::files(&authority).flag("--body-timeout=60s");
    let injector = setup.ready().await;
    let requests: Arc<[_]> = all().into_iter().map(prepared).collect();
    let mut sending = Vec::new();
    for _ in 0..2 {
        let (requests, trusted) = (Arc::clone(&requests), authority.pem.clone());
        let address = injector.address;
        sending.push(thread::spawn(move || send(&requests, address, &trusted)));
    }
    let done = || sending.iter().all(thread::JoinHandle::is_finished);
    let [innocent, probe] = bystanders(&injector, &authority, done).await;
    for sent in sending {
        sent.join().unwrap();
    }
    let memory = injector.memory("VmHWM");
    println!(
        "longest small review: {innocent:?}; longest probe: {probe:?}; peak memory: {memory} KiB"
    );
    assert!(innocent < WAIT && probe < WAIT, "{innocent:?}, {probe:?}");
    assert!(memory < 2 * MEMORY, "{memory} KiB");
}

/// The object contains 200 KiB of errors, so no machine can decide on it within the time limit of one millisecond.
#[tokio::test(flavor = "multi_thread")]
async fn an_overdue_review_is_decided_by_the_failure_policy() {
    let authority = Authority::new();
    let injector = Setup::files(&authority)
        .flag("--decision-timeout=1ms")
        .ready()
        .await;
    let mut client = injector.client(&authority).await;
    let Hostile { path, review, .. } = all().swap_remove(0);
    let failed = client.review(path, &review).await;
    let failed = failed.unwrap_err().to_string();
    assert!(
        failed.contains("504") && failed.contains("--decision-timeout"),
        "{failed}"
    );
    assert_eq!(
        injector
            .metric("gleaner_injector_overdue_reviews_total")
            .await,
        1.0
    );
    assert_eq!(get(injector.health, "/livez").await.status, 200);
}

/// An object that is too large to be parsed is allowed unchanged if it does not request Gleaner, or if it is being deleted.
#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_object_is_refused_only_if_it_requests_gleaner() {
    let authority = Authority::new();
    let injector = Setup::files(&authority).ready().await;
    let mut client = injector.client(&authority).await;
    let mut asking = objects::task("{}", json!([{"image": "i"}]), json!({}));
    asking["spec"]["volumes"] = vec![json!([]); 30_000].into();
    let review = |operation: &str, object: &Value, old: &Value| {
        let mut review = creation("tekton.dev", "Task", object);
        review["request"]["operation"] = operation.into();
        review["request"]["oldObject"] = old.clone();
        review
    };
    let mut silent = asking.clone();
    silent["metadata"]["annotations"] = json!({"other": "gleaner"});
    let mut going = asking.clone();
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    let none = Value::Null;
    let cases = [
        ("CREATE", &asking, &none, false),
        ("UPDATE", &silent, &asking, false),
        ("CREATE", &silent, &none, true),
        ("UPDATE", &going, &asking, true),
    ];
    for (operation, object, old, allowed) in cases {
        let response = client
            .review("/mutate/tekton", &review(operation, object, old))
            .await;
        let response = response.unwrap();
        assert_eq!(response["allowed"], allowed, "{operation}: {response}");
        if !allowed {
            let message = response["status"]["message"].as_str().unwrap();
            assert!(message.contains("accepts at most 25000"), "{message}");
        }
    }
}

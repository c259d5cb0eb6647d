//! The clients of the load test: steady clients, clients with large reviews, and slow clients.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gleaner_testkit::client::{Connection, Place, lasting_request};
use serde_json::{Value, json};

use super::figures::Steady;
use crate::support::{ApiServer, Injector, JOB_POD, NAME, UNINJECTED_POD, creation, review, task};

/// The interval after which a steady client reconnects, and receives the current certificate.
const RECONNECT: Duration = Duration::from_secs(1);
/// The pause between two large reviews from a client.
const LARGE_PAUSE: Duration = Duration::from_millis(500);
/// The pause of a slow client between two bytes.
const DRIP: Duration = Duration::from_millis(200);
/// The number of slow clients that send half a body. Their bodies total 7 MB. If the injector did not reserve memory for one
/// small body per connection, other clients would have to wait until the time limit for these bodies passed.
const SLOW_BODIES: usize = 120;
/// The number of slow clients of each of two kinds: those that do not complete the handshake, and those that send half a header.
/// All clients together use fewer connections than the injector accepts.
const SLOW_OTHERS: usize = 20;

/// The injector to which clients connect, and the requests to send.
pub(super) struct Target {
    address: SocketAddr,
    api_server: ApiServer,
    mix: Vec<Exchange>,
}

/// A request and its expected response.
struct Exchange {
    request: Vec<u8>,
    /// The expected decision: true if the object is changed, and false if it is allowed unchanged.
    changed: bool,
}

/// A connection, and the time at which it was opened.
struct Client {
    connection: Connection,
    since: Instant,
}

impl Target {
    pub(super) fn new(injector: &Injector, api_server: &ApiServer) -> Self {
        let by_reference = json!({
            "apiVersion": "tekton.dev/v1", "kind": "TaskRun",
            "metadata": {
                "name": "r",
                "annotations": {"gleaner.dev/outputs": "steps: {a: [{name: o}]}"},
                // Tekton copies annotations to the objects that its controllers create, so the injector allows this run without
                // changing it.
                "ownerReferences": [{"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": "p", "uid": "u", "controller": true}],
            },
            "spec": {"taskRef": {"name": "build"}},
        });
        let other_pod = UNINJECTED_POD.replace("gleaner", "another");
        let mix = [
            ("/mutate/pods", review(JOB_POD), true),
            ("/mutate/pods", review(&other_pod), false),
            (
                "/mutate/tekton",
                creation("tekton.dev", "Task", &task()),
                true,
            ),
            (
                "/mutate/tekton",
                creation("tekton.dev", "TaskRun", &by_reference),
                false,
            ),
        ];
        let exchange = |(path, review, changed): (&str, Value, bool)| Exchange {
            request: request(path, &review),
            changed,
        };
        Self {
            address: injector.address,
            api_server: api_server.clone(),
            mix: mix.into_iter().map(exchange).collect(),
        }
    }

    /// Sends reviews at fixed intervals, starting at `first`, for the duration `time`. Each latency is measured from the time at
    /// which the review was due, so that a late response also increases the latency of the next review, as for real clients.
    pub(super) fn send_steadily(
        &self,
        first: Instant,
        interval: Duration,
        time: Duration,
    ) -> Steady {
        let mut steady = Steady::default();
        let mut client: Option<Client> = None;
        let mut due = first;
        for exchange in self.mix.iter().cycle() {
            if first.elapsed() >= time {
                break;
            }
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let is_current = |client: &Client| client.since.elapsed() < RECONNECT;
            let mut current = match client.take().filter(is_current) {
                Some(client) => client,
                None => {
                    let bundle = self.api_server.bundle();
                    let client = self.connect(&bundle);
                    let certificate = client.connection.certificate.clone();
                    steady
                        .certificates
                        .insert(certificate.expect("a certificate").to_vec());
                    steady.bundles.insert(bundle);
                    client
                }
            };
            exchange.perform(&mut current.connection);
            client = Some(current);
            steady.latencies.push(due.elapsed());
            due += interval;
        }
        steady
    }

    /// Sends reviews of 3 MiB one after another, until `done` is set.
    pub(super) fn send_large(&self, done: &AtomicBool) -> Vec<Duration> {
        let mut large = task();
        large["spec"]["steps"][0]["env"] = json!([{"name": "X", "value": "y".repeat(2_900_000)}]);
        let exchange = Exchange {
            request: request("/mutate/tekton", &creation("tekton.dev", "Task", &large)),
            changed: true,
        };
        let mut latencies = Vec::new();
        while !done.load(Ordering::Relaxed) {
            let mut client = self.connect(&self.api_server.bundle());
            let started = Instant::now();
            exchange.perform(&mut client.connection);
            latencies.push(started.elapsed());
            thread::sleep(LARGE_PAUSE);
        }
        latencies
    }

    /// Opens connections that send no handshake, half a header, or half a body. Sends a byte on each connection at intervals,
    /// until `done` is set. Returns the number of connections that the injector closed.
    pub(super) fn send_slowly(&self, done: &AtomicBool) -> usize {
        const HEADER: &str = "POST /mutate/pods HTTP/1.1\r\nhost: a\r\n";
        let kinds = [
            ("content-length: 60000\r\n\r\n", SLOW_BODIES),
            ("x-slow: ", SLOW_OTHERS),
        ];
        let kinds = kinds.map(|(rest, count)| (format!("{HEADER}{rest}"), count));
        let (mut silent, mut slow) = (Vec::new(), Vec::new());
        let mut cut_off = 0;
        while !done.load(Ordering::Relaxed) {
            while silent.len() < SLOW_OTHERS {
                silent.push(Place::Tcp(self.address).connect());
            }
            for (begin, count) in &kinds {
                while slow.iter().filter(|(kind, _)| *kind == begin).count() < *count {
                    let mut connection = self.connect(&self.api_server.bundle()).connection;
                    connection.send(begin.as_bytes()).expect("half a request");
                    slow.push((begin, connection));
                }
            }
            thread::sleep(DRIP);
            let before = silent.len() + slow.len();
            silent.retain_mut(|connection| !connection.has_closed());
            slow.retain_mut(|(_, connection)| {
                !connection.has_closed() && connection.send(b"x").is_ok()
            });
            cut_off += before - silent.len() - slow.len();
        }
        cut_off
    }

    /// Connects as a client that trusts the CAs in this bundle.
    fn connect(&self, bundle: &str) -> Client {
        let connection = Connection::tls(self.address, bundle, NAME);
        Client {
            connection: connection
                .unwrap_or_else(|error| panic!("{error}; the client trusts {bundle}")),
            since: Instant::now(),
        }
    }
}

impl Exchange {
    /// Sends the review and checks the decision.
    fn perform(&self, connection: &mut Connection) {
        connection
            .send(&self.request)
            .expect("the request must be sent");
        let response = connection.answer().expect("a response");
        assert_eq!(response.status, 200, "{}", response.text());
        // The response is searched as text, because parsing it would take longer than the decision.
        let text = response.text();
        assert!(text.contains(r#""allowed":true"#), "{text}");
        assert_eq!(text.contains(r#""patch":"#), self.changed, "{text}");
    }
}

fn request(path: &str, review: &Value) -> Vec<u8> {
    let headers = [("Content-Type", "application/json")];
    lasting_request("POST", path, &headers, review.to_string().as_bytes())
}

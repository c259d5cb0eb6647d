//! Tests with clients that try to exhaust the sidecar's memory or to delay other clients.
//!
//! The tests measure the peak memory that the kernel reports for the process (`VmHWM`), including the pages of the debug binary,
//! and compare it with `--memory-limit`. A cgroup would count fewer pages of the binary, but would also count the socket buffers.

use std::time::{Duration, Instant};

use gleaner_testkit::client::{Place, Response};

use crate::support::{Connection, DIGEST, MANUAL, PATIENCE, Setup, Sidecar, VERDICT, request};

/// The default memory limit of the sidecar in the chart.
pub(crate) const LIMIT: &str = "--memory-limit=128Mi";
const LIMIT_KIB: u64 = 128 << 10;

/// The size of a large output, in bytes. An object or a response that contains the output once is below the size limit.
pub(crate) const LARGE: usize = 5 << 19;

fn asking(place: &Place, path: &str, headers: &[(&str, &str)]) -> Connection {
    let mut connection = place.connect();
    // Sending may fail, because the server may have closed the connection.
    let _ = connection.send(&request("GET", path, headers, b""));
    connection
}

pub(crate) fn large(letter: &str, bytes: usize) -> String {
    format!(r#"{{"outputs": {{"digest": "{}"}}}}"#, letter.repeat(bytes))
}

#[track_caller]
pub(crate) fn within_the_limit(sidecar: &Sidecar) {
    let peak = sidecar.memory("VmHWM");
    println!("peak {peak} KiB");
    assert!(peak < LIMIT_KIB, "{peak} KiB");
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[(times.len() * 99).div_ceil(100) - 1]
}

#[test]
fn clients_that_do_not_read_cannot_fill_the_memory_or_delay_a_step() {
    let sidecar = Setup::new(MANUAL)
        .flag(LIMIT)
        .flag("--write-timeout=2s")
        .start();
    let build = sidecar.step("build");
    build.outputs("build", &large("x", 1 << 20)).ok();
    let paths = [
        "/v1/resources?partial=true",
        "/v1/resources/img?partial=true",
        "/v1/resources/note?partial=true",
        "/v1/status",
        "/v1/events",
        "/v1/nothing",
        "/metrics",
        "/v1/resources?partial=true&wait=1s",
    ];
    let json = [("Accept", "application/json")];
    let hostile: Vec<Connection> = (0..192)
        .map(|index| {
            let place = if index < 128 {
                sidecar.loopback()
            } else {
                sidecar.step("build")
            };
            let headers: &[_] = if index % 3 == 0 { &json } else { &[] };
            asking(&place, paths[index % paths.len()], headers)
        })
        .collect();
    let mut times = Vec::new();
    for _ in 0..200 {
        let begin = Instant::now();
        sidecar.step("scan").outputs("scan", VERDICT).ok();
        times.push(begin.elapsed());
    }
    let p99 = p99(times);
    println!("a step's post while 192 hostile readers are connected: p99 {p99:?}");
    // The bound is for a debug build on a busy machine. Rendering again for each reader would take minutes.
    assert!(p99 < Duration::from_secs(2), "{p99:?}");
    within_the_limit(&sidecar);
    // The sidecar disconnects slow readers, so that memory becomes available for new clients.
    crate::support::until("a response while hostile readers are connected", || {
        let all = sidecar.loopback().get("/v1/resources?partial=true");
        all.status == 200 && all.body.len() > 1 << 20
    });
    within_the_limit(&sidecar);
    drop(hostile);
}

#[test]
fn a_state_is_rendered_once_for_all_clients() {
    let sidecar = Setup::new(MANUAL).flag(LIMIT).start();
    let build = sidecar.step("build");
    build.outputs("build", &large("x", LARGE)).ok();
    let path = "/v1/resources?partial=true";
    let first = {
        let begin = Instant::now();
        let response = sidecar.loopback().get(path);
        (begin.elapsed(), response)
    };
    let begin = Instant::now();
    for _ in 0..30 {
        let again = sidecar.loopback().get(path);
        assert!((again.status, &again.body) == (first.1.status, &first.1.body));
    }
    // In a debug build, copying is much faster than rendering. Rendering each time would take 30 times as long.
    let (again, once) = (begin.elapsed(), first.0);
    println!("first request {once:?}, 30 repeated requests {again:?}");
    assert!(
        again < 15 * once,
        "first request {once:?}, 30 repeated requests {again:?}"
    );
    // After the state changes, the view is rendered again.
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    let after = sidecar.loopback().get(path);
    assert!(after.text().contains("verdict: clean"));
    within_the_limit(&sidecar);
}

#[test]
fn successive_states_do_not_accumulate_for_slow_readers() {
    let steps: String = (0..40)
        .map(|step| format!("  s{step}: [{{name: out}}]\n"))
        .collect();
    let data: String = (0..40)
        .map(|step| format!("        s{step}: $(steps.s{step}.out)\n"))
        .collect();
    let declaration = format!(
        "steps:\n{steps}objects:\n  - name: note\n    resourceTemplate:\n      apiVersion: v1\n      kind: ConfigMap\n      \
         metadata: {{name: note}}\n      data:\n{data}submit: Manual\n"
    );
    let sidecar = Setup::new(&declaration).flag(LIMIT).start();
    let out = format!(r#"{{"outputs": {{"out": "{}"}}}}"#, "x".repeat(70 << 10));
    let mut slow = Vec::new();
    let mut refused = 0;
    for step in 0..40 {
        let step = format!("s{step}");
        sidecar.step(&step).outputs(&step, &out).ok();
        let mut reader = asking(&sidecar.loopback(), "/v1/resources?partial=true", &[]);
        let head = reader.head().unwrap();
        if head.status == 503 {
            assert!(head.header("retry-after").is_some(), "{head:?}");
            refused += 1;
        }
        slow.push(reader);
    }
    println!("{refused} of 40 states were not shown");
    assert!(
        refused > 0,
        "expected refusals, because slow readers hold all memory for responses"
    );
    within_the_limit(&sidecar);
    drop(slow);
    crate::support::until("a response after the slow readers disconnected", || {
        sidecar.loopback().get("/v1/resources").status == 200
    });
}

#[test]
fn a_slow_large_body_does_not_delay_other_steps() {
    let sidecar = Setup::new(MANUAL).flag(LIMIT).start();
    let head = "POST /v1/steps/build/outputs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18000000\r\n\r\n{";
    let mut dripping: Vec<Connection> = (0..8).map(|_| sidecar.step("build").connect()).collect();
    for connection in &mut dripping {
        connection.send(head.as_bytes()).unwrap();
    }
    let begin = Instant::now();
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    let took = begin.elapsed();
    println!("a message took {took:?} while eight slow clients sent theirs");
    // A slow body is refused after 5 s. Without reserved memory, the other step's message would have to wait until then.
    assert!(took < Duration::from_secs(4), "{took:?}");
    let answers: Vec<Response> = dripping
        .iter_mut()
        .map(|connection| connection.answer().unwrap())
        .collect();
    let busy = answers.iter().filter(|answer| answer.status == 503);
    for answer in busy.clone() {
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    }
    // At most four posts from a step are processed concurrently, so four of the eight are refused immediately.
    assert_eq!(busy.count(), 4, "{answers:?}");
    let slow = answers.iter().find(|answer| answer.status == 408).unwrap();
    assert!(slow.text().contains("stalled"), "{}", slow.text());
    sidecar.step("build").outputs("build", DIGEST).ok();
}

#[test]
fn streams_and_waits_are_limited_separately_on_each_socket() {
    let sidecar = Setup::new(MANUAL).start();
    let classes = [
        ("/v1/events", 16, "event streams"),
        ("/v1/resources?wait=1m", 16, "waiting requests"),
    ];
    let mut held = Vec::new();
    for (path, most, what) in classes {
        for _ in 0..most {
            held.push(asking(&sidecar.loopback(), path, &[]));
        }
        crate::support::until("a refusal", || {
            let mut one_more = asking(&sidecar.loopback(), path, &[]);
            let Ok(head) = one_more.head() else {
                return false;
            };
            assert_eq!(head.status, 503, "{path}");
            assert_eq!(head.header("retry-after"), Some("1"));
            let length = head.header("content-length").unwrap();
            length.parse::<usize>().unwrap() > what.len()
        });
        // The limits apply to each socket separately.
        let mut other = asking(&sidecar.step("scan"), path, &[]);
        if path == "/v1/events" {
            assert_eq!(other.head().unwrap().status, 200);
        }
        held.push(other);
    }
    let begin = Instant::now();
    sidecar.loopback().get("/v1/status").ok();
    sidecar.step("scan").get("/v1/status").ok();
    assert!(begin.elapsed() < PATIENCE / 2);
    // After the clients disconnect, a new client gets a slot.
    held.clear();
    crate::support::until("a free slot for a stream", || {
        let mut stream = asking(&sidecar.loopback(), "/v1/events", &[]);
        stream.head().is_ok_and(|head| head.status == 200)
    });
}

#[test]
fn a_probe_gets_its_response_while_all_other_sockets_are_busy() {
    let setup = Setup::new(MANUAL)
        .flag("--max-connections=4")
        .flag("--header-timeout=1m");
    let sidecar = setup.start();
    let places = [
        sidecar.step("build"),
        sidecar.step("scan"),
        sidecar.loopback(),
    ];
    let mut held: Vec<Connection> = Vec::new();
    for place in &places {
        for _ in 0..8 {
            let mut connection = place.connect();
            connection.send(b"GET /v1/sta").unwrap();
            held.push(connection);
        }
    }
    let mut ready = std::process::Command::new(env!("CARGO_BIN_EXE_gleaner-sidecar"));
    ready.env_clear().arg("ready").arg("--wait=0s");
    ready.arg(format!("--run-dir={}", setup.path("run").display()));
    assert!(ready.status().unwrap().success());
    drop(held);
}

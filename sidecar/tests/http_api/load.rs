//! Tests a run near the limits of a declaration, with 200 steps, 3,600 outputs and 400 objects, and 50 slow clients.

use std::time::{Duration, Instant};

use gleaner_proto::message::Phase;

use crate::support::{Connection, Setup, request};

const STEPS: usize = 200;
const OUTPUTS: usize = 18;
const OBJECTS: usize = 400;
const SLOW: usize = 50;

fn declaration() -> String {
    let mut text = "steps:\n".to_owned();
    for step in 0..STEPS {
        text += &format!("  s{step}:\n");
        for output in 0..OUTPUTS {
            text += &format!("    - {{name: o{output}}}\n");
        }
    }
    text += "objects:\n";
    for object in 0..OBJECTS {
        text += &format!(
            "  - name: c{object}\n    resourceTemplate:\n      apiVersion: v1\n      kind: ConfigMap\n      metadata: {{name: \
             c{object}}}\n      data:\n"
        );
        for key in 0..STEPS * OUTPUTS / OBJECTS {
            let output = object * STEPS * OUTPUTS / OBJECTS + key;
            let (step, output) = (output / OUTPUTS, output % OUTPUTS);
            text += &format!("        k{key}: $(steps.s{step}.o{output})\n");
        }
    }
    text + "submit: Manual\n"
}

/// Requests a large response, which the test then reads slowly, line by line. The requested path depends on `index`.
fn slow(sidecar: &crate::support::Sidecar, index: usize) -> Connection {
    let paths = [
        "/v1/events",
        "/v1/resources?partial=true",
        "/v1/status",
        "/v1/resources?wait=1m",
    ];
    let mut connection = sidecar.loopback().connect();
    let path = paths[index % paths.len()];
    let _ = connection.send(&request("GET", path, &[], b""));
    connection
}

#[test]
fn a_large_run_with_slow_clients_stays_within_its_time_and_memory() {
    let setup = Setup::new(&declaration()).flag("--memory-limit=128Mi");
    let begin = Instant::now();
    let sidecar = setup.start();
    println!(
        "{STEPS} steps, {OBJECTS} objects: ready in {:?}",
        begin.elapsed()
    );
    let value = "x".repeat(100);
    let outputs: Vec<String> = (0..OUTPUTS)
        .map(|output| format!(r#""o{output}": "{value}""#))
        .collect();
    let body = format!(r#"{{"outputs": {{{}}}}}"#, outputs.join(","));
    let mut clients: Vec<Connection> = (0..SLOW).map(|index| slow(&sidecar, index)).collect();
    let mut times = Vec::new();
    for step in 0..STEPS {
        let (name, begin) = (format!("s{step}"), Instant::now());
        sidecar.step(&name).outputs(&name, &body).ok();
        times.push(begin.elapsed());
        if step % 4 == 0 {
            let _ = clients[step % SLOW].line();
        }
    }
    times.sort_unstable();
    let (median, p99) = (times[STEPS / 2], times[STEPS * 99 / 100 - 1]);
    drop(clients);
    let begin = Instant::now();
    let status = sidecar.loopback().get("/v1/status");
    let described = begin.elapsed();
    let status: gleaner_proto::message::Status = serde_json::from_slice(&status.body).unwrap();
    assert_eq!(status.phase, Phase::Resolved);
    assert_eq!(status.variables.len(), STEPS * OUTPUTS);
    let begin = Instant::now();
    let yaml = sidecar.loopback().get("/v1/resources");
    let rendered = begin.elapsed();
    assert_eq!(yaml.text().matches("kind: ConfigMap").count(), OBJECTS);
    let peak = sidecar.memory("VmHWM");
    println!(
        "POST: median {median:?}, p99 {p99:?}; status in {described:?}; {} KiB of YAML in {rendered:?}; peak {peak} KiB",
        yaml.body.len() >> 10
    );
    // The bounds are for a debug build on a busy machine. Quadratic work would take minutes.
    assert!(p99 < Duration::from_secs(2), "{p99:?}");
    assert!(rendered < Duration::from_secs(20), "{rendered:?}");
    assert!(peak < 128 << 10, "{peak} KiB");
}

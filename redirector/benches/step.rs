//! Measures the overhead of the redirector. The benchmark alternates between `/bin/true` alone and `/bin/true` under the
//! redirector, so that other load on the machine affects both. The sidecar is a thread that accepts every message.
//!
//! `cargo bench -p gleaner-redirector` measures the binary of that build. Set `REDIRECTOR=PATH` to measure another binary.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const ROUNDS: usize = 2000;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{\"phase\":\"Collecting\"}";

fn main() {
    let redirector = std::env::var("REDIRECTOR")
        .unwrap_or_else(|_| env!("CARGO_BIN_EXE_gleaner-redirector").into());
    let folder = tempfile::tempdir().expect("a directory");
    let sidecar = serve(folder.path());
    fs::write(folder.path().join("digest"), "sha256:1\n").expect("an output");

    let mut plain = Command::new("/bin/true");
    let mut wrapped = Command::new(&redirector);
    wrapped.current_dir(&folder).args([
        "--step=a",
        "--sidecar",
        &sidecar,
        "--outputs-dir=.",
        "--output=digest",
        "--",
        "/bin/true",
    ]);
    let (mut alone, mut under) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.push(time(&mut plain));
        under.push(time(&mut wrapped));
    }
    let size = fs::metadata(&redirector).expect("the redirector").len();
    println!("redirector: {redirector} ({size} bytes)");
    let alone = report("/bin/true", alone);
    let under = report("redirector -- /bin/true", under);
    println!(
        "added by the redirector (median): {:.3} ms",
        (under - alone).as_secs_f64() * 1e3
    );
}

fn time(command: &mut Command) -> Duration {
    command.stdin(Stdio::null());
    let start = Instant::now();
    let status = command.status().expect("started");
    let taken = start.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    taken
}

fn report(what: &str, mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let at = |percent: usize| times[times.len() * percent / 100];
    let shown = |percent| at(percent).as_secs_f64() * 1e3;
    println!(
        "{what:24}  p10 {:.3}  p50 {:.3}  p90 {:.3} ms",
        shown(10),
        shown(50),
        shown(90)
    );
    at(50)
}

fn serve(folder: &Path) -> String {
    let socket = folder.join("gleaner.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            // The message is so small that a single read returns its head and body.
            let _ = stream.read(&mut buffer).expect("a request");
            stream.write_all(ANSWER).expect("a response");
        }
    });
    format!("unix:{}", socket.display())
}

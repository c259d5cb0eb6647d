//! Measures the time from connecting to a step's socket to the response that accepts the step's message.
//!
//! For comparison, the benchmark also measures a GET request, which does not use the journal, over the same kind of socket. The
//! whole benchmark runs once with the journal in memory (`/dev/shm`), and once with the journal on disk (fsync). The goal is p99
//! <= 1 ms without fsync.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The number of steps. Each step posts one message.
const STEPS: usize = 400;

fn main() {
    println!("{:<28} {:>9} {:>9} {:>9}", "", "median", "p99", "max");
    for (name, parent) in [
        ("journal in memory", "/dev/shm"),
        ("journal on disk", "/var/tmp"),
    ] {
        let folder = tempfile::tempdir_in(parent).expect("a directory");
        let sidecar = Sidecar::start(folder.path());
        let gets = (0..STEPS)
            .map(|step| sidecar.ask(step, "GET /livez", ""))
            .collect();
        let body = r#"{"outputs":{"digest":"sha256:54eda95dcc205717e35f96a257b6aab16b9817870ede5739ef739484a27b8678"}}"#;
        let posts = (0..STEPS)
            .map(|step| sidecar.ask(step, &format!("POST /v1/steps/s{step}/outputs"), body))
            .collect();
        report(&format!("GET, {name}"), gets);
        report(&format!("POST, {name}"), posts);
    }
}

struct Sidecar {
    process: Child,
    run_dir: std::path::PathBuf,
}

impl Sidecar {
    fn start(folder: &Path) -> Self {
        let declaration = folder.join("declaration.yaml");
        let steps: String = (0..STEPS)
            .map(|step| format!("  s{step}: [{{name: digest}}]\n"))
            .collect();
        std::fs::write(&declaration, format!("steps:\n{steps}")).expect("a declaration");
        let run_dir = folder.join("r");
        let process = Command::new(env!("CARGO_BIN_EXE_gleaner-sidecar"))
            .args([
                "--listen",
                "127.0.0.1:0",
                "--log-level",
                "warn",
                "--context",
                "taskRun.uid=bench",
            ])
            .arg("--declaration-file")
            .arg(declaration)
            .arg("--run-dir")
            .arg(&run_dir)
            .arg("--state-dir")
            .arg(folder.join("state"))
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the sidecar");
        let sidecar = Self { process, run_dir };
        while UnixStream::connect(sidecar.socket(STEPS - 1)).is_err() {
            std::thread::yield_now();
        }
        sidecar
    }

    fn socket(&self, step: usize) -> std::path::PathBuf {
        self.run_dir.join(format!("s{step}/gleaner.sock"))
    }

    fn ask(&self, step: usize, what: &str, body: &str) -> Duration {
        let begin = Instant::now();
        let mut stream = UnixStream::connect(self.socket(step)).expect("connected");
        let length = body.len();
        let request = format!(
            "{what} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let taken = begin.elapsed();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        taken
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let milliseconds = |index: usize| times[index].as_secs_f64() * 1e3;
    let last = times.len() - 1;
    println!(
        "{what:<28} {:>6.3} ms {:>6.3} ms {:>6.3} ms",
        milliseconds(last / 2),
        milliseconds(last * 99 / 100),
        milliseconds(last)
    );
}

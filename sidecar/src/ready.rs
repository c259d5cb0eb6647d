//! Waits until the sidecar in this container is ready. The kubelet runs this program as a hook or probe, because the image
//! contains no other HTTP client.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use gleaner_proto::path;

use crate::config::Ready;

/// The interval between two requests. It is short, because the hook delays the steps.
const ASKING: Duration = Duration::from_millis(5);
/// The time limit for one response.
const ANSWER: Duration = Duration::from_secs(2);
/// The maximum number of bytes that are read from the status line.
const STATUS_LINE: u64 = 64;

/// Polls until the sidecar is ready or the time limit has passed.
pub(crate) fn main(ready: &Ready) -> ExitCode {
    let start = Instant::now();
    loop {
        let answer = ask(&ready.run_dir);
        match answer {
            Ok(()) => return ExitCode::SUCCESS,
            Err(why) if start.elapsed() >= ready.wait => {
                // The kubelet shows this message in an Event.
                eprintln!(
                    "gleaner-sidecar: the sidecar is not ready after {:?}: {why}; see the container's log",
                    ready.wait
                );
                return ExitCode::FAILURE;
            }
            Err(_) => std::thread::sleep(ASKING),
        }
    }
}

/// Sends a request to the sidecar's own socket. Steps cannot block this socket, because they do not mount it.
fn ask(run_dir: &Path) -> io::Result<()> {
    let mut stream = UnixStream::connect(run_dir.join(path::READY_SOCKET))?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(STATUS_LINE).read_to_string(&mut answer)?;
    let status = answer.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) == Some("200") {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "the sidecar responded with '{status}'"
        )))
    }
}

//! A sidecar with scripted responses.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// The sidecar's behavior on one connection.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Reads the request and responds with these bytes.
    Raw(Vec<u8>),
    /// Reads the request and closes the connection without a response, like a sidecar that crashes.
    Die,
    /// Closes the connection after the request head, without reading the body.
    Refuse,
    /// Reads only the head of the request, responds with these bytes, and closes the connection.
    Early(Vec<u8>),
    /// Reads the request and responds with these bytes after this delay.
    Late(Duration, Vec<u8>),
    /// Same as [`Late`](Self::Late), but serves other connections during the delay.
    Meanwhile(Duration, Vec<u8>),
    /// Reads the request and never responds.
    Silence,
}

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: String,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Request>>,
    /// The heads of the requests that report the start or the failure of a step. Such a request does not consume a scripted
    /// reply.
    reports: Mutex<Vec<String>>,
    changed: Condvar,
}

/// A scripted sidecar, which runs until the test process exits.
pub(crate) struct Sidecar {
    pub(crate) address: String,
    seen: Arc<Seen>,
    _folder: TempDir,
}

// === impl Reply ===

impl Reply {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        let length = body.len();
        let text = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        Self::Raw(text.into_bytes())
    }

    pub(crate) fn accepted() -> Self {
        Self::json(200, r#"{"phase":"Collecting","pending":["steps.a.b"]}"#)
    }

    /// Returns a response with a body that exceeds the redirector's limit. The head specifies the length of the body, but only
    /// the beginning of the body follows.
    pub(crate) fn too_large(status: u16) -> Self {
        let length = (64 << 20) + 1;
        let text = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{{");
        Self::Raw(text.into_bytes())
    }

    pub(crate) fn problem(status: u16, kind: &str, exit_code: u8) -> Self {
        let body = format!(
            r#"{{"type":"/problems/{kind}","title":"no","status":{status},"detail":"do\nthat","exitCode":{exit_code}}}"#
        );
        Self::json(status, &body)
    }
}

// === impl Sidecar ===

impl Sidecar {
    /// Returns a sidecar that accepts every message.
    pub(crate) fn content() -> Self {
        Self::replying(&[Reply::accepted()])
    }

    /// Returns a sidecar that sends these responses in order, and then repeats the last response.
    pub(crate) fn replying(replies: &[Reply]) -> Self {
        let folder = TempDir::new().unwrap();
        let socket = folder.path().join("gleaner.sock");
        let seen = listen(&socket, replies);
        let address = format!("unix:{}", socket.display());
        Self {
            address,
            seen,
            _folder: folder,
        }
    }

    /// Same as [`Self::replying`], but over TCP.
    pub(crate) fn over_tcp(replies: &[Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen = serve(replies, move || listener.accept().map(|(stream, _)| stream));
        Self {
            address,
            seen,
            _folder: TempDir::new().unwrap(),
        }
    }

    /// Returns the address of a sidecar that is not running yet, and a function that starts the sidecar.
    pub(crate) fn late(replies: &[Reply]) -> (String, impl FnOnce() -> Self + use<>) {
        let folder = TempDir::new().unwrap();
        let socket = folder.path().join("gleaner.sock");
        let address = format!("unix:{}", socket.display());
        let replies = replies.to_vec();
        let comes_up = {
            let address = address.clone();
            move || Self {
                address,
                seen: listen(&socket, &replies),
                _folder: folder,
            }
        };
        (address, comes_up)
    }

    /// Returns all requests received so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// Returns the method, path and query of each request that reports the start or the failure of a step.
    pub(crate) fn reports(&self) -> Vec<String> {
        let reports = self.seen.reports.lock().unwrap();
        let lines = reports.iter().filter_map(|head| head.split_once(" HTTP/"));
        lines.map(|(line, _)| line.to_owned()).collect()
    }

    /// Returns the bodies of all requests received so far.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.requests()
            .into_iter()
            .map(|request| request.body)
            .collect()
    }

    /// Waits until this many requests have been received.
    pub(crate) fn wait_for(&self, count: usize) {
        let requests = self.seen.requests.lock().unwrap();
        let (_requests, waited) = self
            .seen
            .changed
            .wait_timeout_while(requests, Duration::from_secs(60), |requests| {
                requests.len() < count
            })
            .unwrap();
        assert!(!waited.timed_out(), "{count} requests did not arrive");
    }
}

fn listen(socket: &Path, replies: &[Reply]) -> Arc<Seen> {
    let listener = UnixListener::bind(socket).unwrap();
    serve(replies, move || listener.accept().map(|(stream, _)| stream))
}

fn serve<S: Read + Write + Send + 'static>(
    replies: &[Reply],
    accept: impl Fn() -> std::io::Result<S> + Send + 'static,
) -> Arc<Seen> {
    let seen = Arc::<Seen>::default();
    let record = seen.clone();
    let replies = replies.to_vec();
    thread::spawn(move || {
        let mut silent = Vec::new();
        let mut index = 0;
        loop {
            let mut stream = accept().unwrap();
            let (head, body) = read_head(&mut stream);
            if is_report(&head) {
                record.reports.lock().unwrap().push(head);
                let Reply::Raw(answer) = Reply::accepted() else {
                    unreachable!("Reply::accepted returns a raw reply")
                };
                drop(stream.write_all(&answer));
                continue;
            }
            let reply = &replies[index.min(replies.len() - 1)];
            index += 1;
            match reply {
                Reply::Refuse => {}
                Reply::Early(answer) => {
                    record.add(head, Vec::new());
                    let _ = stream.write_all(answer);
                }
                reply => {
                    let body = read_body(&mut stream, &head, body);
                    record.add(head, body);
                    match reply {
                        // Sending may fail, because the client disconnects after it has read enough of the response.
                        Reply::Raw(answer) => drop(stream.write_all(answer)),
                        Reply::Late(held, answer) => {
                            thread::sleep(*held);
                            drop(stream.write_all(answer));
                        }
                        Reply::Meanwhile(held, answer) => {
                            let (held, answer) = (*held, answer.clone());
                            thread::spawn(move || {
                                thread::sleep(held);
                                drop(stream.write_all(&answer));
                            });
                        }
                        Reply::Silence => silent.push(stream),
                        _ => {}
                    }
                }
            }
        }
    });
    seen
}

impl Seen {
    fn add(&self, head: String, body: Vec<u8>) {
        let body = String::from_utf8(body).unwrap();
        self.requests.lock().unwrap().push(Request { head, body });
        self.changed.notify_all();
    }
}

/// Returns true for a request that only changes the status.
fn is_report(head: &str) -> bool {
    let line = head.lines().next().unwrap_or_default();
    line.ends_with("/start HTTP/1.1") || line.contains("/failure?exitCode=")
}

/// Reads the head of the request. Returns the head, and the part of the body that arrived with it.
fn read_head(stream: &mut impl Read) -> (String, Vec<u8>) {
    let mut received = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        if let Some(end) = received.windows(4).position(|place| place == b"\r\n\r\n") {
            let body = received.split_off(end + 4);
            return (String::from_utf8(received).unwrap(), body);
        }
        let count = stream.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "the head is incomplete");
        received.extend_from_slice(&buffer[..count]);
    }
}

fn read_body(stream: &mut impl Read, head: &str, mut body: Vec<u8>) -> Vec<u8> {
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .map_or(0, |length| length.parse().unwrap());
    let left = length - body.len() as u64;
    stream.take(left).read_to_end(&mut body).unwrap();
    body
}

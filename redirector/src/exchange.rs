//! One HTTP exchange: connects, sends the request, and reads the response. Each connection carries one request.

use std::io::{self, BufWriter, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use gleaner_proto::route;

use crate::answer::{self, Body as Framed, Head, Malformed};
use crate::body::Body;
use crate::content::Changed;
use crate::options::Address;
use crate::sys;

/// The size of the send buffer, in bytes. It is large enough to send a small message with one system call.
const SEND_BUFFER: usize = 64 << 10;
/// The size of one read, in bytes.
const RECEIVE_BUFFER: usize = 8 << 10;
/// The minimum interval between liveness checks. The interval is a third of the time for which the sidecar may be unreachable,
/// but at least this long and at most [`HEARTBEAT_MAX`].
const HEARTBEAT_MIN: Duration = Duration::from_millis(50);
const HEARTBEAT_MAX: Duration = Duration::from_secs(5);
/// The maximum wait for a response after sending has failed. If the server has responded, the response arrives within this time.
const ANSWER_AFTER_BREAK: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'static str,
    pub(crate) path: &'a str,
    pub(crate) body: &'a Body,
}

#[derive(Debug)]
pub(crate) struct Interrupted {
    pub(crate) error: io::Error,
    /// The time from when the request was sent completely until the connection failed; zero if only a part was sent.
    pub(crate) held: Duration,
}

/// A response whose head was received.
#[derive(Debug)]
pub(crate) struct Response<'a> {
    pub(crate) status: u16,
    pub(crate) body: Framed<Incoming<'a>>,
    /// The time at which the request was sent completely, or `None` if only a part was sent.
    sent: Option<Instant>,
}

impl<'a> Response<'a> {
    const fn new(head: Head, rest: Incoming<'a>, sent: Option<Instant>) -> Self {
        Self {
            status: head.status,
            body: head.body(rest),
            sent,
        }
    }

    /// Returns the time since the whole request was sent, or zero if it has not been sent yet.
    pub(crate) fn held(&self) -> Duration {
        self.sent.map_or(Duration::ZERO, |sent| sent.elapsed())
    }
}

/// Sends a request to `address`, and waits for the head of the response. The time `until` is the limit for receiving the head and
/// for reading the body. A server that accepts no bytes for the duration `patience` counts as unreachable.
pub(crate) fn exchange<'a>(
    address: &'a Address,
    request: &Request<'_>,
    token: Option<&str>,
    patience: Duration,
    until: Instant,
) -> Result<Response<'a>, Interrupted> {
    let not_held = |error| Interrupted {
        error,
        held: Duration::ZERO,
    };
    let stream = connect(address, patience).map_err(not_held)?;
    // The minimum is one millisecond, because zero would disable the timeout.
    stream
        .set_write_timeout(Some(patience.max(Duration::from_millis(1))))
        .map_err(not_held)?;
    match send(&stream, request, token) {
        Ok(()) => {
            let sent = Instant::now();
            let heartbeat = Some(Heartbeat::new(address, patience));
            let received = Incoming::begin(stream, until, heartbeat);
            let (head, rest) = received.map_err(|error| Interrupted {
                error,
                held: sent.elapsed(),
            })?;
            Ok(Response::new(head, rest, Some(sent)))
        }
        // A file changed, so the message cannot be completed, and the server will not respond.
        Err(broken) if is_changed(&broken) => Err(not_held(broken)),
        // A server that rejects a request early, for example with 413, responds and stops reading, which makes sending fail.
        Err(broken) => {
            let until = until.min(Instant::now() + ANSWER_AFTER_BREAK);
            let received = Incoming::begin(stream, until, None);
            let (head, rest) = received.map_err(|_| not_held(broken))?;
            Ok(Response::new(head, rest, None))
        }
    }
}

/// Returns true if sending failed because a file changed, so that a retry would fail too.
pub(crate) fn is_changed(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Changed>())
}

fn send(stream: &UnixStream, request: &Request<'_>, token: Option<&str>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(SEND_BUFFER, stream);
    let length = request.body.length();
    write!(
        out,
        "{} {} HTTP/1.1\r\nHost: localhost\r\n",
        request.method, request.path
    )?;
    out.write_all(b"Accept: application/json, application/problem+json\r\n")?;
    out.write_all(
        concat!(
            "User-Agent: gleaner-redirector/",
            env!("CARGO_PKG_VERSION"),
            "\r\n"
        )
        .as_bytes(),
    )?;
    if let Some(token) = token {
        write!(out, "Authorization: Bearer {token}\r\n")?;
    }
    if length > 0 {
        out.write_all(b"Content-Type: application/json\r\n")?;
    }
    if request.method != "GET" {
        write!(out, "Content-Length: {length}\r\n")?;
    }
    out.write_all(b"Connection: close\r\n\r\n")?;
    request.body.write_to(&mut out)?;
    out.flush()
}

/// The bytes that arrive until the connection closes.
#[derive(Debug)]
pub(crate) struct Incoming<'a> {
    stream: UnixStream,
    until: Instant,
    heartbeat: Option<Heartbeat<'a>>,
    /// The bytes that arrived with the head. `read` counts the bytes that were already consumed.
    received: Vec<u8>,
    read: usize,
}

impl<'a> Incoming<'a> {
    /// Receives the head of a response, and returns it together with a reader for the remaining bytes.
    fn begin(
        stream: UnixStream,
        until: Instant,
        heartbeat: Option<Heartbeat<'a>>,
    ) -> io::Result<(Head, Self)> {
        let mut incoming = Self {
            stream,
            until,
            heartbeat,
            received: Vec::new(),
            read: 0,
        };
        let mut buffer = [0; RECEIVE_BUFFER];
        loop {
            let count = incoming.receive(&mut buffer)?;
            if count == 0 {
                return Err(Malformed::Truncated.into());
            }
            incoming.received.extend_from_slice(&buffer[..count]);
            if let Some((head, begin)) = answer::parse(&incoming.received)? {
                incoming.read = begin;
                return Ok((head, incoming));
            }
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let left_to_beat = self.heartbeat.as_ref().map_or(left, Heartbeat::left);
            self.stream.set_read_timeout(Some(left.min(left_to_beat)))?;
            match self.stream.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Some(heartbeat) = &mut self.heartbeat {
                        heartbeat.beat()?;
                    }
                }
                count => return count,
            }
        }
    }
}

impl Read for Incoming<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut rest = &self.received[self.read..];
        if rest.is_empty() {
            return self.receive(buffer);
        }
        let count = rest.read(buffer)?;
        self.read += count;
        Ok(count)
    }
}

/// The liveness checks for a sidecar that has not responded yet. A response may take a long time, but a check is fast.
#[derive(Debug)]
struct Heartbeat<'a> {
    address: &'a Address,
    patience: Duration,
    /// The time of the last successful check.
    alive: Instant,
    next: Instant,
}

impl<'a> Heartbeat<'a> {
    fn new(address: &'a Address, patience: Duration) -> Self {
        let alive = Instant::now();
        Self {
            address,
            patience,
            alive,
            next: alive + interval(patience),
        }
    }

    /// Returns the time until the next check. The time is never zero, because zero would disable the socket's timeout.
    fn left(&self) -> Duration {
        let left = self.next.saturating_duration_since(Instant::now());
        left.max(Duration::from_millis(1))
    }

    /// Checks on a separate connection that the sidecar is alive.
    ///
    /// # Errors
    /// Fails with [`Silent`] if no check has succeeded for the duration `patience`.
    fn beat(&mut self) -> io::Result<()> {
        let interval = interval(self.patience);
        if is_alive(self.address, interval) {
            self.alive = Instant::now();
        } else if self.alive.elapsed() >= self.patience {
            return Err(io::Error::new(io::ErrorKind::TimedOut, Silent));
        }
        self.next = Instant::now() + interval;
        Ok(())
    }
}

fn interval(patience: Duration) -> Duration {
    (patience / 3).clamp(HEARTBEAT_MIN, HEARTBEAT_MAX)
}

/// Returns true if the server at `address` begins to respond within `time`.
fn is_alive(address: &Address, time: Duration) -> bool {
    let ask = || {
        let mut stream = connect(address, time)?;
        stream.set_write_timeout(Some(time))?;
        stream.set_read_timeout(Some(time))?;
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            route::LIVE
        );
        stream.write_all(request.as_bytes())?;
        stream.read(&mut [0; 64])
    };
    matches!(ask(), Ok(1..))
}

/// An error for a sidecar that has passed no liveness check during the whole time for which it may be unreachable. An
/// [`io::Error`] contains this error.
#[derive(Debug)]
struct Silent;

impl std::fmt::Display for Silent {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("it accepts connections but does not respond; its process may be stopped")
    }
}

impl std::error::Error for Silent {}

/// Returns true if the error is [`Silent`].
pub(crate) fn is_silent(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Silent>())
}

/// Connects to `address`. TCP sockets are also returned as [`UnixStream`], because reading, writing and timeouts work on the file
/// descriptor of any socket.
fn connect(address: &Address, patience: Duration) -> io::Result<UnixStream> {
    match address {
        // A connection to a Unix socket either succeeds or fails immediately, so no timeout is necessary.
        Address::Unix(path) => sys::connect(path).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => {
                io::Error::other("it does not accept connections; its process may be stopped")
            }
            _ => error,
        }),
        Address::Tcp(address) => {
            let patience = patience.max(Duration::from_secs(1));
            let stream = TcpStream::connect_timeout(address, patience)?;
            stream.set_nodelay(true)?;
            Ok(OwnedFd::from(stream).into())
        }
    }
}

//! One HTTP exchange: connect, send, read the answer. One request per connection.

use std::io::{self, BufWriter, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::answer::{self, Answer};
use crate::body::Body;
use crate::options::Address;
use crate::sys;

/// How much is collected before it is sent: a small message goes in one system call.
const SEND_BUFFER: usize = 64 << 10;
/// How much is read at once.
const RECEIVE_BUFFER: usize = 8 << 10;
/// How long an answer is looked for after sending broke off. It is there already, or never comes.
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
    /// How long the sidecar had the whole request before it was gone.
    pub(crate) held: Duration,
}

enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// Asks `address` and waits for the answer, but not beyond `until`; a server that takes no byte for `patience` counts
/// as gone. With the answer comes how long the server had the whole request before.
pub(crate) fn exchange(
    address: &Address,
    request: &Request<'_>,
    token: Option<&str>,
    patience: Duration,
    until: Instant,
) -> Result<(Answer, Duration), Interrupted> {
    let not_held = |error| Interrupted {
        error,
        held: Duration::ZERO,
    };
    let stream = Stream::connect(address, patience).map_err(not_held)?;
    // Zero would mean "for ever".
    stream
        .limit_writes(patience.max(Duration::from_millis(1)))
        .map_err(not_held)?;
    match send(&stream, request, token) {
        Ok(()) => {
            let sent = Instant::now();
            let received = receive(&stream, until);
            let held = sent.elapsed();
            received
                .map(|answer| (answer, held))
                .map_err(|error| Interrupted { error, held })
        }
        // A server that has seen enough (413) answers, and hears no more.
        Err(broken) => {
            let until = until.min(Instant::now() + ANSWER_AFTER_BREAK);
            receive(&stream, until)
                .map(|answer| (answer, Duration::ZERO))
                .map_err(|_| not_held(broken))
        }
    }
}

fn send(stream: &Stream, request: &Request<'_>, token: Option<&str>) -> io::Result<()> {
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

fn receive(stream: &Stream, until: Instant) -> io::Result<Answer> {
    let mut received = Vec::new();
    let mut buffer = [0; RECEIVE_BUFFER];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.limit_reads(left)?;
        let count = match (&mut &*stream).read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            count => count?,
        };
        received.extend_from_slice(&buffer[..count]);
        let parsed = answer::parse(&received, count == 0);
        if let Some(answer) =
            parsed.map_err(|malformed| io::Error::new(io::ErrorKind::InvalidData, malformed))?
        {
            return Ok(answer);
        }
    }
}

// === impl Stream ===

impl Stream {
    fn connect(address: &Address, patience: Duration) -> io::Result<Self> {
        match address {
            // On one machine a connection is made at once, or not at all.
            Address::Unix(path) => match sys::connect(path) {
                Err(full) if full.kind() == io::ErrorKind::WouldBlock => {
                    Err(io::Error::other("it accepts no connections"))
                }
                stream => stream.map(Self::Unix),
            },
            Address::Tcp(address) => {
                let stream =
                    TcpStream::connect_timeout(address, patience.max(Duration::from_secs(1)))?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
        }
    }

    fn limit_writes(&self, limit: Duration) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.set_write_timeout(Some(limit)),
            Self::Tcp(stream) => stream.set_write_timeout(Some(limit)),
        }
    }

    fn limit_reads(&self, limit: Duration) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.set_read_timeout(Some(limit)),
            Self::Tcp(stream) => stream.set_read_timeout(Some(limit)),
        }
    }
}

impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => (&*stream).read(buffer),
            Stream::Tcp(stream) => (&*stream).read(buffer),
        }
    }
}

impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => (&*stream).write(bytes),
            Stream::Tcp(stream) => (&*stream).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

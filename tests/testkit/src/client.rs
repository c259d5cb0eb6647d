//! HTTP on raw connections, so that a test can send arbitrary bytes and check the exact response.

mod response;
mod tls;

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

pub use response::Response;
use rustls::pki_types::CertificateDer;

/// The time limit for a response.
const PATIENCE: Duration = Duration::from_secs(60);

/// The address of a server.
#[derive(Debug, Clone)]
pub enum Place {
    /// A Unix socket.
    Socket(PathBuf),
    /// A TCP address.
    Tcp(SocketAddr),
}

/// A connection over which a test can send arbitrary bytes.
pub struct Connection {
    stream: BufReader<Box<dyn Socket>>,
    /// The certificate that the server presented.
    pub certificate: Option<CertificateDer<'static>>,
}

trait Socket: Read + Write + Send {
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()>;
}

/// Returns a complete request that has the header `Connection: close`.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let headers = [&[("Connection", "close")], headers].concat();
    lasting_request(method, path, &headers, body)
}

/// Returns a complete request after which the connection stays open.
pub fn lasting_request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        text += "Host: localhost\r\n";
    }
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if method == "POST" {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text += "\r\n";
    [text.as_bytes(), body].concat()
}

// === impl Place ===

impl Place {
    /// Connects to the server without TLS.
    pub fn connect(&self) -> Connection {
        let connection = match self {
            Self::Socket(path) => UnixStream::connect(path).and_then(|stream| {
                stream.set_read_timeout(Some(PATIENCE))?;
                Ok(Connection::over(stream, None))
            }),
            Self::Tcp(address) => tcp(*address).map(|stream| Connection::over(stream, None)),
        };
        connection.unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }

    /// Sends one request and reads its response.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let mut connection = self.connect();
        // Ignore the error, because a server that refuses a large body may close the connection before the whole body is sent.
        let _ = connection.send(&request(method, path, headers, body));
        let response = connection.answer();
        response.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Sends a GET request.
    pub fn get(&self, path: &str) -> Response {
        self.ask("GET", path, &[], b"")
    }

    /// Sends a POST request.
    pub fn post(&self, path: &str, body: &str) -> Response {
        self.ask("POST", path, &[], body.as_bytes())
    }

    /// Sends a POST request with a bearer token.
    pub fn post_with(&self, token: &str, path: &str, body: &str) -> Response {
        let token = format!("Bearer {token}");
        self.ask("POST", path, &[("Authorization", &token)], body.as_bytes())
    }

    /// Posts the outputs of `step` to the sidecar.
    pub fn outputs(&self, step: &str, body: &str) -> Response {
        self.post(&format!("/v1/steps/{step}/outputs"), body)
    }
}

// === impl Connection ===

impl Connection {
    /// Connects with TLS. The server's certificate must be issued by one of the CAs in `trusted` (PEM), and be valid for `name`.
    pub fn tls(address: SocketAddr, trusted: &str, name: &str) -> io::Result<Self> {
        let stream = tls::connect(tcp(address)?, trusted, name)?;
        let certificate = tls::certificate(&stream);
        Ok(Self::over(stream, certificate))
    }

    fn over(stream: impl Socket + 'static, certificate: Option<CertificateDer<'static>>) -> Self {
        Self {
            stream: BufReader::new(Box::new(stream)),
            certificate,
        }
    }

    /// Sends these bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// Reads a line and returns it without the newline; returns `None` if the server has closed the connection.
    pub fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let length = self.stream.read_line(&mut line)?;
        Ok((length > 0).then(|| line.trim_end().to_owned()))
    }

    /// Waits until the server sends a byte or closes the connection, and returns true if the server closed the connection.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0]), Ok(0))
    }

    /// Returns true if the server has already closed the connection; does not wait.
    pub fn has_closed(&mut self) -> bool {
        let stream = self.stream.get_mut();
        stream.set_nonblocking(true).expect("non-blocking mode");
        let read = stream.read(&mut [0]);
        stream.set_nonblocking(false).expect("blocking mode");
        !matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}

fn tcp(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // Disable Nagle's algorithm, because it can delay the end of a request by up to 40 ms. API clients disable it too.
    stream.set_nodelay(true)?;
    Ok(stream)
}

// === impl Socket ===

impl Socket for UnixStream {
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        Self::set_nonblocking(self, nonblocking)
    }
}

impl Socket for TcpStream {
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        Self::set_nonblocking(self, nonblocking)
    }
}

impl Socket for tls::Stream {
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking)
    }
}

//! HTTP by hand.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use gleaner_proto::message::Problem;
use serde_json::Value;

use super::PATIENCE;

/// Where a sidecar can be spoken to.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Socket(PathBuf),
    Loopback(SocketAddr),
}

/// A connection, on which one may send anything.
pub(crate) struct Connection {
    reader: BufReader<Box<dyn Read + Send>>,
    writer: Box<dyn Write + Send>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// A whole request, after whose answer the connection is closed.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
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
    pub(crate) fn connect(&self) -> Connection {
        match self {
            Self::Socket(path) => {
                let stream = UnixStream::connect(path).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                Connection::new(stream.try_clone().unwrap(), stream)
            }
            Self::Loopback(address) => {
                let stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                Connection::new(stream.try_clone().unwrap(), stream)
            }
        }
    }

    /// Sends one request and reads its answer.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut connection = self.connect();
        // A server that refuses a large body may close before all of it was sent.
        let _ = connection.send(&request(method, path, headers, body));
        connection.answer().unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, &[], body.as_bytes())
    }

    /// Posts with a bearer token.
    pub(crate) fn post_with(&self, token: &str, path: &str, body: &str) -> Answer {
        let token = format!("Bearer {token}");
        self.ask("POST", path, &[("Authorization", &token)], body.as_bytes())
    }

    /// Hands over the outputs of `step`.
    pub(crate) fn outputs(&self, step: &str, body: &str) -> Answer {
        self.post(&format!("/v1/steps/{step}/outputs"), body)
    }
}

// === impl Connection ===

impl Connection {
    fn new(reader: impl Read + Send + 'static, writer: impl Write + Send + 'static) -> Self {
        Self {
            reader: BufReader::new(Box::new(reader)),
            writer: Box::new(writer),
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)
    }

    /// The next line, without its end; none when the other side has closed.
    pub(crate) fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let length = self.reader.read_line(&mut line)?;
        Ok((length > 0).then(|| line.trim_end().to_owned()))
    }

    /// The status and the header fields of an answer.
    pub(crate) fn head(&mut self) -> io::Result<Answer> {
        let ended = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let status = self.line()?.ok_or_else(ended)?;
        let status = status.split(' ').nth(1).ok_or_else(ended)?;
        let mut answer = Answer {
            status: status.parse().unwrap(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let line = self.line()?.ok_or_else(ended)?;
            match line.split_once(": ") {
                Some((name, value)) => answer.headers.push((name.to_owned(), value.to_owned())),
                None => return Ok(answer),
            }
        }
    }

    /// A whole answer.
    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        let mut answer = self.head()?;
        if let Some(length) = answer.header("content-length") {
            answer.body = vec![0; length.parse().unwrap()];
            // An answer to HEAD announces a body that does not come.
            let mut read = 0;
            while read < answer.body.len() {
                match self.reader.read(&mut answer.body[read..])? {
                    0 => break,
                    some => read += some,
                }
            }
            answer.body.truncate(read);
        } else {
            assert_eq!(
                answer.header("transfer-encoding"),
                Some("chunked"),
                "{answer:?}"
            );
            loop {
                let size = self.line()?.unwrap_or_default();
                let size = usize::from_str_radix(&size, 16).unwrap();
                let mut chunk = vec![0; size + 2];
                self.reader.read_exact(&mut chunk)?;
                answer.body.extend_from_slice(&chunk[..size]);
                if size == 0 {
                    break;
                }
            }
        }
        Ok(answer)
    }

    /// Whether the other side closes without a further word.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.reader.read(&mut [0]), Ok(0))
    }
}

// === impl Answer ===

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(given, _)| given.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(
            self.header("content-type"),
            Some("application/json"),
            "{}",
            self.text()
        );
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The message of a 200.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    /// The problem document, which must be one with this status and type, and not too long to be read.
    pub(crate) fn problem(&self, status: u16, kind: &str) -> Problem {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(
            (problem.status, problem.kind.as_str()),
            (status, kind),
            "{problem:?}"
        );
        assert!(
            !problem.title.is_empty() && !problem.detail.is_empty(),
            "{problem:?}"
        );
        assert!(self.body.len() < 4096, "{problem:?}");
        problem
    }
}

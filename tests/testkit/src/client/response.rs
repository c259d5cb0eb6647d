//! HTTP responses, and reading them from a connection.

use std::io::{self, ErrorKind, Read};

use gleaner_proto::message::Problem;
use serde_json::Value;

use super::Connection;

/// A response.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The status.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Connection {
    /// Reads the status and the header fields of a response, but not the body.
    pub fn head(&mut self) -> io::Result<Response> {
        let ended = || io::Error::from(ErrorKind::UnexpectedEof);
        let status = self.line()?.ok_or_else(ended)?;
        let status = status.split(' ').nth(1).ok_or_else(ended)?;
        let mut response = Response {
            status: status.parse().expect("a status"),
            headers: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let line = self.line()?.ok_or_else(ended)?;
            match line.split_once(": ") {
                Some((name, value)) => response.headers.push((name.to_owned(), value.to_owned())),
                None => return Ok(response),
            }
        }
    }

    /// Reads a whole response.
    pub fn answer(&mut self) -> io::Result<Response> {
        let mut response = self.head()?;
        if let Some(length) = response.header("content-length") {
            response.body = vec![0; length.parse().expect("a length")];
            // Stop at the end of the stream, because the response to a HEAD request has a `Content-Length` but no body.
            let mut read = 0;
            while read < response.body.len() {
                match self.stream.read(&mut response.body[read..])? {
                    0 => break,
                    some => read += some,
                }
            }
            response.body.truncate(read);
            return Ok(response);
        }
        let encoding = response.header("transfer-encoding");
        assert_eq!(encoding, Some("chunked"), "{response:?}");
        loop {
            let size = self.line()?.unwrap_or_default();
            let size = usize::from_str_radix(&size, 16).expect("a chunk size");
            let mut chunk = vec![0; size + 2];
            self.stream.read_exact(&mut chunk)?;
            response.body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return Ok(response);
            }
        }
    }
}

// === impl Response ===

impl Response {
    /// Returns the value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(given, _)| given.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a UTF-8 body")
    }

    /// Returns the body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let media_type = self.header("content-type");
        assert_eq!(media_type, Some("application/json"), "{}", self.text());
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// Returns the body of a 200 response as JSON.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    /// Returns the problem document in the body. Checks its status and type, that it has a title and a detail, and that it is
    /// shorter than 4 KiB.
    #[track_caller]
    pub fn problem(&self, status: u16, kind: &str) -> Problem {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem: Problem = serde_json::from_slice(&self.body).expect("a problem");
        let found = (problem.status, problem.kind.as_str());
        assert_eq!(found, (status, kind), "{problem:?}");
        let is_explained = !problem.title.is_empty() && !problem.detail.is_empty();
        assert!(is_explained, "{problem:?}");
        assert!(self.body.len() < 4096, "{problem:?}");
        problem
    }
}

//! Checks that, whatever the API server responds, a submission either creates all objects or fails with at least one error, in
//! bounded time.
//!
//! The server behaves correctly, except for responses that the input replaces. Tokio's clock is paused while a task is running,
//! and advances to the next timer when all tasks are idle, so retries take no real time.
#![no_main]

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use arbitrary::Arbitrary;
use gleaner_core::declaration::{Declaration, Scope};
use gleaner_core::render::{Attempts, Values, render};
use gleaner_core::run::Run;
use gleaner_fuzz::Json;
use gleaner_runtime::api_server::{ApiServer, Bounds};
use gleaner_submission::{Settings, Submitter};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::timeout;

const DECLARATION: &str = "
steps:
  a: [{name: token, secret: true, default: x}]
resources: [{name: img, spec: {type: image, params: [{name: url, value: x}]}}]
objects:
- name: settings
  policy: Apply
  owned: false
  results: {a: .data.a}
  resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: b}}
- name: key
  owned: false
  waitFor: {jsonPath: .metadata.uid, timeout: 5s}
  resourceTemplate: {apiVersion: v1, kind: Secret, metadata: {generateName: key-}, stringData: {a: b}}
";

/// A time that is longer than all timeouts of a submission together.
const LONG: Duration = Duration::from_secs(60 * 60);
/// The maximum length, in bytes, of each message and note, and of the whole error. A submission must shorten quoted text from the
/// API server.
const TEXT_MAX: usize = 64 << 10;

#[derive(Debug, Arbitrary)]
enum Response {
    /// A correct response.
    Right,
    /// A correct response, except for some fields of the body.
    Fields(Vec<(Field, Json)>),
    Status {
        code: Code,
        reason: Reason,
        message: Text,
        retry_after: i32,
        cause: Reason,
        headers: Vec<Header>,
    },
    /// Any status and body, with correct framing.
    Other {
        code: u16,
        body: Vec<u8>,
        headers: Vec<Header>,
    },
    /// Raw bytes, followed by the end of the connection.
    Bytes(Vec<u8>),
}

#[derive(Debug, Arbitrary)]
enum Field {
    Kind,
    ApiVersion,
    Metadata,
    Uid,
    Name,
    OwnerReferences,
    DeletionTimestamp,
    Annotations,
    Resources,
    Spec,
    Status,
}

#[derive(Debug, Arbitrary)]
enum Header {
    RetryAfter(u64),
    RetryAfterText(Vec<u8>),
    Warning(Vec<u8>),
    ContentType(Vec<u8>),
}

#[derive(Debug, Arbitrary)]
enum Code {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    Conflict,
    TooLarge,
    Invalid,
    Busy,
    Internal,
    Unavailable,
    Timeout,
}

#[derive(Debug, Arbitrary)]
enum Reason {
    None,
    AlreadyExists,
    Conflict,
    NotFound,
    FieldManagerConflict,
    NamespaceTerminating,
    Other(String),
}

#[derive(Debug, Arbitrary)]
enum Text {
    Permission,
    Namespace,
    TooLarge,
    Mistyped,
    Admission,
    Other(String),
}

type Script = Arc<Mutex<VecDeque<Response>>>;

static DECLARED: LazyLock<Declaration> =
    LazyLock::new(|| Declaration::parse(DECLARATION, &Scope::default()).expect("a declaration"));

libfuzzer_sys::fuzz_target!(|responses: Vec<Response>| {
    let runtime = runtime();
    let script = Arc::new(Mutex::new(VecDeque::from(responses)));
    runtime.block_on(async {
        let submitted = timeout(LONG, submit(script)).await;
        submitted.expect("the submission did not finish in bounded time");
    });
});

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

async fn submit(script: Script) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(serve(listener, Arc::clone(&script)));
    let server = ApiServer::at(address.parse().expect("an address"), Bounds::default());
    let server = server.expect("a client");
    let submitter = Submitter::new(server, "ci".into(), "run-1".into(), Settings::default());
    for finding in submitter.preflight(&DECLARED.templates).await {
        assert!(finding.failure.message.len() < TEXT_MAX);
    }
    let run = Run::default();
    let rendered = |attempts: &Attempts| render(&DECLARED, &Values::default(), &run, attempts);
    match submitter.submit(rendered, &|_| {}).await {
        Ok(submission) => {
            assert_eq!(submission.committed.len(), DECLARED.templates.len());
            assert!(submission.notes.iter().all(|note| note.len() < TEXT_MAX));
        }
        Err(error) => {
            assert!(!error.failures.is_empty());
            assert!(error.to_string().len() < TEXT_MAX);
        }
    }
}

async fn serve(listener: TcpListener, script: Script) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, Arc::clone(&script)));
    }
}

/// Responds to requests until the client or a response closes the connection.
async fn connection(mut stream: TcpStream, script: Script) -> Option<()> {
    let mut received = Vec::new();
    loop {
        let (head, body) = loop {
            if let Some(request) = request(&mut received) {
                break request;
            }
            if stream.read_buf(&mut received).await.ok()? == 0 {
                return None;
            }
        };
        let next = script.lock().ok()?.pop_front().unwrap_or(Response::Right);
        let (code, right) = right(&head, &body);
        let (bytes, ends) = match next {
            Response::Right => (framed(code, &right.to_string().into_bytes(), &[]), false),
            Response::Fields(fields) => {
                let mut body = right;
                for (field, Json(value)) in fields {
                    field.put(&mut body, value);
                }
                (framed(code, &body.to_string().into_bytes(), &[]), false)
            }
            Response::Status {
                code,
                reason,
                message,
                retry_after,
                cause,
                headers,
            } => {
                let code = code.number();
                let body = json!({
                    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code,
                    "reason": reason.text(), "message": message.text(),
                    "details": {"retryAfterSeconds": retry_after, "causes": [{"reason": cause.text()}]},
                });
                (
                    framed(code, &body.to_string().into_bytes(), &headers),
                    false,
                )
            }
            Response::Other {
                code,
                body,
                headers,
            } => (framed(code, &body, &headers), false),
            Response::Bytes(bytes) => (bytes, true),
        };
        stream.write_all(&bytes).await.ok()?;
        if ends {
            return None;
        }
    }
}

/// Removes the first request from the received bytes if it is complete. Returns its first line and its body.
fn request(received: &mut Vec<u8>) -> Option<(String, Value)> {
    let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&received[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |length| length.trim().parse().expect("a length"));
    let body = received.get(end + 4..end + 4 + length)?.to_vec();
    let line = String::from_utf8_lossy(&received[..end])
        .lines()
        .next()?
        .to_owned();
    received.drain(..end + 4 + length);
    Some((line, serde_json::from_slice(&body).unwrap_or_default()))
}

/// Returns the response that a correctly behaving API server sends.
fn right(line: &str, body: &Value) -> (u16, Value) {
    let path = line.split(' ').nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let kind = |kind: &str, name: &str| {
        json!({
            "name": name, "singularName": "", "namespaced": true, "kind": kind,
            "verbs": ["create", "delete", "get", "patch"],
        })
    };
    let list = |group: &str, resources: Value| json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group, "resources": resources});
    match line.split(' ').next().unwrap_or_default() {
        "GET" if path == "/api/v1" => {
            let resources = json!([kind("ConfigMap", "configmaps"), kind("Secret", "secrets")]);
            (200, list("v1", resources))
        }
        "GET" if path.starts_with("/apis/") && path.split('/').count() == 4 => {
            let resources = json!([kind("PipelineResource", "pipelineresources")]);
            (200, list(path.trim_start_matches("/apis/"), resources))
        }
        "POST" if path.contains("selfsubjectaccessreviews") => {
            let mut review = body.clone();
            review["status"] = json!({"allowed": true});
            (201, review)
        }
        "POST" | "PATCH" => {
            let mut object = body.clone();
            object["metadata"]["uid"] = "uid-1".into();
            object["metadata"]["resourceVersion"] = "1".into();
            (201, object)
        }
        "DELETE" => (
            200,
            json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}),
        ),
        _ => (
            404,
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "reason": "NotFound"}),
        ),
    }
}

fn framed(code: u16, body: &[u8], headers: &[Header]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {code} X\r\nContent-Length: {}\r\n", body.len()).into_bytes();
    let mut is_typed = false;
    for header in headers {
        let (name, value) = match header {
            Header::RetryAfter(seconds) => ("Retry-After", seconds.to_string().into_bytes()),
            Header::RetryAfterText(text) => ("Retry-After", text.clone()),
            Header::Warning(text) => ("Warning", text.clone()),
            Header::ContentType(text) => ("Content-Type", text.clone()),
        };
        is_typed |= name == "Content-Type";
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend(value);
        bytes.extend_from_slice(b"\r\n");
    }
    if !is_typed {
        bytes.extend_from_slice(b"Content-Type: application/json\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

impl Field {
    fn put(&self, body: &mut Value, value: Value) {
        let path: &[&str] = match self {
            Self::Kind => &["kind"],
            Self::ApiVersion => &["apiVersion"],
            Self::Metadata => &["metadata"],
            Self::Uid => &["metadata", "uid"],
            Self::Name => &["metadata", "name"],
            Self::OwnerReferences => &["metadata", "ownerReferences"],
            Self::DeletionTimestamp => &["metadata", "deletionTimestamp"],
            Self::Annotations => &["metadata", "annotations"],
            Self::Resources => &["resources"],
            Self::Spec => &["spec"],
            Self::Status => &["status"],
        };
        let mut place = body;
        for key in path {
            if !place.is_object() {
                *place = json!({});
            }
            place = &mut place[*key];
        }
        *place = value;
    }
}

impl Code {
    fn number(&self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Invalid => 422,
            Self::Busy => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::Timeout => 504,
        }
    }
}

impl Reason {
    fn text(&self) -> &str {
        match self {
            Self::None => "",
            Self::AlreadyExists => "AlreadyExists",
            Self::Conflict => "Conflict",
            Self::NotFound => "NotFound",
            Self::FieldManagerConflict => "FieldManagerConflict",
            Self::NamespaceTerminating => "NamespaceTerminating",
            Self::Other(text) => text,
        }
    }
}

impl Text {
    fn text(&self) -> &str {
        match self {
            Self::Permission => "User \"a\" cannot create resource \"b\"",
            Self::Namespace => "namespaces \"ci\" not found",
            Self::TooLarge => "etcdserver: request is too large",
            Self::Mistyped => "failed to create typed patch object",
            Self::Admission => "admission webhook \"x\" denied the request: no",
            Self::Other(text) => text,
        }
    }
}

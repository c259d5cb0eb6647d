//! Tests that a server enforces its limits.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::routing::{get, post};
use bytes::Bytes;
use gleaner_runtime::http::{Bodies, BodyError, Frames, Limits, Server, Share, bind};
use gleaner_runtime::shutdown::{self, Trigger};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// A timeout that is longer than any operation in these tests.
const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

struct Running {
    address: SocketAddr,
    trigger: Trigger,
    served: JoinHandle<()>,
}

fn limits() -> Limits {
    Limits {
        max_body: 10,
        max_connections: 8,
        header_timeout: PATIENCE,
        body_timeout: SHORT,
    }
}

async fn body(State(bodies): State<Bodies>, request: Request) -> String {
    match bodies.read(request).await {
        Ok(body) => format!("{} bytes", body.bytes.len()),
        Err(error) => error.to_string(),
    }
}

async fn start(limits: Limits, idle_timeout: Duration) -> Running {
    let router = Router::new()
        .route("/", get(async || "hello"))
        .route("/body", post(body))
        .with_state(Bodies::new(limits.max_body, limits.body_timeout));
    let (listener, address) = bind("127.0.0.1:0".parse().unwrap(), "--listen")
        .await
        .unwrap();
    let (trigger, shutdown) = shutdown::channel();
    let served =
        tokio::spawn(Server::new(router, &limits, 8 << 10, idle_timeout).serve(listener, shutdown));
    Running {
        address,
        trigger,
        served,
    }
}

impl Running {
    async fn send(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }

    async fn post(&self, rest: &str) -> String {
        let request = format!("POST /body HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{rest}");
        let mut response = String::new();
        let mut stream = self.send(request.as_bytes()).await;
        let read = stream.read_to_string(&mut response);
        tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        response
    }
}

async fn hello(stream: &mut TcpStream) {
    let mut response = Vec::new();
    let read = async {
        while !response.ends_with(b"hello") {
            assert_ne!(stream.read_buf(&mut response).await.unwrap(), 0);
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap();
}

async fn is_closed_within(stream: &mut TcpStream, time: Duration) -> bool {
    tokio::time::timeout(time, stream.read(&mut [0; 1]))
        .await
        .is_ok_and(|read| read.is_ok_and(|bytes| bytes == 0))
}

#[tokio::test]
async fn a_client_that_sends_half_a_header_is_disconnected_but_an_idle_client_is_not() {
    let mut limits = limits();
    limits.header_timeout = SHORT;
    let server = start(limits, PATIENCE).await;
    let mut half = server.send(&GET[..10]).await;
    let mut resting = server.send(GET).await;
    hello(&mut resting).await;
    assert!(is_closed_within(&mut half, PATIENCE).await);
    assert!(!is_closed_within(&mut resting, 2 * SHORT).await);
    resting.write_all(GET).await.unwrap();
    hello(&mut resting).await;
}

#[tokio::test]
async fn a_connection_that_is_idle_for_too_long_is_closed() {
    let server = start(limits(), SHORT).await;
    let mut silent = server.send(b"").await;
    let mut resting = server.send(GET).await;
    hello(&mut resting).await;
    assert!(is_closed_within(&mut resting, PATIENCE).await);
    assert!(is_closed_within(&mut silent, PATIENCE).await);
}

#[tokio::test]
async fn a_connection_above_the_limit_waits_until_another_closes() {
    let mut limits = limits();
    limits.max_connections = 1;
    let server = start(limits, PATIENCE).await;
    let mut first = server.send(GET).await;
    hello(&mut first).await;
    let mut second = server.send(GET).await;
    let early = tokio::time::timeout(SHORT, second.readable()).await;
    assert!(early.is_err(), "the second connection should wait");
    drop(first);
    hello(&mut second).await;
}

#[tokio::test]
async fn a_body_is_limited_in_size_and_time() {
    let server = start(limits(), PATIENCE).await;
    let cases = [
        ("content-length: 10\r\n\r\n0123456789", "10 bytes"),
        (
            "content-length: 11\r\n\r\n",
            "larger than 10 bytes (--max-body)",
        ),
        (
            "transfer-encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n012345\r\n0\r\n\r\n",
            "larger than 10 bytes",
        ),
        (
            "content-length: 10\r\n\r\n0",
            "within 200ms (--body-timeout)",
        ),
    ];
    for (rest, text) in cases {
        let response = server.post(rest).await;
        assert!(response.contains(text), "{response}");
    }
}

#[tokio::test]
async fn pending_requests_complete_after_a_shutdown_request() {
    let server = start(limits(), PATIENCE).await;
    let head = "POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n0";
    let mut begun = server.send(head.as_bytes()).await;
    let mut resting = server.send(GET).await;
    hello(&mut resting).await;
    server.trigger.request();
    assert!(is_closed_within(&mut resting, PATIENCE).await);
    begun.write_all(b"1").await.unwrap();
    let mut response = String::new();
    let read = begun.read_to_string(&mut response);
    tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
    assert!(response.ends_with("2 bytes"), "{response}");
    server.served.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_failed_handshake_closes_its_connection_and_a_slow_handshake_does_not_delay_others() {
    let router = Router::new().route("/", get(async || "hello"));
    let (listener, address) = bind("127.0.0.1:0".parse().unwrap(), "--listen")
        .await
        .unwrap();
    let (_trigger, shutdown) = shutdown::channel();
    let handshake = async |mut stream: TcpStream| match stream.read_u8().await {
        Ok(b'y') => Some(stream),
        _ => None,
    };
    let handshake = move |stream| Box::pin(handshake(stream));
    let server = Server::new(router, &limits(), 8 << 10, PATIENCE);
    tokio::spawn(server.serve_after(handshake, listener, shutdown));
    let connect = async |bytes: &[u8]| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    };
    let slow = connect(b"").await;
    let mut failed = connect(b"n").await;
    assert!(is_closed_within(&mut failed, PATIENCE).await);
    let mut fine = connect(&[b"y", GET].concat()).await;
    hello(&mut fine).await;
    drop(slow);
}

#[tokio::test]
async fn the_unspecified_address_accepts_ipv4_and_ipv6() {
    let (listener, address) = bind("[::]:0".parse().unwrap(), "--listen").await.unwrap();
    let (_trigger, shutdown) = shutdown::channel();
    let router = Router::new().route("/", get(async || "hello"));
    tokio::spawn(Server::new(router, &limits(), 8 << 10, PATIENCE).serve(listener, shutdown));
    let mut clients = vec!["127.0.0.1"];
    // Test IPv6 only if the system supports it.
    clients.extend(
        std::net::TcpListener::bind("[::1]:0")
            .is_ok()
            .then_some("::1"),
    );
    for client in clients {
        let mut stream = TcpStream::connect((client, address.port())).await.unwrap();
        stream.write_all(GET).await.unwrap();
        hello(&mut stream).await;
    }
}

/// The size of a response that does not fit into the buffers of a loopback connection.
const LARGE: usize = 32 << 20;

async fn serve_large(write_timeout: Duration) -> (SocketAddr, Trigger) {
    let large = Bytes::from(vec![b'x'; LARGE]);
    let router = Router::new().route("/", get(async move || Frames::body(large)));
    let (listener, address) = bind("127.0.0.1:0".parse().unwrap(), "--listen")
        .await
        .unwrap();
    let (trigger, shutdown) = shutdown::channel();
    let server = Server::new(router, &limits(), 8 << 10, PATIENCE).write_timeout(write_timeout);
    tokio::spawn(server.serve(listener, shutdown));
    (address, trigger)
}

/// Returns true if the server resets or closes the connection before it has sent the whole response.
async fn is_cut_off(stream: &mut TcpStream) -> bool {
    let mut response = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut response));
    let read = read.await.expect("the connection should be closed");
    read.is_err() || response.len() < LARGE
}

#[tokio::test]
async fn a_client_that_reads_nothing_of_its_response_is_disconnected() {
    let (address, _trigger) = serve_large(SHORT).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(GET).await.unwrap();
    tokio::time::sleep(10 * SHORT).await;
    assert!(is_cut_off(&mut stream).await);
}

#[tokio::test]
async fn a_client_that_reads_single_bytes_is_disconnected() {
    let (address, _trigger) = serve_large(SHORT).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(GET).await.unwrap();
    for _ in 0..20 {
        tokio::time::sleep(SHORT / 2).await;
        if stream.read(&mut [0; 1]).await.is_err() {
            return;
        }
    }
    assert!(is_cut_off(&mut stream).await);
}

#[tokio::test]
async fn a_slow_client_gets_a_complete_response_with_a_content_length() {
    let (address, _trigger) = serve_large(PATIENCE / 10).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(SHORT).await;
    let mut response = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut response));
    read.await.unwrap().unwrap();
    let head = response.windows(4).position(|end| end == b"\r\n\r\n");
    let (head, body) = response.split_at(head.unwrap() + 4);
    let head = String::from_utf8_lossy(head).to_lowercase();
    assert!(
        head.contains(&format!("content-length: {LARGE}\r\n")),
        "{head}"
    );
    assert_eq!(body.len(), LARGE);
}

async fn shared_body(
    State((bodies, share)): State<(Bodies, Share)>,
    Path(who): Path<String>,
    request: Request,
) -> String {
    let read = match &*who {
        "guest" => bodies.read(request).await,
        _ => bodies.read_into(request, &share).await,
    };
    match read {
        Ok(body) => format!("{} bytes", body.bytes.len()),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_reserved_share_of_the_memory_for_bodies_is_not_available_to_other_clients() {
    let bodies = Bodies::with_room(1 << 20, 1 << 20, PATIENCE);
    let router = Router::new()
        .route("/{who}", post(shared_body))
        .with_state((bodies, Share::new(8 << 10)));
    let (listener, address) = bind("127.0.0.1:0".parse().unwrap(), "--listen")
        .await
        .unwrap();
    let (_trigger, shutdown) = shutdown::channel();
    tokio::spawn(Server::new(router, &limits(), 8 << 10, PATIENCE).serve(listener, shutdown));
    let send = async |who: &str, length: usize, body: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST /{who} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    };
    let response = async |stream: &mut TcpStream, patience: Duration| {
        let mut response = String::new();
        let read = tokio::time::timeout(patience, stream.read_to_string(&mut response));
        read.await.map(|_| response)
    };
    // The first client announces a body as large as the memory for all clients, but sends only one byte.
    let mut dripping = send("guest", 1 << 20, "0").await;
    let mut guest = send("guest", 1, "0").await;
    assert!(response(&mut guest, SHORT).await.is_err(), "no memory");
    let mut host = send("host", 40, &"0".repeat(40)).await;
    // The host gets a response well before the server rejects the stalled body of the first client after 5 s.
    let heard = response(&mut host, 15 * SHORT).await.unwrap();
    assert!(heard.ends_with("40 bytes"), "{heard}");
    // After the rejection, the guest's second request gets memory, long before the time limit of 20 s for a whole body.
    let refused = response(&mut dripping, PATIENCE).await.unwrap();
    assert!(refused.contains("stalled"), "{refused}");
    assert!(
        response(&mut guest, PATIENCE)
            .await
            .unwrap()
            .ends_with("1 bytes")
    );
}

#[tokio::test]
async fn a_body_holds_memory_until_its_last_byte_is_dropped() {
    let bodies = Bodies::with_room(4 << 10, 4 << 10, SHORT);
    let body = || Request::new(axum::body::Body::from("hello"));
    let held = bodies.read(body()).await.unwrap().bytes;
    let part = held.slice(1..2);
    drop(held);
    let refused = bodies.read(body()).await.unwrap_err();
    assert!(matches!(refused, BodyError::NoRoom { .. }), "{refused}");
    drop(part);
    assert_eq!(bodies.read(body()).await.unwrap().bytes, "hello");
}

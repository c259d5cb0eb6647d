//! An API server that forwards all pod ports to a single address, and relays all other requests to another API server.

use std::net::SocketAddr;

use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

/// A running API server. It stops when this value is dropped.
pub(crate) struct PortForward {
    pub(crate) url: String,
    _runtime: Runtime,
}

/// Starts the API server. It relays requests to the API server at `api`, and forwards each pod port to the sidecar at `sidecar`.
pub(crate) fn start(api: SocketAddr, sidecar: SocketAddr) -> PortForward {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, api, sidecar));
        }
    });
    PortForward {
        url,
        _runtime: runtime,
    }
}

/// Handles one connection, and only the first request on it.
async fn serve(mut client: TcpStream, api: SocketAddr, sidecar: SocketAddr) {
    const END: &[u8] = b"\r\n\r\n";
    let mut head = vec![0; 16 << 10];
    let length = loop {
        let read = client.peek(&mut head).await.unwrap_or_default();
        let end = head[..read].windows(END.len()).position(|part| part == END);
        match end {
            Some(end) => break end,
            None if read == 0 => return,
            None => tokio::task::yield_now().await,
        }
    };
    let text = String::from_utf8_lossy(&head[..length]).into_owned();
    let line = text.lines().next().unwrap_or_default();
    if let Some((_, ports)) = line.split_once("/portforward?&ports=") {
        let port = ports.split(' ').next().unwrap_or_default().parse().unwrap();
        forward(client, port, sidecar).await;
        return;
    }
    client.read_exact(&mut head[..length]).await.unwrap();
    let mut server = TcpStream::connect(api).await.unwrap();
    // Close the connection after the response. The client's next request then needs a new connection, and is inspected, too.
    let request = format!("{text}\r\nconnection: close");
    server.write_all(request.as_bytes()).await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}

/// Relays the data channel of one port over a WebSocket (k8s.io/kubelet, pkg/cri/streaming/portforward/websocket.go).
async fn forward(client: TcpStream, port: u16, sidecar: SocketAddr) {
    #[allow(
        clippy::result_large_err,
        reason = "the crate requires this type for its callback"
    )]
    let accept = |_: &Request, mut response: Response| {
        let protocol = "v4.channel.k8s.io".parse().unwrap();
        response
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        Ok(response)
    };
    let socket = accept_hdr_async(client, accept).await.unwrap();
    let (mut to_client, mut from_client) = socket.split();
    let [low, high] = port.to_le_bytes();
    for channel in [0, 1] {
        let first = Message::binary(vec![channel, low, high]);
        to_client.send(first).await.unwrap();
    }
    let (mut from_sidecar, mut to_sidecar) =
        TcpStream::connect(sidecar).await.unwrap().into_split();
    let up = async {
        while let Some(Ok(message)) = from_client.next().await {
            if let [0, data @ ..] = message.into_data().as_ref() {
                to_sidecar.write_all(data).await.unwrap();
            }
        }
    };
    let down = async {
        let mut data = vec![0; 4096];
        while let Ok(read @ 1..) = from_sidecar.read(&mut data).await {
            let message = [&[0], &data[..read]].concat();
            if to_client.send(Message::binary(message)).await.is_err() {
                break;
            }
        }
    };
    tokio::join!(up, down);
}

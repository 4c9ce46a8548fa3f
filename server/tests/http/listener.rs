//! What needs connections.

use crate::harness::{DEADLINE, Node};
use hotbed_registry::Admission;
use hotbed_server::{Limits, ServeError, serve};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

struct Running {
    node: Node,
    address: SocketAddr,
    server: JoinSet<Result<(), ServeError>>,
}

async fn run(limits: Limits) -> Running {
    let node = Node::with(limits, Admission::Permissive).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(serve(listener, node.state.clone()));
    Running {
        node,
        address,
        server,
    }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn end(mut self) -> Result<(), ServeError> {
        self.node.state.shutdown.cancel();
        timeout(DEADLINE, self.server.join_next())
            .await
            .expect("it ends in time")
            .unwrap()
            .unwrap()
    }
}

/// Everything the server sends until `end` is in it or the connection ends.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    while !String::from_utf8_lossy(&text).contains(end) {
        match timeout(DEADLINE, stream.read(&mut chunk))
            .await
            .expect("it answers in time")
        {
            Ok(0) | Err(_) => break,
            Ok(read) => text.extend_from_slice(&chunk[..read]),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_server_drains_with_an_idle_connection_a_stream_and_half_a_request_open() {
    let running = run(Limits::default()).await;
    // Accepted in order: these before those that are answered.
    let untouched = running.connect().await;
    let mut half = running.connect().await;
    half.write_all(b"GET /healthz HTTP/1.1\r\nHost: loc")
        .await
        .unwrap();
    let mut idle = running.connect().await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    assert!(
        read_until(&mut idle, "\"ok\"")
            .await
            .starts_with("HTTP/1.1 200 OK")
    );
    let mut watcher = running.connect().await;
    let watch =
        b"GET /api/v1/changes HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
    watcher.write_all(watch).await.unwrap();
    assert!(
        read_until(&mut watcher, "follows")
            .await
            .contains("text/event-stream")
    );
    running.end().await.unwrap();
    assert_eq!(
        read_until(&mut watcher, "never").await.trim(),
        "0",
        "the stream ends as a whole answer"
    );
    drop((idle, untouched, half));
}

#[tokio::test]
async fn a_connection_that_does_not_end_is_cut_at_the_deadline_and_counted() {
    let running = run(Limits {
        drain: Duration::from_millis(50),
        ..Limits::default()
    })
    .await;
    let mut slow = running.connect().await;
    slow.write_all(b"PUT /api/v1/bots/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{").await.unwrap();
    // Answered in order: the other one was accepted after the slow one.
    let mut other = running.connect().await;
    other
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut other, "never").await;
    let cut = running.end().await.unwrap_err();
    assert!(matches!(cut, ServeError::Cut { open: 1, .. }), "{cut}");
}

#[tokio::test]
async fn a_client_that_sends_too_much_before_it_listens_gets_to_read_why() {
    let running = run(Limits {
        body_bytes: 100_000,
        ..Limits::default()
    })
    .await;
    let mut client = running.connect().await;
    let head = "PUT /api/v1/bots/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 400000\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(&vec![b' '; 400_000]).await.unwrap();
    let answer = read_until(&mut client, "100000 bytes").await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    running.end().await.unwrap();
}

/// Such requests are answered before there is a route: without a body.
#[tokio::test]
async fn a_head_that_is_too_long_is_refused_as_described() {
    let running = run(Limits::default()).await;
    let path = "x".repeat(70_000);
    let fields = (0..200).fold(String::new(), |all, n| all + &format!("x-{n}: 1\r\n"));
    for (head, status) in [
        (
            format!("GET /{path} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            414,
        ),
        (
            format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"),
            431,
        ),
    ] {
        let mut client = running.connect().await;
        client.write_all(head.as_bytes()).await.unwrap();
        let answer = read_until(&mut client, "never").await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    }
    running.end().await.unwrap();
}

/// Clients would take a list that merely ended for all there is.
#[tokio::test]
async fn a_list_that_cannot_be_read_to_its_end_cuts_the_connection() {
    let running = run(Limits::default()).await;
    for number in 0..100 {
        running.node.bot(&number.to_string()).await;
    }
    let get = b"GET /api/v1/bots HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut whole = running.connect().await;
    whole.write_all(get).await.unwrap();
    let answer = read_until(&mut whole, "\r\n0\r\n\r\n").await;
    assert!(answer.contains("\"next\":null}\r\n0\r\n\r\n"), "{answer}");

    running.node.backend.fail_lists_after(1);
    let mut cut = running.connect().await;
    cut.write_all(get).await.unwrap();
    let answer = read_until(&mut cut, "never").await;
    // Perhaps not even the head was sent.
    assert!(!answer.ends_with("\r\n0\r\n\r\n"), "{answer}");
    assert!(!answer.contains("\"next\""), "{answer}");
    running.end().await.unwrap();
}

#[tokio::test]
async fn a_head_that_does_not_arrive_is_not_waited_for() {
    let running = run(Limits {
        head_read: Duration::from_millis(50),
        ..Limits::default()
    })
    .await;
    let mut slow = running.connect().await;
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: loc")
        .await
        .unwrap();
    assert!(!read_until(&mut slow, "never").await.contains("200"));
    running.end().await.unwrap();
}

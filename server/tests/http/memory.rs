//! How much memory bodies may take.

use crate::harness::{DEADLINE, Node, OK, with_bytes, with_header, with_json};
use axum::body::{Body, Bytes};
use axum::http::{Method, Request};
use futures::StreamExt;
use hotbed_registry::Admission;
use hotbed_server::Limits;
use serde_json::json;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::timeout;

const SIZE: usize = 300 << 10;

fn large() -> Vec<u8> {
    let text = "x".repeat(SIZE);
    json!({"config": {"a": text}}).to_string().into_bytes()
}

/// A node with room for one large body and a half.
async fn narrow() -> Node {
    let limits = Limits {
        body_bytes: 400 << 10,
        body_memory: 500 << 10,
        body_wait: Duration::from_secs(3),
        ..Limits::default()
    };
    Node::with(limits, Admission::Permissive).await
}

/// A large body most of which is there, and the rest of which is not sent before it is asked for.
fn unfinished() -> (Request<Body>, oneshot::Sender<()>) {
    let bytes = large();
    let length = bytes.len().to_string();
    let (go_on, rest) = oneshot::channel();
    let (first, last) = bytes.split_at(200 << 10);
    let (first, last) = (first.to_vec(), last.to_vec());
    let pieces = futures::stream::iter([first]).chain(futures::stream::once(async move {
        rest.await.ok();
        last
    }));
    let body = Body::from_stream(pieces.map(|piece| Ok::<_, io::Error>(Bytes::from(piece))));
    let request = with_bytes(Method::PUT, "/api/v1/bots/slow", Vec::new()).map(|_| body);
    (with_header(request, "content-length", &length), go_on)
}

/// A large body that says when it was read to its end.
fn in_pieces(ended: Arc<AtomicBool>) -> Body {
    let pieces: Vec<_> = large().chunks(10_000).map(Bytes::copy_from_slice).collect();
    let end = futures::stream::once(async move {
        ended.store(true, Ordering::SeqCst);
        Bytes::new()
    });
    let pieces = futures::stream::iter(pieces).chain(end);
    Body::from_stream(pieces.map(Ok::<_, io::Error>))
}

#[tokio::test(start_paused = true)]
async fn a_large_body_waits_for_room_and_not_for_ever() {
    let node = narrow().await;
    let (slow, go_on) = unfinished();
    let others = async {
        tokio::task::yield_now().await;
        for announced in [true, false] {
            let ended = Arc::new(AtomicBool::new(false));
            let mut second = with_bytes(Method::PUT, "/api/v1/bots/b", Vec::new())
                .map(|_| in_pieces(Arc::clone(&ended)));
            if announced {
                second = with_header(second, "content-length", &large().len().to_string());
            }
            let refused = node.send(second).await;
            assert_eq!(
                (refused.status, refused.header("retry-after")),
                (503, Some("1")),
                "{}",
                refused.detail()
            );
            assert!(
                ended.load(Ordering::SeqCst),
                "a client that sends before it listens gets to read why"
            );
        }
        node.bot("small").await;
        assert_eq!(
            node.chat("small").await,
            Ok(1),
            "what is small needs no room"
        );
        for path in ["/healthz", "/readyz", "/metrics", "/api/v1/health"] {
            assert_eq!(node.get(path).await.status, OK, "{path}");
        }
        go_on.send(()).unwrap();
    };
    let (first, ()) = tokio::join!(node.send(slow), others);
    assert_eq!(first.status, 201);
    let third = with_bytes(Method::PUT, "/api/v1/bots/b", large());
    assert_eq!(node.send(third).await.status, 201, "the room is given back");
}

#[tokio::test]
async fn a_body_that_waited_for_room_is_taken() {
    let node = narrow().await;
    let (slow, go_on) = unfinished();
    let first = node.send(slow);
    let second = node.send(with_bytes(Method::PUT, "/api/v1/bots/b", large()));
    let release = async {
        tokio::task::yield_now().await;
        go_on.send(()).unwrap();
    };
    let (first, second, ()) = timeout(DEADLINE, async { tokio::join!(first, second, release) })
        .await
        .unwrap();
    assert_eq!((first.status, second.status), (201, 201));
}

/// `[[0],[0],…` takes a hundred times its length as values.
#[tokio::test]
async fn a_body_whose_values_would_fill_the_memory_is_refused() {
    let node = Node::new().await;
    let dense = format!(r#"{{"config": {{"a": [{}[0]]}}}}"#, "[0],".repeat(1 << 20));
    let refused = node
        .send(with_json(Method::PUT, "/api/v1/bots/a", &dense))
        .await;
    assert_eq!(refused.status, 413);
    assert!(refused.detail().contains("65536"), "{}", refused.detail());

    let numbers = format!(r#"{{"config": {{"a": [{}0]}}}}"#, "0.125,".repeat(100_000));
    let taken = node
        .send(with_json(Method::PUT, "/api/v1/bots/a", &numbers))
        .await;
    assert_eq!(taken.status, 201);
}

#[test]
fn a_large_body_is_understood_where_nobody_waits_for_it() {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let node = Node::new().await;
        let (release, occupied) = std::sync::mpsc::channel::<()>();
        let occupied = tokio::task::spawn_blocking(move || occupied.recv());
        let mut large = Box::pin(node.send(with_bytes(Method::PUT, "/api/v1/bots/a", large())));
        for round in 0..100 {
            assert!(futures::poll!(&mut large).is_pending(), "{round}");
            tokio::task::yield_now().await;
        }
        node.bot("b").await;
        release.send(()).unwrap();
        assert_eq!(timeout(DEADLINE, large).await.unwrap().status, 201);
        occupied.await.unwrap().unwrap();
    });
}

//! A server that answers each request with the bytes that a test wants.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What a request was: its first line, its headers and its body.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) head: String,
}

/// What is sent back; then the connection ends.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Exactly these bytes.
    Bytes(Vec<u8>),
    /// These bytes, one at a time.
    Drip(Vec<u8>, Duration),
    /// These bytes, over and over.
    Endless(Vec<u8>, Vec<u8>),
    /// Nothing at all.
    Nothing,
    /// Nothing, and the connection stays open.
    Silence,
}

type Rule = Box<dyn Fn(&Asked) -> Reply + Send + Sync>;

pub(crate) struct HostileServer {
    pub(crate) port: u16,
    rule: Arc<Mutex<Rule>>,
    asked: Arc<AtomicUsize>,
    _accepting: JoinSet<()>,
}

impl Reply {
    /// A whole answer.
    pub(crate) fn whole(status: &str, kind: &str, body: &str) -> Self {
        let length = body.len();
        Self::Bytes(
            format!(
                "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            )
            .into_bytes(),
        )
    }

    pub(crate) fn json(body: &str) -> Self {
        Self::whole("200 OK", "application/json", body)
    }

    pub(crate) fn bytes(bytes: &str) -> Self {
        Self::Bytes(bytes.as_bytes().to_vec())
    }
}

impl HostileServer {
    pub(crate) async fn start(rule: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let rule: Arc<Mutex<Rule>> = Arc::new(Mutex::new(Box::new(rule)));
        let asked = Arc::new(AtomicUsize::new(0));
        let (current, count) = (Arc::clone(&rule), Arc::clone(&asked));
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut serving = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                serving.spawn(serve(stream, Arc::clone(&current), Arc::clone(&count)));
            }
        });
        Self {
            port,
            rule,
            asked,
            _accepting: accepting,
        }
    }

    /// Answers otherwise from now on.
    pub(crate) fn answer(&self, rule: impl Fn(&Asked) -> Reply + Send + Sync + 'static) {
        *self.rule.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(rule);
    }

    /// How many requests there were.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, rule: Arc<Mutex<Rule>>, asked: Arc<AtomicUsize>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.unwrap();
    asked.fetch_add(1, Ordering::SeqCst);
    let reply = {
        let rule = rule.lock().unwrap_or_else(PoisonError::into_inner);
        (*rule)(&Asked { head })
    };
    // The other side may have had enough.
    drop(send(&mut stream, reply).await);
}

async fn send(stream: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    match reply {
        Reply::Bytes(bytes) => stream.write_all(&bytes).await?,
        Reply::Drip(bytes, pause) => {
            for byte in bytes {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(pause).await;
            }
        }
        Reply::Endless(head, part) => {
            stream.write_all(&head).await?;
            loop {
                stream.write_all(&part).await?;
            }
        }
        Reply::Nothing => {}
        Reply::Silence => std::future::pending().await,
    }
    stream.shutdown().await
}

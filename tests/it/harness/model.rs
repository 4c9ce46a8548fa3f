use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Requests, as they came.
type Heard = Arc<Mutex<Vec<String>>>;

/// A language model on this machine that begins each reply at once and ends it when it is told to.
#[derive(Debug)]
pub(crate) struct SlowModel {
    address: SocketAddr,
    released: watch::Sender<bool>,
    heard: Heard,
    _serving: JoinSet<()>,
}

impl SlowModel {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (released, is_released) = watch::channel(false);
        let heard = Heard::default();
        let mut serving = JoinSet::new();
        let requests = Arc::clone(&heard);
        serving.spawn(async move {
            let mut replies = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                replies.spawn(reply(stream, Arc::clone(&requests), is_released.clone()));
            }
        });
        Self {
            address,
            released,
            heard,
            _serving: serving,
        }
    }

    /// The body of a write that makes a bot of this model. Its replies are "Hello you".
    pub(crate) fn bot(&self) -> Value {
        let llm = json!({"provider": "ollama", "model": "slow", "base_url": format!("http://{}", self.address)});
        json!({"config": {"llm": llm}})
    }

    /// What it was asked.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// Lets every reply end, those to come too.
    pub(crate) fn release(&self) {
        self.released.send_replace(true);
    }
}

async fn reply(mut stream: TcpStream, heard: Heard, mut is_released: watch::Receiver<bool>) {
    let request = request(&mut stream).await;
    heard.lock().unwrap().push(request);
    let start =
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n";
    let piece = |text: &str, done| {
        let message = json!({"role": "assistant", "content": text});
        let line = json!({"model": "slow", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": done});
        format!("{line}\n")
    };
    let begin = format!("{start}{}", piece("Hello ", false));
    // Whoever asked may have gone.
    drop(stream.write_all(begin.as_bytes()).await);
    drop(is_released.wait_for(|released| *released).await);
    let end = format!("{}{}", piece("you", false), piece("", true));
    drop(stream.write_all(end.as_bytes()).await);
    drop(stream.shutdown().await);
}

/// Head and body of the one request of a connection.
async fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            });
            if body.len() >= length.unwrap_or(0) {
                return text.into_owned();
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

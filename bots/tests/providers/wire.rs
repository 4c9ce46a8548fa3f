use std::collections::VecDeque;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A model provider on this machine: answers as it is told to, and remembers what it was asked.
pub(crate) struct Server {
    address: SocketAddr,
    script: Arc<Script>,
    serving: JoinSet<()>,
}

struct Script {
    answers: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<Request>>,
}

/// What the server was asked.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) body: Value,
    headers: HeaderMap,
}

/// How a response ends.
#[derive(Debug, Clone)]
pub(crate) enum End {
    Clean,
    Abort,
}

/// What the server answers.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Response {
        status: u16,
        headers: Vec<(&'static str, String)>,
        parts: Vec<String>,
        end: End,
    },
    Never,
}

impl Server {
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let script = Arc::new(Script {
            answers: Mutex::new(answers.into_iter().collect()),
            requests: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&script));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            address,
            script,
            serving,
        }
    }

    pub(crate) fn base_url(&self, api: &str) -> String {
        let version = if api == "ollama" { "" } else { "/v1" };
        format!("http://{}{version}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.script.requests.lock().unwrap().clone()
    }

    pub(crate) async fn stop(mut self) -> SocketAddr {
        self.serving.shutdown().await;
        self.address
    }
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Answer {
    /// A whole reply in the format of this provider, piece by piece.
    pub(crate) fn says(api: &str, pieces: &[&str]) -> Self {
        let (format, parts) = match api {
            "openai" => ("text/event-stream", openai(pieces)),
            "anthropic" => ("text/event-stream", anthropic(pieces)),
            _ => ("application/x-ndjson", ollama(pieces)),
        };
        Self::Response {
            status: 200,
            headers: vec![("content-type", format.into())],
            parts,
            end: End::Clean,
        }
    }

    pub(crate) fn fails(status: u16, body: &Value) -> Self {
        Self::raw(status, "application/json", body.to_string())
    }

    pub(crate) fn raw(status: u16, format: &str, body: String) -> Self {
        Self::Response {
            status,
            headers: vec![("content-type", format.into())],
            parts: vec![body],
            end: End::Clean,
        }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Response { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }

    /// The response ends where the mark of a whole reply is due.
    pub(crate) fn cut(mut self, how: End) -> Self {
        if let Self::Response { parts, end, .. } = &mut self {
            parts.pop();
            *end = how;
        }
        self
    }
}

async fn answer(
    State(script): State<Arc<Script>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = serde_json::from_slice(&body).unwrap();
    script.requests.lock().unwrap().push(Request {
        path: uri.path().into(),
        body,
        headers,
    });
    let answer = script
        .answers
        .lock()
        .unwrap()
        .pop_front()
        .unwrap_or_else(|| Answer::fails(418, &json!("no script")));
    let Answer::Response {
        status,
        headers,
        parts,
        end,
    } = answer
    else {
        return pending().await;
    };
    // Networks cut a reply where they like, through the middle of a character too.
    let text = parts.concat();
    let mut frames: Vec<_> = text
        .as_bytes()
        .chunks(3)
        .map(|frame| Ok(Bytes::copy_from_slice(frame)))
        .collect();
    if matches!(end, End::Abort) {
        frames.push(Err(std::io::Error::other("the connection is reset")));
    }
    let body = Body::from_stream(stream::iter(frames));
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

fn openai(pieces: &[&str]) -> Vec<String> {
    let chunk = |delta: Value, finish_reason: Value| {
        let choice =
            json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason});
        let chunk = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "small-2025",
            "choices": [choice]
        });
        format!("data: {chunk}\n\n")
    };
    let mut parts = vec![chunk(
        json!({"role": "assistant", "content": ""}),
        Value::Null,
    )];
    parts.extend(
        pieces
            .iter()
            .map(|piece| chunk(json!({"content": piece}), Value::Null)),
    );
    parts.push(chunk(json!({}), json!("stop")));
    parts.push("data: [DONE]\n\n".into());
    parts
}

fn anthropic(pieces: &[&str]) -> Vec<String> {
    let event = |data: Value| {
        format!(
            "event: {}\ndata: {data}\n\n",
            data["type"].as_str().unwrap()
        )
    };
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "small", "stop_reason": null,
        "stop_sequence": null, "usage": {"input_tokens": 25, "output_tokens": 1}
    });
    let mut parts = vec![
        event(json!({"type": "message_start", "message": message})),
        event(
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        ),
        event(json!({"type": "ping"})),
    ];
    parts.extend(pieces.iter().map(|piece| {
        event(json!({
            "type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}
        }))
    }));
    parts.extend([
        event(json!({"type": "content_block_stop", "index": 0})),
        event(json!({
            "type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": 15}
        })),
        event(json!({"type": "message_stop"})),
    ]);
    parts
}

fn ollama(pieces: &[&str]) -> Vec<String> {
    let line = |content: &str| {
        json!({
            "model": "small", "created_at": "2025-01-01T00:00:00Z",
            "message": {"role": "assistant", "content": content}, "done": false
        })
        .to_string()
            + "\n"
    };
    let mut parts: Vec<_> = pieces.iter().map(|piece| line(piece)).collect();
    let end = json!({
        "model": "small", "created_at": "2025-01-01T00:00:00Z", "message": {"role": "assistant", "content": ""},
        "done_reason": "stop", "done": true, "total_duration": 1, "prompt_eval_count": 26, "eval_count": 298
    });
    parts.push(format!("{end}\n"));
    parts
}

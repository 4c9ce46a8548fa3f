use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, Response, StatusCode, Uri};
use clap::{Parser, Subcommand};
use hotbed_cli::{ClientOptions, Command, Completions, EXIT_CODES, Exit, Reader, Streams, run};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The command as the binary makes it, without what only a server needs.
#[derive(Debug, Parser)]
#[command(name = "hotbed", after_help = EXIT_CODES)]
pub(crate) struct Root {
    #[command(flatten)]
    pub(crate) options: ClientOptions,
    #[command(subcommand)]
    pub(crate) command: RootCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RootCommand {
    #[command(flatten)]
    Client(Command),
    Completions(Completions),
}

/// How a command ended and what it wrote.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) exit: Exit,
    pub(crate) output: String,
    pub(crate) errors: String,
}

/// Runs `hotbed --server URL ARGS`, with nothing on standard input.
pub(crate) async fn hotbed(url: &str, args: &[&str]) -> Outcome {
    hotbed_with(url, args, Reader::Program, "").await
}

/// Runs `hotbed --server URL ARGS` with this on standard input.
pub(crate) async fn hotbed_with(url: &str, args: &[&str], reader: Reader, input: &str) -> Outcome {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let exit = run_into(
        url,
        args,
        reader,
        input.as_bytes(),
        &mut output,
        &mut errors,
    )
    .await;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome {
        exit,
        output: text(output),
        errors: text(errors),
    }
}

/// Runs `hotbed --server URL ARGS` with these variables in its environment.
pub(crate) async fn hotbed_in(url: &str, args: &[&str], process: &[(&str, &str)]) -> Outcome {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let process: Vec<_> = process.iter().map(owned).collect();
    let streams = Streams {
        input: &mut &b""[..],
        reader: Reader::Program,
        output: &mut output,
        errors: &mut errors,
    };
    let exit = run_parsed(url, args, &process, streams).await;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome {
        exit,
        output: text(output),
        errors: text(errors),
    }
}

/// Runs `hotbed --server URL ARGS` where what is written goes wherever the test wants.
pub(crate) async fn run_into(
    url: &str,
    args: &[&str],
    reader: Reader,
    mut input: &[u8],
    output: &mut (dyn Write + Send),
    errors: &mut (dyn Write + Send),
) -> Exit {
    let streams = Streams {
        input: &mut input,
        reader,
        output,
        errors,
    };
    run_parsed(url, args, &[], streams).await
}

async fn run_parsed(
    url: &str,
    args: &[&str],
    process: &[(String, String)],
    streams: Streams<'_>,
) -> Exit {
    let prefix = ["hotbed", "--server", url];
    let args = prefix.iter().chain(args);
    let root = Root::try_parse_from(args).unwrap();
    let RootCommand::Client(command) = root.command else {
        panic!("no client command")
    };
    run(command, &root.options, process, streams).await
}

/// A pipe whose reader went away.
pub(crate) struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A request as the server saw it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Answers requests with one answer after another, and notes what it was asked.
pub(crate) struct Server {
    pub(crate) url: String,
    script: Arc<Script>,
    _task: JoinSet<()>,
}

#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Response<Body>>>,
    seen: Mutex<Vec<Seen>>,
}

impl Server {
    pub(crate) async fn answering(answers: impl IntoIterator<Item = Response<Body>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Script {
            answers: Mutex::new(answers.into_iter().collect()),
            ..Script::default()
        });
        let router = Router::new()
            .fallback(next_answer)
            .with_state(Arc::clone(&script));
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url: format!("http://{address}"),
            script,
            _task: task,
        }
    }

    /// What it was asked since the last time.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.script.seen.lock().unwrap())
    }
}

async fn next_answer(State(script): State<Arc<Script>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    script.seen.lock().unwrap().push(Seen {
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        body,
    });
    let answer = script.answers.lock().unwrap().pop_front();
    answer.unwrap_or_else(|| problem(500, "the script of this test has ended"))
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
}

pub(crate) fn respond(status: u16, content_type: &str, body: impl Into<Body>) -> Response<Body> {
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header("content-type", content_type)
        .body(body.into())
        .unwrap()
}

pub(crate) fn json_answer(status: u16, body: &Value) -> Response<Body> {
    respond(status, "application/json", body.to_string())
}

pub(crate) fn events(text: &str) -> Response<Body> {
    respond(200, "text/event-stream", text.to_owned())
}

pub(crate) fn problem(status: u16, detail: &str) -> Response<Body> {
    problem_with(status, detail, &json!({}))
}

pub(crate) fn problem_with(status: u16, detail: &str, more: &Value) -> Response<Body> {
    let mut body = json!({"type": "urn:hotbed:problem:test", "title": "A problem", "status": status, "detail": detail});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    respond(status, "application/problem+json", body.to_string())
}

pub(crate) fn registration(id: &str, revision: u64) -> Value {
    json!({
        "bot_id": id, "id": id, "config": {"llm": {"provider": "echo"}}, "status": "active",
        "metadata": {"team": "support"}, "revision": revision, "version": 1,
        "created_at": "2026-01-02T03:04:05.123456+00:00", "updated_at": "2026-01-03T03:04:05.123456+00:00",
        "last_accessed_at": "2026-01-03T09:00:00.000000+00:00"
    })
}

use super::answer::Answer;
use super::breaker::{Breaker, Leave, jittered};
use super::fault::{Fault, Outcome, unusable};
use super::token;
use super::url::{HttpUrl, Verify};
use bytes::Bytes;
use hotbed_registry::Error;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Identity, Method, Response, StatusCode, redirect};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The longest answer.
const MAX_BODY: u64 = 64 << 20;
/// Attempts at one request.
const ATTEMPTS: u32 = 4;
/// The wait before the second attempt; doubles.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// The way to the service: sends requests, sends them again where that does no harm, and leaves a service alone that
/// fails all the time.
#[derive(Debug)]
pub(super) struct Wire {
    client: Client,
    pub(super) url: HttpUrl,
    breaker: Breaker,
    closing: CancellationToken,
    under_way: TaskTracker,
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    method: Method,
    /// Where, below the base; with the query.
    path: String,
    headers: HeaderMap,
    body: Option<Bytes>,
    repeat: Repeat,
}

/// Whether a request may be sent again that may have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    Harmless,
    Harmful,
}

impl Ask {
    /// A read.
    pub(super) fn get(path: String) -> Self {
        Self {
            method: Method::GET,
            path,
            headers: HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]),
            body: None,
            repeat: Repeat::Harmless,
        }
    }

    /// A write, with a body in JSON if it has one.
    pub(super) fn write(
        method: Method,
        path: String,
        body: Option<Vec<u8>>,
        repeat: Repeat,
    ) -> Self {
        Self {
            method,
            body: body.map(Bytes::from),
            repeat,
            ..Self::get(path)
        }
        .with(CONTENT_TYPE, HeaderValue::from_static("application/json"))
    }

    fn is_harmless(&self) -> bool {
        self.repeat == Repeat::Harmless
    }

    pub(super) fn with(
        mut self,
        name: impl reqwest::header::IntoHeaderName,
        value: HeaderValue,
    ) -> Self {
        self.headers.insert(name, value);
        self
    }
}

impl Wire {
    pub(super) async fn new(url: &HttpUrl) -> Result<Self, Error> {
        let mut headers = HeaderMap::new();
        if let Some(token) = token::header(url.token.as_ref()).await? {
            if url.is_open() {
                tracing::warn!(%url, "the token of the registry is sent over a connection that is not encrypted");
            }
            headers.insert(url.header.clone(), token);
        }
        let mut client = Client::builder()
            .user_agent(concat!("hotbed/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT.min(url.timeout))
            .tcp_nodelay(true);
        if let Some(path) = &url.ca {
            let pem = read(path).await?;
            let trusted = Certificate::from_pem_bundle(&pem).map_err(|error| unfit(path, error))?;
            if trusted.is_empty() {
                return Err(unusable(format!("{} holds no certificate", path.display())));
            }
            client = client.tls_certs_merge(trusted);
        }
        if let Some(path) = &url.cert {
            let pem = read(path).await?;
            client = client.identity(Identity::from_pem(&pem).map_err(|error| unfit(path, error))?);
        }
        if url.verify == Verify::Any {
            tracing::warn!(%url, "the certificate of the registry is not verified: anybody may pretend to be it");
            client = client.tls_danger_accept_invalid_certs(true);
        }
        let client = client.build().map_err(|error| Error::Unavailable {
            operation: "be used",
            reason: "its client cannot be made: see the options in its URL".into(),
            source: Some(error.into()),
        })?;
        Ok(Self {
            client,
            url: url.clone(),
            breaker: Breaker::default(),
            closing: CancellationToken::new(),
            under_way: TaskTracker::new(),
        })
    }

    /// When a call that begins now has taken too long.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.url.timeout
    }

    /// Sends a request within the time for one call.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<Answer, Fault> {
        self.ask_until(ask, self.deadline()).await
    }

    /// Sends a request until it is answered, whatever the answer is; again only where that does no harm.
    pub(super) async fn ask_until(&self, ask: &Ask, deadline: Instant) -> Result<Answer, Fault> {
        let _under_way = self.under_way.token();
        if self.closing.is_cancelled() {
            return Err(Fault::said("it is closed".into()));
        }
        if Instant::now() >= deadline {
            return Err(Fault::said(format!(
                "others kept {} busy for {:?}: try again later",
                self.url, self.url.timeout
            )));
        }
        let mut earlier = Outcome::NotDone;
        let mut attempt = 1;
        loop {
            let tried = match self.breaker.ask() {
                Ok(leave) => self.attempt(ask, leave, deadline).await,
                Err(fault) => return Err(fault.after(earlier)),
            };
            let asked_to_wait = match &tried {
                Ok(answer) => retry_after(&answer.headers),
                Err(_) => None,
            };
            let wait =
                asked_to_wait.unwrap_or_else(|| jittered(FIRST_WAIT * 2_u32.pow(attempt - 1)));
            let may_wait = attempt < ATTEMPTS && Instant::now() + wait < deadline;
            let outcome = match tried {
                Ok(answer) if !is_failing(answer.status) || !may_wait || !ask.is_harmless() => {
                    return Ok(Answer { earlier, ..answer });
                }
                Ok(_) => Outcome::Unknown,
                Err(fault) => {
                    let harmless = ask.is_harmless() || fault.outcome == Outcome::NotDone;
                    if !fault.is_transport() || !may_wait || !harmless {
                        return Err(fault.after(earlier));
                    }
                    fault.outcome
                }
            };
            earlier = earlier.or(outcome);
            sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        ask: &Ask,
        leave: Leave<'_>,
        deadline: Instant,
    ) -> Result<Answer, Fault> {
        let answered = timeout_at(deadline, self.send(ask)).await;
        let answered = answered.unwrap_or_else(|_| Err(self.late()));
        match &answered {
            Ok(answer) if is_failing(answer.status) => {
                leave.failed(&format!("it answered {}", answer.status.as_u16()));
            }
            Ok(_) => leave.works(),
            Err(fault) => leave.failed(fault.reason()),
        }
        answered
    }

    async fn send(&self, ask: &Ask) -> Result<Answer, Fault> {
        let mut response = self.open(ask).await?;
        let too_long = || {
            Fault::unknown(format!(
                "{} answers more than {} MiB: ask for less, for example with a limit",
                self.url,
                MAX_BODY >> 20
            ))
        };
        if response
            .content_length()
            .is_some_and(|length| length > MAX_BODY)
        {
            return Err(too_long());
        }
        let mut body = Vec::new();
        while let Some(chunk) = self.heard(response.chunk().await)? {
            if (body.len() + chunk.len()) as u64 > MAX_BODY {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body,
            earlier: Outcome::NotDone,
        })
    }

    /// Sends a request once and begins to read the answer.
    pub(super) async fn open(&self, ask: &Ask) -> Result<Response, Fault> {
        let request = self
            .client
            .request(ask.method.clone(), self.url.below(&ask.path));
        let request = request.headers(ask.headers.clone());
        let request = match &ask.body {
            Some(body) => request.body(body.clone()),
            None => request,
        };
        self.heard(request.send().await)
    }

    fn heard<R>(&self, heard: reqwest::Result<R>) -> Result<R, Fault> {
        heard.map_err(|error| Fault::transport(error, &self.url.to_string()))
    }

    pub(super) fn late(&self) -> Fault {
        Fault::unknown(format!(
            "{} has not answered within {:?}: see whether it is overloaded, or the way to it cut",
            self.url, self.url.timeout
        ))
    }

    /// Refuses whatever is asked from now on, and waits for what is under way.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        self.under_way.close();
        self.under_way.wait().await;
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let read = tokio::fs::read(path).await;
    read.map_err(|error| unusable(format!("{} cannot be read: {error}", path.display())))
}

fn unfit(path: &Path, error: reqwest::Error) -> Error {
    Error::Unavailable {
        operation: "be used",
        reason: format!("{} is not what its URL says that it is", path.display()),
        source: Some(error.into()),
    }
}

/// Whether the service fails, and may do better in a moment.
fn is_failing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

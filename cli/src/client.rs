use std::time::Duration;

use hotbed_api::Problem;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::admin_token::AdminToken;
use crate::error::Error;
use crate::options::Server;

mod events;

pub(crate) use events::{Event, Events};

/// The longest wait for a connection; a server that is up takes it at once.
const CONNECT: Duration = Duration::from_secs(10);

/// How much of an answer that is not ours is shown.
const EXCERPT_CHARS: usize = 200;

/// Where an answer says which revision it tells of.
const REVISION: &str = "x-hotbed-revision";

/// Speaks to one server; clones share its connections.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    server: Server,
}

/// An answer that came whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The revision that it tells of, if it does.
    pub(crate) revision: Option<u64>,
    pub(crate) body: String,
}

impl Client {
    /// A client that gives up on a server which is silent for so long.
    pub(crate) fn new(
        server: Server,
        silence: Duration,
        token: Option<AdminToken>,
    ) -> Result<Self, Error> {
        let shown = token.map(|token| (AUTHORIZATION, token.into_header()));
        let http = reqwest::Client::builder()
            .user_agent(concat!("hotbed/", env!("CARGO_PKG_VERSION")))
            .default_headers(shown.into_iter().collect())
            // Neither a write nor a token may wander to where a redirect points, and the environment is not ours to read.
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(silence.min(CONNECT))
            .read_timeout(silence)
            .build()
            .map_err(Error::Setup)?;
        Ok(Self { http, server })
    }

    pub(crate) fn get(&self, path: &[&str]) -> RequestBuilder {
        self.http.request(Method::GET, self.server.api(path))
    }

    pub(crate) fn put(&self, path: &[&str]) -> RequestBuilder {
        self.http.request(Method::PUT, self.server.api(path))
    }

    pub(crate) fn post(&self, path: &[&str]) -> RequestBuilder {
        self.http.request(Method::POST, self.server.api(path))
    }

    pub(crate) fn delete(&self, path: &[&str]) -> RequestBuilder {
        self.http.request(Method::DELETE, self.server.api(path))
    }

    /// Asks something of the network of agents.
    pub(crate) fn network_get(&self, path: &[&str]) -> RequestBuilder {
        self.http.request(Method::GET, self.server.network(path))
    }

    /// Sends something to the network of agents.
    pub(crate) fn network_post(&self, path: &[&str]) -> RequestBuilder {
        self.http.request(Method::POST, self.server.network(path))
    }

    /// The same for another server, which is then shown what this one is shown.
    pub(crate) fn at(&self, server: Server) -> Self {
        Self {
            http: self.http.clone(),
            server,
        }
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Sends a request and takes the whole answer. One that is no success is an error.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, Error> {
        let response = self
            .start(request.header(ACCEPT, "application/json"))
            .await?;
        self.finish(response).await?.successful(self)
    }

    /// The same, where one status that is no success still has the body of one.
    pub(crate) async fn send_expecting(
        &self,
        request: RequestBuilder,
        status: StatusCode,
    ) -> Result<Answer, Error> {
        let response = self
            .start(request.header(ACCEPT, "application/json"))
            .await?;
        let answer = self.finish(response).await?;
        if answer.status == status && answer.problem().is_none() {
            Ok(answer)
        } else {
            answer.successful(self)
        }
    }

    /// Sends a request whose answer comes as events.
    pub(crate) async fn open(&self, request: RequestBuilder) -> Result<Events, Error> {
        let response = self
            .start(request.header(ACCEPT, "text/event-stream"))
            .await?;
        let content_type = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|it| it.to_str().ok())
            .unwrap_or_default();
        if response.status().is_success() && content_type.starts_with("text/event-stream") {
            return Ok(Events::new(
                self.server.to_string(),
                response.bytes_stream(),
            ));
        }
        let answer = self.finish(response).await?.successful(self)?;
        Err(self.foreign(&answer))
    }

    /// Reads what the server sent.
    pub(crate) fn understand<T: DeserializeOwned>(&self, json: &str) -> Result<T, Error> {
        serde_json::from_str(json).map_err(|source| Error::Unintelligible {
            server: self.server.to_string(),
            source,
        })
    }

    async fn start(&self, request: RequestBuilder) -> Result<Response, Error> {
        let server = || self.server.to_string();
        let answered = request.send().await;
        // The address may have a secret in its query.
        let answered = answered.map_err(reqwest::Error::without_url);
        answered.map_err(|source| match source {
            it if it.is_builder() => Error::Setup(it),
            it if it.is_connect() => Error::Unreachable {
                server: server(),
                source: it,
            },
            it => Error::Silent {
                server: server(),
                source: it.into(),
            },
        })
    }

    async fn finish(&self, response: Response) -> Result<Answer, Error> {
        let status = response.status();
        let revision = response.headers().get(REVISION);
        let revision = revision.and_then(|it| it.to_str().ok()?.parse().ok());
        let body = response.bytes().await;
        let body = body.map_err(|source| Error::Silent {
            server: self.server.to_string(),
            source: source.without_url().into(),
        })?;
        Ok(Answer {
            status,
            revision,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }

    fn foreign(&self, answer: &Answer) -> Error {
        let text = answer.body.trim();
        let mut excerpt = String::new();
        if !text.is_empty() {
            excerpt.push_str(": ");
            excerpt.extend(text.chars().take(EXCERPT_CHARS));
        }
        Error::Foreign {
            server: self.server.to_string(),
            status: answer.status,
            excerpt,
        }
    }
}

impl Answer {
    fn problem(&self) -> Option<Problem> {
        serde_json::from_str(&self.body).ok()
    }

    fn successful(self, client: &Client) -> Result<Self, Error> {
        if self.status.is_success() {
            return Ok(self);
        }
        Err(match self.problem() {
            Some(problem) => Error::Refused(Box::new(problem)),
            None => client.foreign(&self),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Caught: to keep the address in the error.
    #[tokio::test]
    async fn no_error_holds_the_query_of_a_request() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let server = format!("http://{}", listener.unwrap().local_addr().unwrap());
        let client = Client::new(server.parse().unwrap(), CONNECT, None).unwrap();
        let request = client.network_get(&["poll"]).query(&[("secret", "s3cr3t")]);
        let error = client.send(request).await.err().unwrap();
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
        assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
    }
}

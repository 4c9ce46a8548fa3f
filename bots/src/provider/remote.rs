mod fault;
mod retry;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_stream::try_stream;
use futures::StreamExt;
use genai::adapter::AdapterKind;
use genai::chat::{
    ChatMessage, ChatOptions, ChatRequest, ChatStream, ChatStreamEvent, ReasoningEffort, StreamEnd,
};
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, Headers, ModelIden, ServiceTarget};
use reqwest::redirect;
use secrecy::ExposeSecret;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use super::{Deltas, Prompt, Provider};
use crate::config::{Api, RemoteConfig};
use crate::conversation::Role;
use crate::error::ChatError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The version of the messages API whose format is spoken.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// Holds the connections that all remote providers share. Made when the first one is built: a program whose bots are
/// all offline needs no certificates.
#[derive(Debug, Default)]
pub(crate) struct Dialler(OnceCell<Client>);

impl Dialler {
    async fn client(&self) -> Result<Client, reqwest::Error> {
        let make = || async {
            let http = reqwest::Client::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .tcp_nodelay(true)
                // A redirect would carry the key to wherever it points.
                .redirect(redirect::Policy::none())
                .build()?;
            Ok(Client::builder()
                .with_reqwest(http)
                .build()
                .expect("nothing is built but what we hand in"))
        };
        self.0.get_or_try_init(make).await.cloned()
    }
}

/// Answers through a model behind HTTP.
pub(crate) struct Remote(Arc<Line>);

struct Line {
    client: Client,
    config: RemoteConfig,
}

impl Remote {
    /// Makes a provider. Calls no network.
    pub(crate) async fn new(
        config: RemoteConfig,
        dialler: &Dialler,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self(Arc::new(Line {
            client: dialler.client().await?,
            config,
        })))
    }
}

impl Provider for Remote {
    fn complete(&self, prompt: Prompt) -> Deltas {
        let line = Arc::clone(&self.0);
        let deltas = try_stream! {
            let (first, mut reply) = line.connect(&prompt).await?;
            let mut next = first;
            while let Some(delta) = next {
                yield delta;
                next = line.next_delta(&mut reply).await?;
            }
        };
        deltas.boxed()
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remote").field(&self.0.config).finish()
    }
}

impl Line {
    /// Calls until a reply begins. Once it has begun it is never begun again: the person has read it.
    async fn connect(&self, prompt: &Prompt) -> Result<(Option<String>, ChatStream), ChatError> {
        let mut attempt = 1;
        loop {
            let error = match self.call(prompt).await {
                Ok(begun) => return Ok(begun),
                Err(error) => error,
            };
            let left = prompt.deadline.saturating_duration_since(Instant::now());
            let Some(wait) = retry::wait(attempt, &error, left, rand::random()) else {
                return Err(error);
            };
            tracing::debug!(bot = %prompt.bot, attempt, %error, wait_ms = wait.as_millis(), "asking the provider again");
            sleep(wait).await;
            attempt += 1;
        }
    }

    async fn call(&self, prompt: &Prompt) -> Result<(Option<String>, ChatStream), ChatError> {
        let (target, options) = (self.target(), self.options());
        let reply = self
            .client
            .exec_chat_stream(target, request(prompt), Some(&options))
            .await;
        let mut reply = reply.map_err(|error| self.fault(&error))?.stream;
        let first = self.next_delta(&mut reply).await?;
        Ok((first, reply))
    }

    /// The next piece of text, or `None` at the end of a whole reply.
    async fn next_delta(&self, reply: &mut ChatStream) -> Result<Option<String>, ChatError> {
        while let Some(event) = reply.next().await {
            match event.map_err(|error| self.fault(&error))? {
                ChatStreamEvent::Chunk(chunk) if !chunk.content.is_empty() => {
                    return Ok(Some(chunk.content));
                }
                ChatStreamEvent::End(end) if self.is_whole(&end) => return Ok(None),
                ChatStreamEvent::End(_) => break,
                _ => {}
            }
        }
        Err(ChatError::BrokenReply {
            detail: "it broke off".into(),
        })
    }

    /// Ollama's last line carries counts; without them the end was made up because the connection ended.
    fn is_whole(&self, end: &StreamEnd) -> bool {
        self.config.api != Api::Ollama || end.captured_usage.is_some()
    }

    fn fault(&self, error: &genai::Error) -> ChatError {
        fault::of(error, &self.config)
    }

    fn target(&self) -> ServiceTarget {
        let RemoteConfig {
            api,
            model,
            base_url,
            key,
            ..
        } = &self.config;
        let (adapter, path) = match api {
            Api::OpenAi => (AdapterKind::OpenAI, "chat/completions"),
            Api::Anthropic => (AdapterKind::Anthropic, "messages"),
            Api::Ollama => (AdapterKind::Ollama, "api/chat"),
        };
        let auth = match key {
            Some(key) => AuthData::from_single(key.expose_secret()),
            // The library has no other way to send no key.
            None => AuthData::RequestOverride {
                url: format!("{base_url}{path}"),
                headers: match api {
                    Api::Anthropic => Headers::from(("anthropic-version", ANTHROPIC_VERSION)),
                    Api::OpenAi | Api::Ollama => Headers::default(),
                },
            },
        };
        // The library takes what stands before the first `::` for a namespace, and off.
        let model = ModelIden::new(adapter, format!("model::{model}"));
        ServiceTarget {
            endpoint: Endpoint::from_owned(base_url.as_str()),
            auth,
            model,
        }
    }

    fn options(&self) -> ChatOptions {
        let RemoteConfig {
            api,
            model,
            key,
            temperature,
            max_tokens,
            ..
        } = &self.config;
        let mut options = ChatOptions {
            temperature: *temperature,
            max_tokens: *max_tokens,
            ..ChatOptions::default()
        };
        if *api == Api::Ollama {
            options = options.with_capture_usage(true);
            if let Some(key) = key {
                options = options.with_extra_headers((
                    "Authorization",
                    format!("Bearer {}", key.expose_secret()),
                ));
            }
        }
        // The library reads an ending such as `-max` as an effort and cuts it off the name, unless an effort is
        // given. These two add nothing to what is sent.
        if ReasoningEffort::from_model_name(model).0.is_some() {
            options = match api {
                Api::OpenAi => options.with_reasoning_effort(ReasoningEffort::Budget(0)),
                Api::Anthropic => options.with_reasoning_effort(ReasoningEffort::Zero),
                Api::Ollama => options,
            };
        }
        options
    }
}

fn request(prompt: &Prompt) -> ChatRequest {
    let history = prompt.history.iter().map(|message| match message.role {
        Role::User => ChatMessage::user(&*message.text),
        Role::Assistant => ChatMessage::assistant(&*message.text),
    });
    let request = ChatRequest::from_messages(history.collect())
        .append_message(ChatMessage::user(&*prompt.message));
    if prompt.system.is_empty() {
        request
    } else {
        request.with_system(&*prompt.system)
    }
}

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_stream::try_stream;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use hotbed_cache::{Id, Revision};
use tokio::time::{Instant, timeout_at};

use crate::config::{BotConfig, MemoryConfig};
use crate::conversation::ConversationId;
use crate::conversations::Conversations;
use crate::error::ChatError;
use crate::provider::{Prompt, Provider};

#[cfg(test)]
mod tests;

/// The longest message of a person, in bytes.
const MAX_MESSAGE_BYTES: usize = 64 << 10;

/// The longest reply, in bytes.
const MAX_REPLY_BYTES: usize = 1 << 20;

/// Answers people as one revision of a configuration says. What the instance cache holds.
///
/// It remembers nothing itself: conversations live in [`Conversations`] and go on with the next instance.
pub struct Bot(Arc<Mind>);

/// What a reply needs of its bot, shared with the streams under way.
struct Mind {
    id: Id,
    system_prompt: Arc<str>,
    max_messages: usize,
    timeout: Duration,
    provider: Arc<dyn Provider>,
    conversations: Conversations,
}

/// Something to be answered.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The conversation to go on with; one that is not known is begun under this id. None: a new one with a new id.
    pub conversation: Option<ConversationId>,
    /// What the person says: 1 byte to 64 KiB, not blank.
    pub message: String,
    /// The revision of the bot's configuration that the caller's lease is of.
    pub revision: Revision,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What the bot says.
    pub text: String,
    /// The conversation it was said in: to be sent with the next turn.
    pub conversation: ConversationId,
}

/// One step of an answer that is streamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyEvent {
    /// The next piece of the answer.
    Delta(String),
    /// The answer is whole and remembered. Nothing follows.
    Done(Reply),
}

/// An answer as it comes in: pieces and then `Done`, or one error. Owns what it needs.
pub type ReplyStream = BoxStream<'static, Result<ReplyEvent, ChatError>>;

impl Bot {
    /// Makes a bot that answers with this provider. Of `config.llm` only the timeout is used.
    pub fn new(
        id: Id,
        config: &BotConfig,
        provider: Arc<dyn Provider>,
        conversations: Conversations,
    ) -> Self {
        let MemoryConfig::Buffer { max_messages } = config.memory;
        Self(Arc::new(Mind {
            id,
            system_prompt: config.system_prompt.as_str().into(),
            max_messages,
            timeout: config.llm.timeout,
            provider,
            conversations,
        }))
    }

    /// Answers, whole. Dropping the future ends the turn and leaves the conversation as it was.
    pub async fn chat(&self, turn: Turn) -> Result<Reply, ChatError> {
        let mut events = self.chat_stream(turn);
        while let Some(event) = events.next().await {
            if let ReplyEvent::Done(reply) = event? {
                return Ok(reply);
            }
        }
        Err(ChatError::BrokenReply {
            detail: "it ended before it was done".into(),
        })
    }

    /// Answers piece by piece.
    ///
    /// Nothing happens before the stream is polled; then the bot's timeout covers all of it: waiting for earlier turns
    /// of the conversation, reaching the provider, and the reply to its last piece. Errors that come before any piece
    /// are the stream's first item.
    ///
    /// The conversation holds the whole turn once `Done` is out, and is as it was until then: also when the stream is
    /// dropped, and after an error.
    pub fn chat_stream(&self, turn: Turn) -> ReplyStream {
        answer(Arc::clone(&self.0), turn).boxed()
    }
}

impl fmt::Debug for Bot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mind {
            id,
            provider,
            max_messages,
            timeout,
            ..
        } = &*self.0;
        f.debug_struct("Bot")
            .field("id", id)
            .field("provider", provider)
            .field("max_messages", max_messages)
            .field("timeout", timeout)
            .finish_non_exhaustive()
    }
}

fn answer(
    mind: Arc<Mind>,
    turn: Turn,
) -> impl Stream<Item = Result<ReplyEvent, ChatError>> + Send + 'static {
    try_stream! {
        let deadline = Instant::now() + mind.timeout;
        let late = |_| ChatError::TimedOut { after: mind.timeout };
        let message = checked(turn.message)?;
        let conversation = turn.conversation.unwrap_or_else(ConversationId::generate);
        let open = timeout_at(deadline, mind.conversations.begin(&mind.id, &conversation)).await.map_err(late)?;
        let mut deltas = mind.provider.complete(Prompt {
            bot: mind.id.clone(),
            revision: turn.revision,
            system: Arc::clone(&mind.system_prompt),
            history: open.history(mind.max_messages),
            message: Arc::clone(&message),
            deadline,
        });
        let mut text = String::new();
        while let Some(delta) = timeout_at(deadline, deltas.next()).await.map_err(late)? {
            let delta = delta?;
            if text.len() + delta.len() > MAX_REPLY_BYTES {
                Err(broken(format!("it is longer than {MAX_REPLY_BYTES} bytes")))?;
            }
            text.push_str(&delta);
            yield ReplyEvent::Delta(delta);
        }
        if text.is_empty() {
            Err(broken("it is empty".into()))?;
        }
        open.keep(message, &text, mind.max_messages);
        yield ReplyEvent::Done(Reply { text, conversation });
    }
}

fn checked(message: String) -> Result<Arc<str>, ChatError> {
    let reason = if message.trim().is_empty() {
        "is empty".into()
    } else if message.len() > MAX_MESSAGE_BYTES {
        format!(
            "is {} bytes long: at most {MAX_MESSAGE_BYTES} are allowed",
            message.len()
        )
    } else {
        return Ok(message.into());
    };
    Err(ChatError::InvalidMessage { reason })
}

fn broken(detail: String) -> ChatError {
    ChatError::BrokenReply { detail }
}

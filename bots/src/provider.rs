mod echo;
mod remote;

use std::fmt::Debug;
use std::sync::Arc;

use futures::stream::BoxStream;
use hotbed_cache::{Id, Revision};
use tokio::time::Instant;

use crate::conversation::Message;
use crate::error::ChatError;

pub(crate) use echo::Echo;
pub(crate) use remote::{Dialler, Remote};

/// A reply as it comes in: pieces of text, in order.
///
/// Ends after the last piece of a whole reply, or with one error. A stream that ends without an error is the
/// promise that the reply is whole.
pub type Deltas = BoxStream<'static, Result<String, ChatError>>;

/// Answers prompts: what stands behind a bot, a language model as a rule.
pub trait Provider: Debug + Send + Sync + 'static {
    /// Begins a reply. Nothing happens before the stream is first polled; dropping it ends the call.
    fn complete(&self, prompt: Prompt) -> Deltas;
}

/// All that a provider needs to know for one reply.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// The bot that is asked.
    pub bot: Id,
    /// The revision of the configuration it was built from.
    pub revision: Revision,
    /// How the bot is told to behave. May be empty.
    pub system: Arc<str>,
    /// What was said before, oldest first: whole turns, beginning with the person.
    pub history: Vec<Message>,
    /// What the person says now.
    pub message: Arc<str>,
    /// When the reply is no longer waited for; a provider does not begin another attempt after it.
    pub deadline: Instant,
}

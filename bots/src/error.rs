use std::time::Duration;

/// Why a bot did not answer, by what the caller may do about it.
///
/// After any of these the conversation is as it was before the turn. The texts are fit for strangers: they hold no
/// key and at most one short line of what a provider said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// The message cannot be put to any bot: send another.
    #[error("the message {reason}")]
    InvalidMessage {
        /// What is wrong with it, and what is allowed.
        reason: String,
    },
    /// The model provider cannot be reached, is overloaded or has failed, and was asked again in vain: try later.
    #[error("the model provider is not available: {detail}")]
    ProviderUnavailable {
        /// What happened.
        detail: String,
        /// How long the provider asks to be left alone, if it said so.
        retry_after: Option<Duration>,
    },
    /// The model provider will not take the call as it is: someone must change the bot's configuration, or its key.
    #[error("the model provider refused the call: {detail}")]
    ProviderRefused {
        /// What the provider said.
        detail: String,
    },
    /// The reply broke off, is empty, too long or not understood: trying again may help.
    #[error("the model provider's reply cannot be used: {detail}")]
    BrokenReply {
        /// What is wrong with it.
        detail: String,
    },
    /// The bot's time for one turn ran out: try later, or give it more in `llm.timeout_ms`.
    #[error("there was no whole reply within {} ms", .after.as_millis())]
    TimedOut {
        /// The time a turn may take.
        after: Duration,
    },
}

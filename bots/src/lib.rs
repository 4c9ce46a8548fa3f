//! Turns a bot configuration into something that answers.
//!
//! ```text
//! ResolvedConfig ── BotConfig::read ──► BotConfig ─► Provider ─┐
//!                                                              ├─► Bot ── chat ──► Reply
//!                               Conversations (outlive bots) ──┘
//! ```
//!
//! A [`Bot`] is what the instance cache holds: [`BotFactory`] builds it, calling no network. What was said lives in
//! [`Conversations`], outside of any bot, so a conversation goes on when its bot is rebuilt from a new configuration.
//! Keys of model providers come from [`ProviderKeys`], or from `llm.api_key` where a configuration names its own, and
//! appear in no reply, no error, no `Debug` output and no log line of this crate. No other secret gets into a bot.

mod bot;
mod config;
mod conversation;
mod conversations;
mod error;
mod factory;
mod keys;
mod provider;

pub use bot::{Bot, Reply, ReplyEvent, ReplyStream, Turn};
pub use config::{
    Api, BotConfig, InvalidBotConfig, LlmConfig, MemoryConfig, Problem, ProviderConfig,
    RemoteConfig, bot_schema,
};
pub use conversation::{ConversationId, InvalidConversationId, Message, Role};
pub use conversations::{ConversationLimits, Conversations};
pub use error::ChatError;
pub use factory::BotFactory;
pub use keys::ProviderKeys;
pub use provider::{Deltas, Prompt, Provider};

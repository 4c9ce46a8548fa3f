mod fields;
mod llm;
mod problem;
mod schema;

use std::time::Duration;

use hotbed_configs::ResolvedConfig;
use secrecy::SecretString;

use self::fields::{Fields, Findings};
use crate::keys::ProviderKeys;

pub use self::problem::{InvalidBotConfig, Problem};
pub use self::schema::bot_schema;
pub(crate) use self::schema::resolved_bot_schema;

#[cfg(test)]
mod tests;

/// The longest system prompt, in bytes.
const MAX_SYSTEM_PROMPT_BYTES: usize = 256 << 10;

/// The most messages that a bot may remember of one conversation.
const MAX_MESSAGES: u64 = 1000;

/// What a bot is built from, proven: nothing in it can keep the bot from being built.
///
/// ```
/// use hotbed_bots::{BotConfig, ProviderKeys};
/// use hotbed_configs::{PortableConfig, ResolvedConfig};
/// let config = PortableConfig::from_value(serde_json::json!({
///     "llm": {"provider": "echo"},
///     "system_prompt": "You are helpful.",
///     "memory": {"type": "buffer", "max_messages": 10},
///     "tools": [],
/// }))?;
/// let config = ResolvedConfig::verbatim(&config);
/// let (config, warnings) = BotConfig::read(&config, &ProviderKeys::default())?;
/// assert_eq!(config.system_prompt, "You are helpful.");
/// assert_eq!(warnings, ["`tools` is not understood here and is ignored"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct BotConfig {
    /// What thinks.
    pub llm: LlmConfig,
    /// `system_prompt`: how the bot is told to behave. Empty when absent; at most 256 KiB.
    pub system_prompt: String,
    /// What the bot remembers of a conversation.
    pub memory: MemoryConfig,
}

/// `llm`: what thinks, and how long it may.
#[derive(Debug, Clone)]
pub struct LlmConfig {
    /// `llm.provider` and what belongs to it.
    pub provider: ProviderConfig,
    /// `llm.timeout_ms`: how long a turn may take, from the first attempt to the last piece of the reply. One minute
    /// when absent; 1 ms to 10 minutes.
    pub timeout: Duration,
}

/// `llm.provider`: who answers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ProviderConfig {
    /// `echo`: offline, repeats what it was told.
    Echo,
    /// A model behind HTTP.
    Remote(RemoteConfig),
}

/// A model behind HTTP.
#[derive(Debug, Clone)]
pub struct RemoteConfig {
    /// The format it speaks.
    pub api: Api,
    /// `llm.model`: its name, as the provider knows it.
    pub model: String,
    /// `llm.base_url`: what the paths of the API are appended to, for example `http://localhost:8000/v1/`. The
    /// provider's public address when absent. Ends in `/`.
    pub base_url: String,
    /// The key to send: `llm.api_key`, a secret as a rule, or that in the variable which `llm.api_key_env` names; when
    /// both are absent, that in the API's own variable, and then only to the provider's public address.
    pub key: Option<SecretString>,
    /// `llm.temperature`: 0 to 2. The provider's own default when absent.
    pub temperature: Option<f64>,
    /// `llm.max_tokens`: the longest reply. The provider's own default when absent.
    pub max_tokens: Option<u32>,
}

/// A format of model providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Api {
    /// `openai`: chat completions, as OpenAI and the many servers compatible with it speak.
    OpenAi,
    /// `anthropic`: messages, as Anthropic speaks.
    Anthropic,
    /// `ollama`: chat, as Ollama speaks.
    Ollama,
}

/// `memory`: what a bot remembers of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemoryConfig {
    /// `buffer`: the last messages, word for word.
    Buffer {
        /// `memory.max_messages`: how many, of both sides; 10 when absent, 0 to 1000. A turn is two messages and is
        /// remembered whole or not at all, so an odd number counts as the even one below.
        max_messages: usize,
    },
}

impl BotConfig {
    /// Reads a bot's configuration. Pure.
    ///
    /// Returns it with warnings, or every problem at once; a secret anywhere in what is read but in `llm.api_key` is one,
    /// for a bot may tell all else. What is not ours is ignored, with a warning that names it,
    /// since other programs keep their settings beside ours. `null` is the same as absent.
    pub fn read(
        config: &ResolvedConfig,
        keys: &ProviderKeys,
    ) -> Result<(Self, Vec<String>), InvalidBotConfig> {
        let mut findings = Findings::default();
        let read = Self::read_fields(Fields::root(config), keys, &mut findings);
        findings.conclude(read)
    }

    fn read_fields(
        mut root: Fields<'_>,
        keys: &ProviderKeys,
        findings: &mut Findings,
    ) -> Option<Self> {
        let llm = root.object("llm", findings);
        if llm.is_none() && root.is_absent("llm") {
            findings.problem(
                "llm",
                "is missing: give an object that holds at least `provider`",
            );
        }
        let llm = llm.and_then(|fields| LlmConfig::read(fields, keys, findings));
        let system_prompt = root.text("system_prompt", findings).unwrap_or_default();
        if system_prompt.len() > MAX_SYSTEM_PROMPT_BYTES {
            let length = system_prompt.len();
            let reason =
                format!("is {length} bytes long: at most {MAX_SYSTEM_PROMPT_BYTES} are allowed");
            findings.problem("system_prompt", reason);
        }
        let memory = match root.object("memory", findings) {
            Some(fields) => MemoryConfig::read(fields, findings),
            None => Some(MemoryConfig::default()),
        };
        root.finish(findings);
        Some(Self {
            llm: llm?,
            system_prompt: system_prompt.to_owned(),
            memory: memory?,
        })
    }
}

impl MemoryConfig {
    fn read(mut fields: Fields<'_>, findings: &mut Findings) -> Option<Self> {
        let Self::Buffer { max_messages } = Self::default();
        let is_known =
            fields.choice("type", &["buffer"], findings).is_some() || fields.is_absent("type");
        let max_messages = fields
            .integer("max_messages", 0..=MAX_MESSAGES, findings)
            .map_or(max_messages, |number| {
                usize::try_from(number).expect("it was found to be at most 1000")
            });
        fields.finish(findings);
        is_known.then_some(Self::Buffer { max_messages })
    }
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self::Buffer { max_messages: 10 }
    }
}

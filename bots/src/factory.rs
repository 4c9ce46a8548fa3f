use std::sync::Arc;

use async_trait::async_trait;
use hotbed_cache::{BoxError, Id, InstanceFactory, Revision};
use hotbed_configs::ResolvedConfig;

use crate::bot::Bot;
use crate::config::{BotConfig, ProviderConfig, resolved_bot_schema};
use crate::conversations::Conversations;
use crate::keys::ProviderKeys;
use crate::provider::{Dialler, Echo, Provider, Remote};

/// Builds bots from their configurations, for the instance cache.
///
/// Building calls no network. A configuration that is wrong is an error that names every problem; there is no bot to
/// fall back to.
#[derive(Debug)]
pub struct BotFactory {
    keys: ProviderKeys,
    conversations: Conversations,
    dialler: Dialler,
}

impl BotFactory {
    /// Makes a factory whose bots use these keys and speak in these conversations.
    pub fn new(keys: ProviderKeys, conversations: Conversations) -> Self {
        Self {
            keys,
            conversations,
            dialler: Dialler::default(),
        }
    }

    /// Reads a configuration. What came from variables is text; where a number belongs, it is read as one.
    fn read(&self, config: &ResolvedConfig) -> Result<(BotConfig, Vec<String>), BoxError> {
        let typed = config.typed(resolved_bot_schema())?;
        Ok(BotConfig::read(&typed, &self.keys)?)
    }
}

#[async_trait]
impl InstanceFactory<Bot> for BotFactory {
    fn check(&self, _: &Id, config: &ResolvedConfig) -> Result<Vec<String>, BoxError> {
        let (_, warnings) = self.read(config)?;
        Ok(warnings)
    }

    async fn create(&self, id: &Id, _: Revision, config: ResolvedConfig) -> Result<Bot, BoxError> {
        let (config, _) = self.read(&config)?;
        let provider: Arc<dyn Provider> = match &config.llm.provider {
            ProviderConfig::Echo => Arc::new(Echo),
            ProviderConfig::Remote(remote) => {
                Arc::new(Remote::new(remote.clone(), &self.dialler).await?)
            }
        };
        Ok(Bot::new(
            id.clone(),
            &config,
            provider,
            self.conversations.clone(),
        ))
    }
}

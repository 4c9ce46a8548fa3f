use super::ModHost;
use crate::command::CommandWords;
use crate::emission::{Emissions, outbox};
use crate::loader::{Loaders, ModLoader};
use crate::service::{Provided, Put};
use crate::settings::HostSettings;
use crate::shared::Shared;
use std::any::Any;
use std::sync::Arc;

/// Says what a host is made of.
#[derive(Debug)]
pub struct HostBuilder {
    settings: HostSettings,
    loaders: Loaders,
    services: Provided,
    words: CommandWords,
}

impl HostBuilder {
    pub(super) fn new() -> Self {
        Self {
            settings: HostSettings::default(),
            loaders: Loaders::default(),
            services: Provided::default(),
            words: CommandWords::default(),
        }
    }

    /// How patient the host is.
    #[must_use]
    pub fn settings(mut self, settings: HostSettings) -> Self {
        self.settings = settings;
        self
    }

    /// The words of the host itself, in place of `@help`, `@reload` and the like.
    #[must_use]
    pub fn words(mut self, words: CommandWords) -> Self {
        self.words = words;
        self
    }

    /// Adds a loader. A later one of the same scheme takes the place of the earlier.
    #[must_use]
    pub fn loader(mut self, loader: impl ModLoader) -> Self {
        self.loaders.add(Arc::new(loader));
        self
    }

    /// Provides a service to every mod that is granted it. A second one of the same name is left out, and logged.
    #[must_use]
    pub fn service<T: Any + Send + Sync>(self, name: &str, service: Arc<T>) -> Self {
        if self.services.put(name, service) != Put::Done {
            tracing::error!(
                name,
                "the host provides a service twice; the first one counts"
            );
        }
        self
    }

    /// The host, and what its mods tell: whoever delivers events to agents takes it from there. As long as nobody does,
    /// each mod can tell a few events and no more.
    pub fn build(self) -> (ModHost, Emissions) {
        let (outbox, emissions) = outbox();
        self.services.seal();
        let shared = Shared::new(
            self.settings,
            self.loaders,
            Arc::new(self.services),
            outbox,
            self.words,
        );
        let host = ModHost {
            shared: Arc::new(shared),
        };
        (host, emissions)
    }
}

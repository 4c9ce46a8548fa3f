//! Takes what changes in the configuration directory while the server runs.

mod shelf;
mod trigger;

use crate::announcing;
use crate::config_dir::Source;
use crate::live::Live;
use crate::serve_args::ServeArgs;
use crate::settings::Settings;
use crate::storage::Storage;
use crate::warnings::{Subject, Warnings};
use anyhow::bail;
use hotbed::backends::{BusUrl, RegistryUrl};
use hotbed::deploy::Entry;
use hotbed::registry::Id;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub(crate) use shelf::{Door, Shelf};
pub(crate) use trigger::Trigger;

/// Follows a configuration directory: what changed in it since it was read last is applied, whole or not at all.
///
/// A set with anything wrong in it is not used: what ran before goes on, and the health page says why. Bots and mods are written
/// under the condition that nobody else changed them: what was changed by the API since stays as it is, and that is said.
#[derive(Debug)]
pub(crate) struct Watching {
    pub(crate) source: Source,
    pub(crate) args: ServeArgs,
    /// Where the registry is, which does not change while the server runs.
    pub(crate) url: RegistryUrl,
    /// Where the event bus is, likewise.
    pub(crate) bus: BusUrl,
    pub(crate) live: Live,
    pub(crate) warnings: Arc<Warnings>,
    pub(crate) settings: Settings,
    pub(crate) bots: Shelf,
    pub(crate) mods: Shelf,
    /// What the directory said when it was read at the start.
    pub(crate) wanted: Wanted,
}

/// What a directory says of both collections.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) bots: BTreeMap<Id, Entry>,
    pub(crate) mods: BTreeMap<Id, Entry>,
}

impl Watching {
    /// Follows until it is told to stop.
    pub(crate) async fn run(mut self, mut trigger: Trigger, stop: CancellationToken) {
        let mut wanted = self.wanted.clone();
        let mut is_settled = wanted.bots == self.bots.applied && wanted.mods == self.mods.applied;
        let mut trouble = None;
        loop {
            let by_hand = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                by_hand = trigger.pulled() => by_hand,
            };
            match self.take(by_hand).await {
                Ok(Some(read)) => wanted = read,
                // It is again what it was before it was broken; or what is registered may have become what it says.
                Ok(None) if trouble.is_some() || !is_settled => {}
                Ok(None) => continue,
                Err(error) => {
                    let error = format!("{error:#}");
                    if trouble.as_ref() != Some(&error) {
                        tracing::warn!(error, "configuration directory is not applied");
                    }
                    let warning = format!(
                        "the configuration directory is not applied, what ran before runs on: {error}"
                    );
                    self.warnings.tell(Subject::Directory, vec![warning]);
                    trouble = Some(error);
                    continue;
                }
            }
            trouble = None;
            let bots = self.bots.apply(&wanted.bots).await;
            let outcome = bots.and(self.mods.apply(&wanted.mods).await);
            is_settled = outcome.warnings.is_empty();
            if outcome.created + outcome.updated > 0 || by_hand {
                tracing::info!(
                    created = outcome.created,
                    updated = outcome.updated,
                    "configuration directory is applied"
                );
            }
            self.warnings.tell(Subject::Directory, outcome.warnings);
        }
    }

    /// Reads the directory, proves all that is in it, and goes by its environment and settings. `None` if it is what it
    /// was, and nobody asked by hand.
    async fn take(&mut self, by_hand: bool) -> anyhow::Result<Option<Wanted>> {
        let source = self.source.clone();
        let read = tokio::task::spawn_blocking(move || source.read_settled()).await?;
        let read = read?;
        let is_news = self.source.news(&read);
        if !is_news.any() && !by_hand {
            return Ok(None);
        }
        let environment = read.environment.clone();
        let settings = Settings::of(&self.args, &environment)?;
        let (url, named_by) = Storage::place(&self.args, &environment)?;
        if url != self.url {
            let place = named_by.unwrap_or_else(|| "the registry".into());
            bail!(
                "{place} needs a restart: this node goes on with {}",
                self.url
            );
        }
        let (bus, named_by) = announcing::bus(&self.args, &environment)?;
        if bus != self.bus {
            let place = named_by.unwrap_or_else(|| "the event bus".into());
            bail!(
                "{place} needs a restart: this node goes on with {}",
                self.bus
            );
        }
        self.live
            .settings(&self.settings, &settings)
            .map_err(anyhow::Error::msg)?;
        self.settings = settings;
        // By hand also for secrets that were rotated: nothing in the directory tells of them.
        if is_news.environment || by_hand {
            self.live.rebind(environment, read.schema.clone());
        }
        // Not before: what is not used is news until it is.
        self.source.take_note(&read);
        Ok(Some(Wanted {
            bots: read.bots,
            mods: read.mods,
        }))
    }
}

//! Takes what changes in the configuration directory while the server runs.

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
use hotbed::deploy::{Bot, MANAGED_BY};
use hotbed::registry::{Draft, Error, Id, Precondition, Registry, Status};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
pub(crate) use trigger::Trigger;

/// Follows a configuration directory: what changed in it since it was read last is applied, whole or not at all.
///
/// A set with anything wrong in it is not used: what ran before goes on, and the health page says why. Bots are written
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
    pub(crate) registry: Registry,
    pub(crate) warnings: Arc<Warnings>,
    pub(crate) settings: Settings,
    /// The bots as the directory had them when they were last applied.
    pub(crate) applied: BTreeMap<Id, Bot>,
}

/// What became of the bots that changed in the directory.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    created: usize,
    updated: usize,
    /// Why bots are not as the directory has them. As long as there are any it is tried again at each look.
    warnings: Vec<String>,
}

impl Watching {
    /// Follows until it is told to stop.
    pub(crate) async fn run(mut self, mut trigger: Trigger, stop: CancellationToken) {
        let mut wanted = self.applied.clone();
        let mut is_settled = true;
        let mut trouble = None;
        loop {
            let by_hand = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                by_hand = trigger.pulled() => by_hand,
            };
            match self.take(by_hand).await {
                Ok(Some(bots)) => wanted = bots,
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
            let outcome = self.apply(&wanted).await;
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
    async fn take(&mut self, by_hand: bool) -> anyhow::Result<Option<BTreeMap<Id, Bot>>> {
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
        Ok(Some(read.bots))
    }

    /// Writes the bots that are not as they were when they were last applied.
    async fn apply(&mut self, wanted: &BTreeMap<Id, Bot>) -> Outcome {
        let mut outcome = Outcome::default();
        let gone: BTreeSet<Id> = self
            .applied
            .keys()
            .filter(|id| !wanted.contains_key(*id))
            .cloned()
            .collect();
        for id in gone {
            match self.registry.reader().get(&id).await {
                Ok(None) => {
                    self.applied.remove(&id);
                }
                Ok(Some(_)) => outcome.warnings.push(format!(
                    "{id}: is gone from the configuration directory and stays registered: delete it with `hotbed bots delete {id}` or `hotbed apply --prune`"
                )),
                Err(error) => outcome.put_off(&id, &error),
            }
        }
        for (id, bot) in wanted {
            if self.applied.get(id) == Some(bot) {
                continue;
            }
            match self.write(id, bot).await {
                Ok(written) => {
                    self.applied.insert(id.clone(), bot.clone());
                    match written {
                        Written::Created => outcome.created += 1,
                        Written::Updated => outcome.updated += 1,
                        Written::Same => {}
                    }
                }
                Err(Refused::Changed) => outcome.warnings.push(format!(
                    "{id}: was changed in the registry since {} was applied, and is left as it is: compare with `hotbed diff`, overwrite it with `hotbed apply`",
                    bot.file.display()
                )),
                Err(Refused::Error(error)) => outcome.put_off(id, &error),
            }
        }
        outcome
    }

    async fn write(&self, id: &Id, bot: &Bot) -> Result<Written, Refused> {
        let current = self.registry.reader().get(id).await?;
        let (condition, metadata) = match &current {
            None if self.applied.contains_key(id) => return Err(Refused::Changed),
            None => (Precondition::Absent, bot.metadata.clone()),
            Some(current) => {
                let says = |bot: &Bot| {
                    current.status == Status::Active
                        && bot.says(current.config.as_map(), &current.metadata)
                };
                if says(bot) {
                    return Ok(Written::Same);
                }
                if !self.applied.get(id).is_some_and(says) {
                    return Err(Refused::Changed);
                }
                let mut metadata = bot.metadata.clone();
                // Whose it is, no file says.
                if let Some(owner) = current.metadata.get(MANAGED_BY) {
                    metadata.insert(MANAGED_BY.to_owned(), owner.clone());
                }
                (Precondition::At(current.revision), metadata)
            }
        };
        let draft = Draft {
            config: bot.config.clone(),
            status: Status::Active,
            metadata: Some(metadata),
            created_at: None,
        };
        match self.registry.put(id, draft, condition).await {
            Ok(_) if current.is_none() => Ok(Written::Created),
            Ok(_) => Ok(Written::Updated),
            // Perhaps another node was first with the same: the next round sees.
            Err(error) => Err(Refused::Error(error)),
        }
    }
}

/// What was done.
enum Written {
    Created,
    Updated,
    Same,
}

/// Why nothing was done.
enum Refused {
    /// Somebody else wrote since.
    Changed,
    Error(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Outcome {
    /// What could not be done now.
    fn put_off(&mut self, id: &Id, error: &Error) {
        self.warnings.push(format!("{id}: is not written: {error}"));
    }
}

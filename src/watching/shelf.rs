use hotbed::deploy::{Entry, MANAGED_BY};
use hotbed::desk::{Desk, ModsError};
use hotbed::registry::{
    ChangeNote, Draft, Error, Id, Precondition, Registration, Registry, Status,
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a directory says of one collection, and what of it is in the registry.
#[derive(Debug)]
pub(crate) struct Shelf {
    pub(crate) door: Door,
    /// The entries as the directory had them when they were last applied.
    pub(crate) applied: BTreeMap<Id, Entry>,
}

/// The way into a collection.
#[derive(Debug)]
pub(crate) enum Door {
    /// Of bots.
    Bots(Registry),
    /// Of mods: what is written there is proven first, and in effect on this node when it is written.
    Mods(Registry, Desk),
}

/// What became of the entries that changed in the directory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) created: usize,
    pub(crate) updated: usize,
    /// Why entries are not as the directory has them. As long as there are any it is tried again at each look.
    pub(crate) warnings: Vec<String>,
}

impl Shelf {
    /// Registers what is not registered yet, and takes what the directory says for applied. What is registered stays as it
    /// is, for it may have been changed since.
    pub(crate) async fn begin(&mut self, wanted: &BTreeMap<Id, Entry>) -> Outcome {
        let mut outcome = Outcome::default();
        for (id, entry) in wanted {
            let metadata = entry.metadata.clone();
            let put = self.door.put(id, entry, metadata, Precondition::Absent);
            match put.await {
                Ok(()) => outcome.created += 1,
                Err(ModsError::Registry(Error::Conflict { .. })) => {}
                Err(error) => {
                    outcome.put_off(id, &error);
                    continue;
                }
            }
            self.applied.insert(id.clone(), entry.clone());
        }
        outcome
    }

    /// Writes the entries that are not as they were when they were last applied.
    pub(crate) async fn apply(&mut self, wanted: &BTreeMap<Id, Entry>) -> Outcome {
        let mut outcome = Outcome::default();
        let gone: BTreeSet<Id> = self
            .applied
            .keys()
            .filter(|id| !wanted.contains_key(*id))
            .cloned()
            .collect();
        let kind = self.door.command();
        for id in gone {
            match self.door.find(&id).await {
                Ok(None) => {
                    self.applied.remove(&id);
                }
                Ok(Some(_)) => outcome.warnings.push(format!(
                    "{id}: is gone from the configuration directory and stays registered: delete it with `hotbed {kind} {id}` or `hotbed apply --prune`"
                )),
                Err(error) => outcome.put_off(&id, &error),
            }
        }
        for (id, entry) in wanted {
            if self.applied.get(id) == Some(entry) {
                continue;
            }
            match self.write(id, entry).await {
                Ok(written) => {
                    self.applied.insert(id.clone(), entry.clone());
                    match written {
                        Written::Created => outcome.created += 1,
                        Written::Updated => outcome.updated += 1,
                        Written::Same => {}
                    }
                }
                Err(Refused::Changed) => outcome.warnings.push(format!(
                    "{id}: was changed in the registry since {} was applied, and is left as it is: compare with `hotbed diff`, overwrite it with `hotbed apply`",
                    entry.file.display()
                )),
                Err(Refused::Error(error)) => outcome.put_off(id, &error),
            }
        }
        outcome
    }

    async fn write(&self, id: &Id, entry: &Entry) -> Result<Written, Refused> {
        let current = self.door.find(id).await?;
        let (condition, metadata) = match &current {
            None if self.applied.contains_key(id) => return Err(Refused::Changed),
            None => (Precondition::Absent, entry.metadata.clone()),
            Some(current) => {
                let says = |entry: &Entry| {
                    current.status == Status::Active
                        && entry.says(current.config.as_map(), &current.metadata)
                };
                if says(entry) {
                    return Ok(Written::Same);
                }
                if !self.applied.get(id).is_some_and(says) {
                    return Err(Refused::Changed);
                }
                let mut metadata = entry.metadata.clone();
                // Whose it is, no file says.
                if let Some(owner) = current.metadata.get(MANAGED_BY) {
                    metadata.insert(MANAGED_BY.to_owned(), owner.clone());
                }
                (Precondition::At(current.revision), metadata)
            }
        };
        match self.door.put(id, entry, metadata, condition).await {
            Ok(()) if current.is_none() => Ok(Written::Created),
            Ok(()) => Ok(Written::Updated),
            // Perhaps another node was first with the same: the next round sees.
            Err(error) => Err(Refused::Error(error)),
        }
    }
}

impl Door {
    /// By which commands what is behind it is deleted.
    fn command(&self) -> &'static str {
        match self {
            Self::Bots(_) => "bots delete",
            Self::Mods(..) => "mods unload",
        }
    }

    async fn find(&self, id: &Id) -> Result<Option<Registration>, ModsError> {
        let (Self::Bots(registry) | Self::Mods(registry, _)) = self;
        Ok(registry.reader().peek(id).await?)
    }

    async fn put(
        &self,
        id: &Id,
        entry: &Entry,
        metadata: Map<String, Value>,
        when: Precondition,
    ) -> Result<(), ModsError> {
        match self {
            Self::Bots(registry) => {
                let draft = Draft {
                    config: entry.config.clone(),
                    status: Status::Active,
                    metadata: Some(metadata),
                    created_at: None,
                };
                registry.put(id, draft, when).await?;
                Ok(())
            }
            Self::Mods(_, desk) => {
                let config = entry.config.as_map().clone();
                let put = desk.put(id, config, Some(metadata), when, ChangeNote::NONE);
                match put.await {
                    // It is written, and gone by as soon as this node can.
                    Ok(_) | Err(ModsError::Unsettled(_)) => Ok(()),
                    Err(error) => Err(error),
                }
            }
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
    Error(ModsError),
}

impl From<ModsError> for Refused {
    fn from(error: ModsError) -> Self {
        Self::Error(error)
    }
}

impl Outcome {
    /// What could not be done now.
    fn put_off(&mut self, id: &Id, error: &impl fmt::Display) {
        self.warnings.push(format!("{id}: is not written: {error}"));
    }

    /// Both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.created += other.created;
        self.updated += other.updated;
        self.warnings.extend(other.warnings);
        self
    }
}

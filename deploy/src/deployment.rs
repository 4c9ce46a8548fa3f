//! What a directory says should be registered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hotbed_configs::{ConfigSchema, DeclaredMod, DomainBot, PortableConfig};
use serde_json::{Map, Value};

use crate::collection::Collection;
use crate::directory::{DomainFile, ModFile, Reading};
use crate::owner::MANAGED_BY;
use crate::problem::{Place, Problem, Problems, locate};

/// The keys of the metadata that are not for a domain file to write, and who writes them.
const RESERVED: [(&str, &str); 4] = [
    ("change_reason", "a writer"),
    ("changed_by", "a writer"),
    (MANAGED_BY, "`hotbed apply`"),
    ("reload_mark", "a reload"),
];

/// Holds all bots and mods of a directory, proven: every file was read and understood, no two of a collection have one
/// id, and each id and its metadata can be registered.
#[derive(Clone, Debug, Default)]
pub struct Deployment {
    bots: BTreeMap<String, Entry>,
    mods: BTreeMap<String, Entry>,
    schema: Option<Arc<ConfigSchema>>,
}

/// One bot or mod of a directory. It is meant to be in service: files have no word for another status.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where it stands.
    pub file: PathBuf,
    /// What is registered of it, as it is written.
    pub config: PortableConfig,
    /// What else the file says of it.
    pub metadata: Map<String, Value>,
}

impl Deployment {
    /// Proves what was read, or tells all that is wrong with it.
    pub fn prove(reading: &Reading) -> Result<Self, Problems> {
        let (deployment, mut problems) = Self::gather(reading);
        locate(&mut problems, &reading.domains);
        problems.splice(0..0, reading.problems.iter().cloned());
        Problems::or(problems, deployment)
    }

    /// The bots and mods that are good, and what is wrong with the files that could be read.
    pub(crate) fn gather(reading: &Reading) -> (Self, Vec<Problem>) {
        let mut deployment = Self::default();
        let mut problems = Vec::new();
        for file in &reading.domains {
            match &*file.bots {
                Ok(bots) => {
                    for bot in bots {
                        deployment.add(file, bot, &mut problems);
                    }
                }
                Err(errors) => problems.extend(Problem::of_text(&file.path, errors)),
            }
        }
        for file in &reading.mods {
            match &*file.mods {
                Ok(mods) => {
                    for declared in mods {
                        deployment.add_mod(file, declared, &mut problems);
                    }
                }
                Err(errors) => problems.extend(Problem::of_text(&file.path, errors)),
            }
        }
        deployment.add_schema(reading, &mut problems);
        (deployment, problems)
    }

    /// What the configurations of the bots must fit wherever they are resolved, if the directory has a schema for them.
    pub fn schema(&self) -> Option<&Arc<ConfigSchema>> {
        self.schema.as_ref()
    }

    /// The bots, in the order of their ids.
    pub fn bots(&self) -> impl ExactSizeIterator<Item = (&str, &Entry)> {
        self.bots.iter().map(|(id, bot)| (id.as_str(), bot))
    }

    /// One bot.
    pub fn bot(&self, id: &str) -> Option<&Entry> {
        self.bots.get(id)
    }

    /// What the directory says of a collection, by id.
    pub fn of(&self, collection: Collection) -> &BTreeMap<String, Entry> {
        match collection {
            Collection::Bots => &self.bots,
            Collection::Mods => &self.mods,
        }
    }

    fn add_schema(&mut self, reading: &Reading, problems: &mut Vec<Problem>) {
        let mut first: Option<&PathBuf> = None;
        for file in &reading.schemas {
            let path = file.path.clone();
            if file.collection != Collection::Bots.as_str() {
                problems.push(Problem::NoCollection { file: path });
                continue;
            }
            if let Some(first) = first {
                let first = first.clone();
                problems.push(Problem::DuplicateSchema { file: path, first });
                continue;
            }
            first = Some(&file.path);
            match &file.schema {
                Ok(schema) => self.schema = Some(Arc::clone(schema)),
                Err(errors) => problems.extend(Problem::of_text(&path, errors)),
            }
        }
    }

    fn add(&mut self, file: &DomainFile, bot: &DomainBot, problems: &mut Vec<Problem>) {
        let place = Place::in_file(&file.path);
        if let Some(first) = self.bots.get(&bot.id) {
            return problems.push(Problem::DuplicateId {
                id: bot.id.clone(),
                place,
                first: first.file.clone(),
            });
        }
        if let Err(reason) = fit(&bot.id) {
            return problems.push(Problem::UnfitId {
                id: bot.id.clone(),
                reason,
                place,
            });
        }
        for (key, by) in RESERVED {
            if bot.metadata.contains_key(key) {
                problems.push(Problem::ReservedKey {
                    key,
                    by,
                    id: bot.id.clone(),
                    place: place.clone(),
                });
            }
        }
        self.bots.insert(
            bot.id.clone(),
            Entry {
                file: place.file,
                config: bot.config.clone(),
                metadata: bot.metadata.clone(),
            },
        );
    }
}

impl Deployment {
    fn add_mod(&mut self, file: &ModFile, declared: &DeclaredMod, problems: &mut Vec<Problem>) {
        let id = declared.id.clone().unwrap_or_else(|| called(&file.path));
        if let Some(first) = self.mods.get(&id) {
            return problems.push(Problem::DuplicateMod {
                id,
                file: file.path.clone(),
                first: first.file.clone(),
            });
        }
        if let Err(reason) = fit(&id) {
            return problems.push(Problem::UnfitMod {
                id,
                reason,
                file: file.path.clone(),
            });
        }
        self.mods.insert(
            id,
            Entry {
                file: file.path.clone(),
                config: declared.registration.clone(),
                metadata: Map::new(),
            },
        );
    }
}

impl Entry {
    /// Whether a registration of this configuration and metadata is what the file says, whoever wrote and owns it.
    pub fn says(&self, config: &Map<String, Value>, metadata: &Map<String, Value>) -> bool {
        let is_noted = |key: &str| RESERVED.iter().any(|(reserved, _)| *reserved == key);
        let mut said = metadata.iter().filter(|(key, _)| !is_noted(key));
        // By key: the order of a map is that of its keys only while nobody turns on serde_json's `preserve_order`.
        self.config.as_map() == config
            && said.clone().count() == self.metadata.len()
            && said.all(|(key, value)| self.metadata.get(key) == Some(value))
    }
}

/// What a mod is called whose file says no id: like the file, or where that is called `mod`, like its directory.
fn called(file: &Path) -> String {
    let stem = |path: &Path| {
        let stem = path.file_stem().unwrap_or_default();
        stem.to_string_lossy().into_owned()
    };
    match stem(file) {
        name if name == "mod" => file.parent().map(stem).unwrap_or(name),
        name => name,
    }
}

/// Refuses an id by which another thing would be addressed than is meant. The registry is stricter still.
fn fit(id: &str) -> Result<(), &'static str> {
    if matches!(id, "" | "." | "..") {
        Err("it means something else in a URL")
    } else if id.trim() != id {
        Err("it begins or ends with white space")
    } else if id.contains(|c: char| c.is_control() || matches!(c, '/' | '\\' | '?' | '#' | '%')) {
        Err("slashes, '?', '#', '%' and control characters are not allowed in an id")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;

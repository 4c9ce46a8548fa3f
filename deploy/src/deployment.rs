//! What a directory says should be registered.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use hotbed_configs::{ConfigSchema, DomainBot, PortableConfig};
use serde_json::{Map, Value};

use crate::directory::{DomainFile, Reading};
use crate::owner::MANAGED_BY;
use crate::problem::{Place, Problem, Problems, locate};

/// The keys of the metadata that are not for a domain file to write, and who writes them.
const RESERVED: [(&str, &str); 3] = [
    ("change_reason", "a writer"),
    ("changed_by", "a writer"),
    (MANAGED_BY, "`hotbed apply`"),
];

/// The collection that domain files and `schemas/bots.yaml` are about.
const BOTS: &str = "bots";

/// Holds all bots of a directory, proven: every file was read and understood, no two bots have one id, and each id and
/// its metadata can be registered.
#[derive(Clone, Debug, Default)]
pub struct Deployment {
    bots: BTreeMap<String, Bot>,
    schema: Option<Arc<ConfigSchema>>,
}

/// One bot of a directory. It is meant to be in service: domain files have no word for anything else.
#[derive(Clone, Debug, PartialEq)]
pub struct Bot {
    /// Where it stands.
    pub file: PathBuf,
    /// What it is built from, as it is written.
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

    /// The bots that are good, and what is wrong with the domain files that could be read.
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
        deployment.add_schema(reading, &mut problems);
        (deployment, problems)
    }

    /// What the configurations of the bots must fit wherever they are resolved, if the directory has a schema for them.
    pub fn schema(&self) -> Option<&Arc<ConfigSchema>> {
        self.schema.as_ref()
    }

    /// The bots, in the order of their ids.
    pub fn bots(&self) -> impl ExactSizeIterator<Item = (&str, &Bot)> {
        self.bots.iter().map(|(id, bot)| (id.as_str(), bot))
    }

    /// One bot.
    pub fn bot(&self, id: &str) -> Option<&Bot> {
        self.bots.get(id)
    }

    fn add_schema(&mut self, reading: &Reading, problems: &mut Vec<Problem>) {
        let mut first: Option<&PathBuf> = None;
        for file in &reading.schemas {
            let path = file.path.clone();
            if file.collection != BOTS {
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
            Bot {
                file: place.file,
                config: bot.config.clone(),
                metadata: bot.metadata.clone(),
            },
        );
    }
}

impl Bot {
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

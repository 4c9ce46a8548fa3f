//! The configuration directory of a server: where it is, which of its environments is used, and what it holds.
//!
//! Which text means what is decided in `hotbed_configs`, which files there are in `hotbed_deploy`.

use crate::secrets::{AllowList, Secrets};
use anyhow::{anyhow, bail};
use hotbed::configs::{ConfigSchema, Environment, Variables, detect_environment};
use hotbed::deploy::{Collection, Deployment, Directory, Entry, Problem, Reading, bot_variables};
use hotbed::registry::Id;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The directory that is used without being named.
const DEFAULT: &str = "configs";
/// The environment that needs no file.
const UNNAMED: &str = "development";
/// How often a directory is read until it is twice the same.
const READS: usize = 10;

/// Where a server's configuration comes from. Clones share what was read.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// None at all: everything is as it is by default.
    directory: Option<Arc<Mutex<Directory>>>,
    environment: Chosen,
    process: Arc<[(String, String)]>,
    secrets: Arc<Secrets>,
    /// The texts of the environments, as they were taken note of last.
    texts: Texts,
    /// What the bots must fit, likewise.
    schema: Option<Arc<ConfigSchema>>,
    /// The bots, likewise.
    bots: BTreeMap<Id, Entry>,
    /// The mods, likewise.
    mods: BTreeMap<Id, Entry>,
}

/// The environment that is used, and why.
#[derive(Debug, Clone)]
struct Chosen {
    name: String,
    reason: String,
    /// Somebody named it: it must have a file.
    is_named: bool,
}

/// What the files of all environments say, by name.
type Texts = BTreeMap<PathBuf, Arc<str>>;

/// What a configuration directory holds for one environment.
#[derive(Debug)]
pub(crate) struct ConfigDir {
    pub(crate) environment: Environment,
    /// Says which environment this is, why, and from which file, for a person.
    pub(crate) environment_note: String,
    /// What every configuration must fit.
    pub(crate) schema: Option<Arc<ConfigSchema>>,
    pub(crate) bots: BTreeMap<Id, Entry>,
    pub(crate) mods: BTreeMap<Id, Entry>,
    /// Where the bots came from.
    pub(crate) domains_dir: Option<PathBuf>,
    /// What whoever runs this node should know.
    pub(crate) warnings: Vec<String>,
    texts: Texts,
}

/// What of a directory is not as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct News {
    /// What configurations are bound to: the environments, or the schema.
    pub(crate) environment: bool,
    pub(crate) bots: bool,
    pub(crate) mods: bool,
}

impl News {
    pub(crate) fn any(self) -> bool {
        self.environment || self.bots || self.mods
    }
}

impl ConfigDir {
    fn says_what(&self, other: &Self) -> bool {
        self.texts == other.texts
            && self.schema == other.schema
            && self.bots == other.bots
            && self.mods == other.mods
    }
}

impl Source {
    /// `dir`, or `./configs` if there is one, or nothing; and the environment that is named, or found out.
    pub(crate) fn find(
        dir: Option<&Path>,
        env: Option<&str>,
        process: &[(String, String)],
        config_secrets: &AllowList,
    ) -> anyhow::Result<Self> {
        let dir = match dir {
            Some(dir) if dir.is_dir() => Some(dir.to_owned()),
            Some(dir) => bail!("configuration directory {} does not exist", dir.display()),
            None => Some(PathBuf::from(DEFAULT)).filter(|dir| dir.is_dir()),
        };
        // Empty is not set: that is how a variable is taken back in many a deployment.
        let env = env.map(str::trim).filter(|name| !name.is_empty());
        let environment = if let Some(name) = env {
            Chosen {
                name: name.to_lowercase(),
                reason: "it was chosen".to_owned(),
                is_named: true,
            }
        } else {
            let detected = detect_environment(&process.iter().cloned().collect());
            Chosen {
                name: detected.name,
                reason: detected.reason,
                is_named: false,
            }
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !environment.name.chars().all(is_plain) {
            bail!(
                "environment {:?} is not a name: use letters, digits, '-' and '_'",
                environment.name
            );
        }
        let process: Arc<[_]> = process.into();
        let secrets = Secrets::new(Arc::clone(&process), config_secrets.clone());
        Ok(Self {
            directory: dir.map(|dir| Arc::new(Mutex::new(Directory::new(dir)))),
            environment,
            process,
            secrets: Arc::new(secrets),
            texts: Texts::new(),
            schema: None,
            bots: BTreeMap::new(),
            mods: BTreeMap::new(),
        })
    }

    /// The directory, if there is one.
    pub(crate) fn dir(&self) -> Option<PathBuf> {
        let directory = self.directory.as_ref()?;
        let directory = directory.lock().unwrap_or_else(PoisonError::into_inner);
        Some(directory.root().to_owned())
    }

    /// Reads what there is now. All that is wrong is told together.
    pub(crate) fn read(&self) -> anyhow::Result<ConfigDir> {
        let Some(directory) = &self.directory else {
            return self.nothing();
        };
        let reading = {
            let mut directory = directory.lock().unwrap_or_else(PoisonError::into_inner);
            directory.read()
        };
        self.understand(&reading)
    }

    /// The same, once two readings in a row find the same: so that no half of a change is taken for the whole.
    pub(crate) fn read_settled(&self) -> anyhow::Result<ConfigDir> {
        let mut last = self.read();
        for _ in 1..READS {
            let next = self.read();
            let is_same = match (&last, &next) {
                (Ok(last), Ok(next)) => last.says_what(next),
                (Err(last), Err(next)) => last.to_string() == next.to_string(),
                _ => false,
            };
            if is_same {
                return next;
            }
            last = next;
        }
        Err(anyhow!("it changes all the time"))
    }

    /// What of this is not as it was when it was last taken note of.
    pub(crate) fn news(&self, read: &ConfigDir) -> News {
        News {
            environment: read.texts != self.texts || read.schema != self.schema,
            bots: read.bots != self.bots,
            mods: read.mods != self.mods,
        }
    }

    /// Remembers what is used from now on.
    pub(crate) fn take_note(&mut self, read: &ConfigDir) {
        self.texts.clone_from(&read.texts);
        self.schema.clone_from(&read.schema);
        self.bots.clone_from(&read.bots);
        self.mods.clone_from(&read.mods);
    }

    fn nothing(&self) -> anyhow::Result<ConfigDir> {
        let Chosen {
            name,
            reason,
            is_named,
        } = &self.environment;
        if *is_named {
            bail!(
                "environment {name:?} has no file: there is no configuration directory, name one with --config"
            );
        }
        let mut warnings = Vec::new();
        if name != UNNAMED {
            warnings.push(format!(
                "environment {name:?} ({reason}) is empty: there is no configuration directory"
            ));
        }
        Ok(ConfigDir {
            environment: self.dressed(Environment::empty(name)),
            environment_note: self.note("empty: it has no file"),
            schema: None,
            bots: BTreeMap::new(),
            mods: BTreeMap::new(),
            domains_dir: None,
            warnings,
            texts: Texts::new(),
        })
    }

    fn understand(&self, reading: &Reading) -> anyhow::Result<ConfigDir> {
        let Chosen {
            name,
            reason,
            is_named,
        } = &self.environment;
        let variables: Variables = self.process.iter().cloned().collect();
        let file = reading.environment_file(name);
        if let (None, Some(problem)) = (file, reading.unread_environment(name)) {
            bail!("{problem}");
        }
        let (environment, from) = match file {
            Some(file) => {
                let environment = reading.environment(file, &variables)?;
                (environment, format!("from {}", file.path.display()))
            }
            None if *is_named || name != UNNAMED => {
                let file = reading
                    .root
                    .join("environments")
                    .join(format!("{name}.yaml"));
                bail!(
                    "environment {name:?} ({reason}) has no file: {} is missing",
                    file.display()
                )
            }
            None => (Environment::empty(name), "empty: it has no file".to_owned()),
        };
        // The environments of others are none of this node's business.
        let environments = reading.root.join("environments");
        let is_ours = |problem: &&Problem| {
            problem
                .path()
                .is_none_or(|path| !path.starts_with(&environments))
        };
        let deployment = Deployment::prove(&Reading {
            problems: reading.problems.iter().filter(is_ours).cloned().collect(),
            ..reading.clone()
        })?;
        let entries = |collection: Collection, key: &str| {
            let entries = deployment.of(collection).iter().map(|(id, entry)| {
                let known = Id::new(id)
                    .map_err(|error| anyhow!("{}: {key}{error}", entry.file.display()))?;
                Ok((known, entry.clone()))
            });
            entries.collect::<anyhow::Result<BTreeMap<_, _>>>()
        };
        Ok(ConfigDir {
            environment: self.dressed(environment),
            environment_note: self.note(&from),
            schema: deployment.schema().cloned(),
            bots: entries(Collection::Bots, "domain.id: ")?,
            mods: entries(Collection::Mods, "")?,
            domains_dir: Some(reading.root.join("domains")).filter(|dir| dir.is_dir()),
            warnings: Vec::new(),
            texts: reading
                .environments
                .iter()
                .map(|file| (file.path.clone(), Arc::clone(&file.text)))
                .collect(),
        })
    }

    /// The environment with what its bots may refer to, and what reads its secrets.
    fn dressed(&self, environment: Environment) -> Environment {
        environment
            .with_variables(bot_variables(&self.process))
            .with_secrets(Arc::clone(&self.secrets) as _)
    }

    fn note(&self, from: &str) -> String {
        let Chosen { name, reason, .. } = &self.environment;
        format!("{name} ({reason}), {from}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A set that cannot be used now, for it needs a restart, must be told again each time.
    #[test]
    fn what_was_not_taken_note_of_stays_news() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("environments")).unwrap();
        let file = dir.path().join("environments/development.yaml");
        fs::write(&file, "settings: {a: 1}").unwrap();
        let mut source = Source::find(Some(dir.path()), None, &[], &AllowList::default()).unwrap();
        for _ in 0..2 {
            let news = source.news(&source.read_settled().unwrap());
            assert_eq!(
                (news.environment, news.bots, news.mods),
                (true, false, false)
            );
        }
        source.take_note(&source.read().unwrap());
        assert!(!source.news(&source.read().unwrap()).any());
        fs::write(&file, "settings: {a: 10}").unwrap();
        assert!(source.news(&source.read().unwrap()).any());
    }
}

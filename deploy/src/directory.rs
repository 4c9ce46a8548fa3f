//! A directory of environments and domains.

mod contents;
mod listing;
mod stamp;

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hotbed_configs::{
    ConfigErrors, ConfigSchema, DeclaredMod, DomainBot, Environment, EnvironmentText, Variables,
    parse_domain, parse_mods,
};

use crate::problem::Problem;
use listing::{Listed, Nesting};
use stamp::Stamp;

/// The endings of the files that are read, the first first where several would do; JSON is YAML too.
pub const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Reads `DIR/environments/*`, `DIR/schemas/*`, `DIR/mods/**` and `DIR/domains/**`, again and again: what has not changed since the last
/// time is neither opened nor parsed again.
///
/// Taken are files whose names end with one of [`ENDINGS`], in the order of their paths; names that begin with `.` are
/// passed over. Directories in `mods` and `domains` are read too. Symbolic links are followed as long as they stay inside `DIR`, as
/// those of a Kubernetes volume do.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
    known: BTreeMap<PathBuf, Known>,
}

/// What was in a file when it was read last.
struct Known {
    stamp: Stamp,
    text: Arc<str>,
    /// Of a domain file.
    bots: Option<ParsedBots>,
    /// Of a mod file.
    mods: Option<ParsedMods>,
    /// Of the schema of a collection.
    schema: Option<ParsedSchema>,
}

type ParsedBots = Arc<Result<Vec<DomainBot>, ConfigErrors>>;
type ParsedMods = Arc<Result<Vec<DeclaredMod>, ConfigErrors>>;
type ParsedSchema = Result<Arc<ConfigSchema>, Arc<ConfigErrors>>;

/// What a directory held when it was read: all of it, the good beside the bad.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The directory, as it was named.
    pub root: PathBuf,
    /// The environment files that could be read.
    pub environments: Vec<EnvironmentFile>,
    /// The schemas of collections that could be read. What is wrong with their text is told by each.
    pub schemas: Vec<SchemaFile>,
    /// The mod files that could be read. What is wrong with their text is told by each.
    pub mods: Vec<ModFile>,
    /// The domain files that could be read. What is wrong with their text is told by each.
    pub domains: Vec<DomainFile>,
    /// The files that could not be read, and why.
    pub problems: Vec<Problem>,
    /// How many domain files had to be parsed, because they are new or their text is another one than the last time.
    pub parsed: usize,
}

/// The text of an environment file. `Debug` does not show it.
#[derive(Clone)]
pub struct EnvironmentFile {
    /// Where it is.
    pub path: PathBuf,
    /// The name of the file without its ending: what the environment is chosen by.
    pub name: String,
    /// What it says. It is parsed where the variables are known.
    pub text: Arc<str>,
}

/// The bots of a domain file, or what is wrong with its text. `Debug` does not show the text.
#[derive(Clone)]
pub struct DomainFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its text.
    pub text: Arc<str>,
    /// What it says.
    pub bots: Arc<Result<Vec<DomainBot>, ConfigErrors>>,
}

/// The mods of a mod file, or what is wrong with its text.
#[derive(Clone, Debug)]
pub struct ModFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub mods: Arc<Result<Vec<DeclaredMod>, ConfigErrors>>,
}

/// The JSON Schema that the configurations of a collection must fit, or what is wrong with its text.
#[derive(Clone, Debug)]
pub struct SchemaFile {
    /// Where it is.
    pub path: PathBuf,
    /// The name of the file without its ending: the collection.
    pub collection: String,
    /// What it says.
    pub schema: Result<Arc<ConfigSchema>, Arc<ConfigErrors>>,
}

impl Directory {
    /// A directory of which nothing was read yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            known: BTreeMap::new(),
        }
    }

    /// The directory, as it was named.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Reads what is in the directory now.
    pub fn read(&mut self) -> Reading {
        let mut reading = Reading {
            root: self.root.clone(),
            environments: Vec::new(),
            schemas: Vec::new(),
            mods: Vec::new(),
            domains: Vec::new(),
            problems: Vec::new(),
            parsed: 0,
        };
        let mut before = std::mem::take(&mut self.known);
        let real_root = match fs::canonicalize(&self.root) {
            Ok(real_root) if real_root.is_dir() => real_root,
            Ok(_) => {
                let path = self.root.clone();
                reading.problems.push(Problem::NotADirectory { path });
                return reading;
            }
            Err(error) => {
                reading
                    .problems
                    .push(Problem::unreadable(&self.root, &error));
                return reading;
            }
        };
        let mut files = |part: &str, nesting: Nesting| {
            let listed =
                listing::list(&self.root, &real_root, part, nesting, &mut reading.problems);
            let mut files = Vec::new();
            for file in listed {
                let before = before.remove(&file.path);
                if let Some(known) = refresh(&file, before, &mut reading.problems) {
                    files.push((file.path, known));
                }
            }
            files
        };
        let environments = files("environments", Nesting::Flat);
        let schemas = files("schemas", Nesting::Flat);
        let mods = files("mods", Nesting::Deep);
        let domains = files("domains", Nesting::Deep);
        for (path, known) in environments {
            reading.environments.push(EnvironmentFile {
                name: stem(&path),
                text: Arc::clone(&known.text),
                path: path.clone(),
            });
            self.known.insert(path, known);
        }
        for (path, mut known) in schemas {
            let schema = known.schema.get_or_insert_with(|| {
                let parsed = ConfigSchema::parse(&path.display().to_string(), &known.text);
                parsed.map(Arc::new).map_err(Arc::new)
            });
            reading.schemas.push(SchemaFile {
                schema: schema.clone(),
                collection: stem(&path),
                path: path.clone(),
            });
            self.known.insert(path, known);
        }
        for (path, mut known) in mods {
            let mods = known.mods.get_or_insert_with(|| {
                Arc::new(parse_mods(&path.display().to_string(), &known.text))
            });
            reading.mods.push(ModFile {
                mods: Arc::clone(mods),
                path: path.clone(),
            });
            self.known.insert(path, known);
        }
        for (path, mut known) in domains {
            let bots = known.bots.get_or_insert_with(|| {
                reading.parsed += 1;
                Arc::new(parse_domain(&path.display().to_string(), &known.text))
            });
            reading.domains.push(DomainFile {
                bots: Arc::clone(bots),
                text: Arc::clone(&known.text),
                path: path.clone(),
            });
            self.known.insert(path, known);
        }
        reading
    }
}

impl Reading {
    /// The file of an environment; of several, the one whose ending comes first.
    pub fn environment_file(&self, name: &str) -> Option<&EnvironmentFile> {
        let named = self.environments.iter().filter(|file| file.name == name);
        named.min_by_key(|file| rank(&file.path))
    }

    /// Parses an environment, and those that it extends, with these variables.
    pub fn environment(
        &self,
        file: &EnvironmentFile,
        variables: &Variables,
    ) -> Result<Environment, ConfigErrors> {
        Environment::load(file.text(), variables, |name| {
            if let Some(parent) = self.environment_file(name) {
                return Ok(Some(parent.text()));
            }
            let unread = self.unread_environment(name);
            unread.map_or(Ok(None), |problem| Err(problem.to_string()))
        })
    }

    /// Why there is no file of an environment that was named.
    pub(crate) fn no_environment(&self, name: &str) -> Vec<Problem> {
        match self.unread_environment(name) {
            Some(problem) => vec![problem.clone()],
            None => vec![Problem::NoEnvironment {
                name: name.to_owned(),
                file: self.environments_dir().join(format!("{name}.yaml")),
            }],
        }
    }

    /// Why the file of an environment could not be read, if it could not.
    pub fn unread_environment(&self, name: &str) -> Option<&Problem> {
        let dir = self.environments_dir();
        self.problems.iter().find(|problem| {
            let of_it = |path: &Path| {
                path == self.root || path == dir || (path.starts_with(&dir) && stem(path) == name)
            };
            problem.path().is_some_and(of_it)
        })
    }

    fn environments_dir(&self) -> PathBuf {
        self.root.join("environments")
    }
}

impl EnvironmentFile {
    fn text(&self) -> EnvironmentText {
        EnvironmentText {
            file_name: self.path.display().to_string(),
            text: self.text.to_string(),
        }
    }
}

impl Debug for EnvironmentFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvironmentFile")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Debug for DomainFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DomainFile")
            .field("path", &self.path)
            .field("bots", &self.bots)
            .finish_non_exhaustive()
    }
}

impl Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known")
            .field("stamp", &self.stamp)
            .finish_non_exhaustive()
    }
}

/// Which of two files of one environment is taken.
fn rank(path: &Path) -> Option<usize> {
    let ending = path.extension()?.to_str()?;
    ENDINGS.iter().position(|known| *known == ending)
}

/// What a file holds now. It is opened only if it may be another one than before, and what was parsed of it is kept while
/// its text stays the same.
fn refresh(file: &Listed, before: Option<Known>, problems: &mut Vec<Problem>) -> Option<Known> {
    let stamp = Stamp::of(&file.metadata);
    if let Some(known) = before
        .as_ref()
        .filter(|known| known.stamp.still_holds(&stamp))
    {
        return Some(Known {
            stamp,
            text: Arc::clone(&known.text),
            bots: known.bots.clone(),
            mods: known.mods.clone(),
            schema: known.schema.clone(),
        });
    }
    match contents::read(&file.path, file.metadata.len()) {
        Ok(text) => Some(match before.filter(|known| *known.text == *text) {
            Some(known) => Known { stamp, ..known },
            None => Known {
                stamp,
                text: text.into(),
                bots: None,
                mods: None,
                schema: None,
            },
        }),
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;

//! What is wrong with a directory, where, and what to do about it.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::io;
use std::path::{Path, PathBuf};

use hotbed_configs::{
    ConfigError, ConfigErrors, ConfigPath, DomainPlace, Location, MAX_TEXT_BYTES, PortabilityIssue,
    locate_in_domain,
};

use crate::directory::DomainFile;

/// For so many problems the line is looked for, which costs a parse of the file each; more are read by nobody.
const LOCATED: usize = 100;

/// Tells one problem of a directory; its `Display` begins with the place and never shows the value of a text.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A file or a directory that the system does not let us read.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// What cannot be read.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A directory is expected there.
    #[error("{} is not a directory: put its files into one", path.display())]
    NotADirectory {
        /// What is there.
        path: PathBuf,
    },
    /// Named like a file that is read, and no file: a pipe or a device.
    #[error("{} is not a file: remove it", path.display())]
    NotAFile {
        /// What is there.
        path: PathBuf,
    },
    /// A symbolic link to somewhere outside of the directory.
    #[error("{} is a link that leads out of the directory: put the file there instead", path.display())]
    LeadsOut {
        /// The link.
        path: PathBuf,
    },
    /// A symbolic link to a directory that is read already.
    #[error("{} is the same directory as {}: remove the link", path.display(), first.display())]
    SameDirectory {
        /// The link.
        path: PathBuf,
        /// Under which name it was read.
        first: PathBuf,
    },
    /// A file with more than [`MAX_TEXT_BYTES`].
    #[error("{} has {bytes} bytes, more than the {MAX_TEXT_BYTES} allowed: split it into several files", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// How large it is, or how far it was read.
        bytes: u64,
    },
    /// A file that is no text.
    #[error("{} is not UTF-8: byte {byte} is wrong; save it as UTF-8", file.display())]
    NotUtf8 {
        /// The file.
        file: PathBuf,
        /// The first byte that is wrong, counted from 0.
        byte: usize,
    },
    /// A text that is not what it must be.
    #[error("{0}")]
    Text(ConfigError),
    /// A text with more problems than are listed.
    #[error("{}: and {count} more problems", file.display())]
    More {
        /// The file.
        file: PathBuf,
        /// How many are not listed.
        count: usize,
    },
    /// Two bots with one id.
    #[error("{place}: domain.id: {id:?} stands in {} too: give each bot its own", first.display())]
    DuplicateId {
        /// The id.
        id: String,
        /// The file that was read later.
        place: Place,
        /// The file that was read first.
        first: PathBuf,
    },
    /// An id that a URL would drop or obey.
    #[error("{place}: domain.id: {id:?} is no id: {reason}")]
    UnfitId {
        /// The id.
        id: String,
        /// Why not.
        reason: &'static str,
        /// Where it stands.
        place: Place,
    },
    /// Two mods with one id.
    #[error("{}: the mod {id:?} stands in {} too: give each its own id", file.display(), first.display())]
    DuplicateMod {
        /// The id.
        id: String,
        /// The file that was read later.
        file: PathBuf,
        /// The file that was read first.
        first: PathBuf,
    },
    /// An id of a mod that a URL would drop or obey.
    #[error("{}: {id:?} is not the id of a mod: {reason}", file.display())]
    UnfitMod {
        /// The id.
        id: String,
        /// Why not.
        reason: &'static str,
        /// Where it stands.
        file: PathBuf,
    },
    /// A mod that cannot be resolved in an environment.
    #[error("{}: mod {id:?} in {environment}: {error}", file.display())]
    UnresolvableMod {
        /// Where the mod stands.
        file: PathBuf,
        /// The mod.
        id: String,
        /// The environment.
        environment: String,
        /// What is wrong, with the place in what is registered of the mod.
        error: ConfigError,
    },
    /// Metadata that would be taken for what the server or `apply` says.
    #[error(
        "{place}: domain.{key}: bot {id:?} must not have it: it is kept for what {by} notes there; choose another key"
    )]
    ReservedKey {
        /// The key.
        key: &'static str,
        /// Who writes it.
        by: &'static str,
        /// The bot.
        id: String,
        /// Where it stands.
        place: Place,
    },
    /// Two files of one environment.
    #[error("{}: the environment {name:?} has the file {} already: remove one", file.display(), first.display())]
    DuplicateEnvironment {
        /// The environment.
        name: String,
        /// The file that is not used.
        file: PathBuf,
        /// The file that is used.
        first: PathBuf,
    },
    /// The schema of a collection that no directory has anything for.
    #[error("{}: the name of a schema is that of its collection: call it bots.yaml", file.display())]
    NoCollection {
        /// The file.
        file: PathBuf,
    },
    /// Two schemas of one collection.
    #[error("{}: the collection has the schema {} already: remove one", file.display(), first.display())]
    DuplicateSchema {
        /// The file that is not used.
        file: PathBuf,
        /// The file that is used.
        first: PathBuf,
    },
    /// An environment was named that has no file.
    #[error("the environment {name:?} has no file: {} is missing", file.display())]
    NoEnvironment {
        /// The environment.
        name: String,
        /// The file that it should have.
        file: PathBuf,
    },
    /// A bot that cannot be resolved in an environment.
    #[error("{place}: bot {id:?} in {environment}: {error}")]
    Unresolvable {
        /// Where the bot stands.
        place: Place,
        /// The bot.
        id: String,
        /// The environment.
        environment: String,
        /// What is wrong, with the place in the bot's configuration.
        error: ConfigError,
    },
    /// Something in a bot that ties it to one machine.
    #[error(
        "{place}: bot {id:?}: {issue}: put it into a resource of the environment, or into a default"
    )]
    Unportable {
        /// Where the bot stands.
        place: Place,
        /// The bot.
        id: String,
        /// What was found.
        issue: Box<PortabilityIssue>,
    },
    /// A bot that refers to a variable which no bot is given.
    #[error(
        "{place}: bot {id:?}: {path}: the variable {name} is withheld from bots, for it is named like a secret: put it into a resource of the environment"
    )]
    Withheld {
        /// Where the bot stands.
        place: Place,
        /// The bot.
        id: String,
        /// The variable.
        name: String,
        /// The place in the bot's configuration.
        path: ConfigPath,
    },
}

/// Where in a directory something stands: its `Display` is `FILE`, or `FILE:LINE:COLUMN` once the line was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The place in the file.
    pub location: Option<Location>,
}

impl Place {
    pub(crate) fn in_file(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            location: None,
        }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        match self.location {
            Some(Location { line, column }) => write!(f, ":{line}:{column}"),
            None => Ok(()),
        }
    }
}

/// Finds the lines of problems with the bots of these files.
pub(crate) fn locate(problems: &mut [Problem], files: &[DomainFile]) {
    let files: HashMap<&Path, &DomainFile> = files
        .iter()
        .map(|file| (file.path.as_path(), file))
        .collect();
    for problem in problems.iter_mut().take(LOCATED) {
        if let Some((id, what, place)) = problem.of_bot()
            && let Some(file) = files.get(place.file.as_path())
        {
            place.location = locate_in_domain(&file.text, id, what);
        }
    }
}

impl Problem {
    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::Unreadable {
            path: path.to_owned(),
            reason: error.to_string(),
        }
    }

    /// All that is wrong with one text.
    pub(crate) fn of_text(file: &Path, errors: &ConfigErrors) -> Vec<Self> {
        let mut problems: Vec<_> = errors.iter().cloned().map(Self::Text).collect();
        if errors.unlisted() > 0 {
            problems.push(Self::More {
                file: file.to_owned(),
                count: errors.unlisted(),
            });
        }
        problems
    }

    /// The file or directory that is to be mended.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Unreadable { path, .. }
            | Self::NotADirectory { path }
            | Self::NotAFile { path }
            | Self::LeadsOut { path }
            | Self::SameDirectory { path, .. } => Some(path),
            Self::TooLarge { file, .. }
            | Self::NotUtf8 { file, .. }
            | Self::More { file, .. }
            | Self::DuplicateEnvironment { file, .. }
            | Self::DuplicateMod { file, .. }
            | Self::UnfitMod { file, .. }
            | Self::UnresolvableMod { file, .. }
            | Self::NoCollection { file }
            | Self::DuplicateSchema { file, .. }
            | Self::NoEnvironment { file, .. } => Some(file),
            Self::DuplicateId { place, .. }
            | Self::UnfitId { place, .. }
            | Self::ReservedKey { place, .. }
            | Self::Unresolvable { place, .. }
            | Self::Unportable { place, .. }
            | Self::Withheld { place, .. } => Some(&place.file),
            Self::Text(error) => error.file().map(Path::new),
        }
    }

    /// The place in the file, where it is known.
    pub fn location(&self) -> Option<Location> {
        match self {
            Self::Text(error) => error.location(),
            Self::DuplicateId { place, .. }
            | Self::UnfitId { place, .. }
            | Self::ReservedKey { place, .. }
            | Self::Unresolvable { place, .. }
            | Self::Unportable { place, .. }
            | Self::Withheld { place, .. } => place.location,
            _ => None,
        }
    }

    /// The bot of a domain file that it is about, what of it, and where to note the line.
    fn of_bot(&mut self) -> Option<(&str, DomainPlace<'_>, &mut Place)> {
        Some(match self {
            Self::DuplicateId { id, place, .. } | Self::UnfitId { id, place, .. } => {
                (id, DomainPlace::Domain("id"), place)
            }
            Self::ReservedKey { id, key, place, .. } => (id, DomainPlace::Domain(key), place),
            Self::Unresolvable {
                id, error, place, ..
            } => (id, DomainPlace::Config(error.path()), place),
            Self::Unportable { id, issue, place } => (id, DomainPlace::Config(&issue.path), place),
            Self::Withheld {
                id, path, place, ..
            } => (id, DomainPlace::Config(path), place),
            _ => return None,
        })
    }

    /// The key in the file, where it is known.
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Text(error) if !error.path().is_root() => Some(error.path().to_string()),
            Self::Unresolvable { error, .. } => Some(format!("bot.{}", error.path())),
            Self::UnresolvableMod { error, .. } => Some(error.path().to_string()),
            Self::Unportable { issue, .. } => Some(format!("bot.{}", issue.path)),
            Self::Withheld { path, .. } => Some(format!("bot.{path}")),
            Self::DuplicateId { .. } | Self::UnfitId { .. } => Some("domain.id".to_owned()),
            Self::ReservedKey { key, .. } => Some(format!("domain.{key}")),
            _ => None,
        }
    }
}

/// Tells everything that is wrong with a directory, one problem per line; holds at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems, if there are any, or else the value.
    pub(crate) fn or<T>(problems: Vec<Problem>, value: T) -> Result<T, Self> {
        if problems.is_empty() {
            Ok(value)
        } else {
            Err(Self(problems))
        }
    }

    /// Of one problem at least.
    pub(crate) fn from(problems: Vec<Problem>) -> Self {
        Self(problems)
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

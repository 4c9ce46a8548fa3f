//! What is wrong with a configuration, where, and what to do about it.

mod kind;

pub(crate) use kind::name_of;
pub use kind::{ConfigErrorKind, MissingResource};

use std::fmt::{self, Display};

use crate::path::ConfigPath;

/// More problems than this are counted, not listed: a hostile text may hold one per byte.
const LISTED_PROBLEMS: usize = 100;

/// Tells one problem of a configuration: its place, and in [`kind`](Self::kind) what is wrong.
///
/// Displays as `development.yaml:12:5: resources.databases: …`, leaving out what is not known. Messages name keys,
/// variables and resources, never the values of strings: those may be secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigError(Box<Problem>);

#[derive(Clone, Debug, PartialEq)]
struct Problem {
    file: Option<String>,
    location: Option<Location>,
    path: ConfigPath,
    kind: ConfigErrorKind,
}

/// Points into a text. Both numbers start at 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The line.
    pub line: usize,
    /// The column in the line.
    pub column: usize,
}

impl ConfigError {
    pub(crate) fn new(path: ConfigPath, kind: ConfigErrorKind) -> Self {
        Self(Box::new(Problem {
            file: None,
            location: None,
            path,
            kind,
        }))
    }

    pub(crate) fn in_file(mut self, file: &str, location: Option<Location>) -> Self {
        self.0.file = Some(file.to_owned());
        self.0.location = location;
        self
    }

    /// The file the text came from, where there was one.
    pub fn file(&self) -> Option<&str> {
        self.0.file.as_deref()
    }

    /// The place in the text, where there was a text and the place could be found.
    pub fn location(&self) -> Option<Location> {
        self.0.location
    }

    /// The place in the configuration.
    pub fn path(&self) -> &ConfigPath {
        &self.0.path
    }

    /// What is wrong.
    pub fn kind(&self) -> &ConfigErrorKind {
        &self.0.kind
    }
}

impl Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem {
            file,
            location,
            path,
            kind,
        } = &*self.0;
        if let Some(file) = file {
            write!(f, "{file}:")?;
        }
        if let Some(Location { line, column }) = location {
            write!(f, "{line}:{column}:")?;
        }
        if file.is_some() || location.is_some() {
            f.write_str(" ")?;
        }
        if !path.is_root() {
            write!(f, "{path}: ")?;
        }
        write!(f, "{kind}")
    }
}

impl std::error::Error for ConfigError {}

/// Tells everything that is wrong with a configuration, one problem per line.
///
/// Holds at least one problem. Beyond the first hundred, problems are only counted.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigErrors {
    problems: Vec<ConfigError>,
    unlisted: usize,
}

impl ConfigErrors {
    /// The problems, in the order of the text.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.problems.iter()
    }

    /// How many problems there are beside the listed ones.
    pub fn unlisted(&self) -> usize {
        self.unlisted
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(problem: ConfigError) -> Self {
        Self {
            problems: vec![problem],
            unlisted: 0,
        }
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        match self.unlisted {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for ConfigErrors {}

/// Gathers problems while a text is walked, so that they are reported together.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    listed: Vec<ConfigError>,
    unlisted: usize,
}

impl Problems {
    pub(crate) fn push(&mut self, path: ConfigPath, kind: ConfigErrorKind) {
        self.add(ConfigError::new(path, kind));
    }

    pub(crate) fn add(&mut self, problem: ConfigError) {
        if self.listed.len() < LISTED_PROBLEMS {
            self.listed.push(problem);
        } else {
            self.unlisted += 1;
        }
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.unlisted += other.unlisted;
        for problem in other.listed {
            self.add(problem);
        }
    }

    /// The places of those that are listed.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &ConfigPath> {
        self.listed.iter().map(ConfigError::path)
    }

    pub(crate) fn count(&self) -> usize {
        self.listed.len() + self.unlisted
    }

    /// Divides the problems among several texts, by the path of each; those that are only counted go to the first.
    pub(crate) fn divide(self, texts: usize, text_of: impl Fn(&ConfigPath) -> usize) -> Vec<Self> {
        let mut divided: Vec<Self> = (0..texts).map(|_| Self::default()).collect();
        if let Some(first) = divided.first_mut() {
            first.unlisted = self.unlisted;
        }
        for problem in self.listed {
            if let Some(own) = divided.get_mut(text_of(problem.path())) {
                own.listed.push(problem);
            }
        }
        divided
    }

    /// Gives each listed problem its place; the order of the text follows.
    pub(crate) fn locate(&mut self, mut place: impl FnMut(ConfigError) -> ConfigError) {
        self.listed = self.listed.drain(..).map(&mut place).collect();
        self.listed.sort_by_key(ConfigError::location);
    }

    pub(crate) fn or<T>(self, value: T) -> Result<T, ConfigErrors> {
        if self.listed.is_empty() {
            Ok(value)
        } else {
            Err(ConfigErrors {
                problems: self.listed,
                unlisted: self.unlisted,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing_key() -> ConfigError {
        ConfigError::new(
            ConfigPath::of_keys(["domain", "id"]),
            ConfigErrorKind::MissingKey,
        )
    }

    #[test]
    fn a_problem_shows_what_is_known_of_its_place() {
        let place = Location { line: 2, column: 7 };
        let said = "required, but not given; add it";
        assert_eq!(missing_key().to_string(), format!("domain.id: {said}"));
        assert_eq!(
            missing_key().in_file("a.yaml", None).to_string(),
            format!("a.yaml: domain.id: {said}")
        );
        assert_eq!(
            missing_key().in_file("a.yaml", Some(place)).to_string(),
            format!("a.yaml:2:7: domain.id: {said}")
        );
    }

    #[test]
    fn problems_beyond_the_hundredth_are_counted() {
        let mut problems = Problems::default();
        for _ in 0..137 {
            problems.add(missing_key());
        }
        let errors = problems.or(()).unwrap_err();
        assert_eq!(errors.iter().count(), 100);
        assert_eq!(errors.unlisted(), 37);
        assert_eq!(errors.to_string().lines().last(), Some("and 37 more"));
    }
}

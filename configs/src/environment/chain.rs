//! An environment file and those that it extends.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::EnvironmentText;
use super::merge::merge_file;
use crate::error::{ConfigError, ConfigErrorKind, ConfigErrors, Problems};
use crate::limits::MAX_PARENTS;
use crate::path::{ConfigPath, Segment};
use crate::reference::text;
use crate::yaml::Source;

const EXTENDS: &str = "extends";

/// The files of one environment, its own first and then each one's parent.
pub(super) struct Chain(Vec<Link>);

struct Link {
    /// What others call it in `extends`.
    name: String,
    text: EnvironmentText,
    /// As it is written, but for `extends`.
    document: Map<String, Value>,
}

impl Chain {
    /// Reads a file, the one that it extends, and so on. Stops at the first that cannot be read.
    pub(super) fn read(
        own: EnvironmentText,
        parents: &mut dyn FnMut(&str) -> Result<Option<EnvironmentText>, String>,
    ) -> Result<Self, ConfigErrors> {
        let mut links = Vec::new();
        let mut next = Some((stem(&own.file_name), own));
        while let Some((name, text)) = next {
            let (link, extends) = Link::read(name, text)?;
            links.push(link);
            next = match extends {
                None | Some(Value::Null) => None,
                Some(extends) => {
                    let parent = parent_of(&links, &extends, parents);
                    Some(parent.map_err(|kind| refused(&links, kind))?)
                }
            };
        }
        Ok(Self(links))
    }

    /// The name of the environment, unless its own file gives it another.
    pub(super) fn name(&self) -> &str {
        self.0.first().map_or("", |own| &own.name)
    }

    /// What all files say together, with nothing filled in.
    pub(super) fn document(&self) -> Cow<'_, Map<String, Value>> {
        let mut eldest_first = self.0.iter().rev().map(|link| &link.document);
        let mut document = Cow::Owned(Map::new());
        if let Some(eldest) = eldest_first.next() {
            document = Cow::Borrowed(eldest);
        }
        for child in eldest_first {
            merge_file(document.to_mut(), child);
        }
        document
    }

    /// Gives problems with the whole document the file, line and column where each stands: in the file nearest to the
    /// environment's own, since that one's words replaced those of the others.
    pub(super) fn locate(&self, problems: Problems) -> Problems {
        let file_of = |path: &ConfigPath| {
            let stands_in = |link: &Link| contains(&link.document, path);
            self.0.iter().position(stands_in).unwrap_or(0)
        };
        let mut located = Problems::default();
        let by_file = problems.divide(self.0.len(), file_of);
        for (link, mut problems) in self.0.iter().zip(by_file) {
            link.source().locate(0, &mut problems);
            located.append(problems);
        }
        located
    }
}

impl Link {
    /// Reads a file, and apart from the rest what it says after `extends`.
    fn read(name: String, text: EnvironmentText) -> Result<(Self, Option<Value>), ConfigErrors> {
        let mut link = Self {
            name,
            text,
            document: Map::new(),
        };
        link.document = match only_document(&link.source())? {
            Value::Object(map) => map,
            Value::Null => Map::new(),
            other => {
                let kind = ConfigErrorKind::wrong_type("an object", &other);
                return Err(link.source().refusal(kind));
            }
        };
        let extends = link.document.remove(EXTENDS);
        Ok((link, extends))
    }

    fn source(&self) -> Source<'_> {
        Source::new(&self.text.file_name, &self.text.text)
    }
}

/// Finds the file that the last link extends.
fn parent_of(
    links: &[Link],
    extends: &Value,
    parents: &mut dyn FnMut(&str) -> Result<Option<EnvironmentText>, String>,
) -> Result<(String, EnvironmentText), ConfigErrorKind> {
    let name = text(extends)?;
    // It becomes part of a path, and must not leave the directory.
    if !name.chars().all(is_part_of_a_name) {
        return Err(ConfigErrorKind::ParentName);
    }
    if let Some(at) = links.iter().position(|link| link.name == name) {
        let mut circle: Vec<_> = links[at..].iter().map(|link| link.name.clone()).collect();
        circle.push(name.to_owned());
        return Err(ConfigErrorKind::ParentCycle(circle));
    }
    if links.len() > MAX_PARENTS {
        return Err(ConfigErrorKind::TooManyParents);
    }
    match parents(name) {
        Ok(Some(text)) => Ok((name.to_owned(), text)),
        Ok(None) => Err(ConfigErrorKind::ParentNotFound(name.to_owned())),
        Err(reason) => Err(ConfigErrorKind::ParentUnreadable {
            name: name.to_owned(),
            reason,
        }),
    }
}

fn refused(links: &[Link], kind: ConfigErrorKind) -> ConfigErrors {
    let problem = ConfigError::new(ConfigPath::of_keys([EXTENDS]), kind);
    match links.last() {
        Some(last) => last.source().located(0, problem).into(),
        None => problem.into(),
    }
}

fn is_part_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

fn only_document(source: &Source<'_>) -> Result<Value, ConfigErrors> {
    let mut documents = source.documents()?;
    match documents.len() {
        0 => Ok(Value::Null),
        1 => Ok(documents.remove(0)),
        several => Err(source.refusal(ConfigErrorKind::Documents(several))),
    }
}

/// `configs/environments/blue.yaml` → `blue`
fn stem(file_name: &str) -> String {
    let base = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
    stem.to_owned()
}

fn contains(document: &Map<String, Value>, path: &ConfigPath) -> bool {
    let [Segment::Key(first), rest @ ..] = path.segments() else {
        return true;
    };
    let found = rest
        .iter()
        .fold(document.get(first), |value, segment| match segment {
            Segment::Key(key) => value?.get(key),
            Segment::Index(index) => value?.get(index),
        });
    found.is_some()
}

#[cfg(test)]
mod tests;

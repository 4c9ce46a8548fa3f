//! Reads YAML, and JSON where a file says so, into JSON values; refuses what JSON cannot hold.

mod locate;
mod reader;

use std::cell::Cell;

use serde::de::DeserializeSeed;
use serde_json::Value;

use crate::error::{ConfigError, ConfigErrorKind, ConfigErrors, Location, Problems};
use crate::limits::{MAX_NESTING, MAX_TEXT_BYTES};
use crate::path::ConfigPath;
use reader::{Node, Reader};

/// Finding the place of a problem costs one more parse; beyond this many bytes, the other problems of a text go
/// without.
const LOCATING_BYTES: usize = 16 * 1024 * 1024;

/// How many unclosed `{` and `[` the parser is still quick with.
const STALLING_DEPTH: usize = 10_000;

/// Says how a text is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// YAML, of which nearly all JSON is a part.
    Yaml,
    /// JSON and nothing else: `<<` is a key like any other.
    Json,
}

/// A text and the name of the file which it came from.
#[derive(Debug)]
pub(crate) struct Source<'t> {
    file_name: &'t str,
    text: &'t str,
    syntax: Syntax,
    nesting: usize,
    locating_bytes_left: Cell<usize>,
}

impl<'t> Source<'t> {
    pub(crate) fn new(file_name: &'t str, text: &'t str) -> Self {
        Self::nested_at_most(MAX_NESTING, file_name, text, Syntax::Yaml)
    }

    /// A text that may be nested in itself so many times.
    pub(crate) fn nested_at_most(
        nesting: usize,
        file_name: &'t str,
        text: &'t str,
        syntax: Syntax,
    ) -> Self {
        Self {
            file_name,
            syntax,
            nesting,
            // The parser counts a byte order mark as a column, which makes the first key stand out from the others.
            text: text.strip_prefix('\u{feff}').unwrap_or(text),
            locating_bytes_left: Cell::new(LOCATING_BYTES),
        }
    }

    /// Reads every document of the text, empty ones as null. Stops at the first thing that cannot be read: what
    /// follows it cannot be understood either.
    pub(crate) fn documents(&self) -> Result<Vec<Value>, ConfigErrors> {
        if self.text.len() > MAX_TEXT_BYTES {
            let bytes = self.text.len();
            return Err(self.refusal(ConfigErrorKind::TextTooLarge { bytes }));
        }
        if self.syntax == Syntax::Json {
            return Ok(vec![self.json()?]);
        }
        if may_stall_the_parser(self.text) {
            return Err(self.refusal(ConfigErrorKind::TooDeep));
        }
        let mut reader = Reader::new(Syntax::Yaml, self.nesting);
        let mut documents = Vec::new();
        for document in serde_yaml::Deserializer::from_str(self.text) {
            match Node(&mut reader).deserialize(document) {
                Ok(value) => documents.push(value),
                Err(error) => return Err(self.unreadable(reader, &error)),
            }
        }
        Ok(documents)
    }

    /// Reads the one document of a JSON text.
    fn json(&self) -> Result<Value, ConfigErrors> {
        let mut reader = Reader::new(Syntax::Json, self.nesting);
        let mut text = serde_json::Deserializer::from_str(self.text);
        let read = Node(&mut reader).deserialize(&mut text);
        read.and_then(|value| text.end().map(|()| value))
            .map_err(|error| {
                let problem = reader
                    .into_refusal()
                    .unwrap_or_else(|| json_problem(&error));
                problem
                    .in_file(self.file_name, location_in_json(&error))
                    .into()
            })
    }

    pub(crate) fn refusal(&self, kind: ConfigErrorKind) -> ConfigErrors {
        ConfigError::new(ConfigPath::default(), kind)
            .in_file(self.file_name, None)
            .into()
    }

    /// Gives problems found in a document their file, line and column.
    pub(crate) fn locate(&self, document: usize, problems: &mut Problems) {
        problems.locate(|problem| self.located(document, problem));
    }

    /// Gives one problem found in a document its file, line and column.
    pub(crate) fn located(&self, document: usize, problem: ConfigError) -> ConfigError {
        let location = self.location(document, problem.path());
        problem.in_file(self.file_name, location)
    }

    /// Where in a document something stands, or else the nearest thing around it, as far as one more parse is affordable.
    pub(crate) fn location(&self, document: usize, path: &ConfigPath) -> Option<Location> {
        let left = self
            .locating_bytes_left
            .get()
            .checked_sub(self.text.len())?;
        self.locating_bytes_left.set(left);
        match self.syntax {
            Syntax::Yaml => locate::find(self.text, document, path),
            Syntax::Json => locate::find_in_json(self.text, path),
        }
    }

    fn unreadable(&self, reader: Reader, error: &serde_yaml::Error) -> ConfigErrors {
        let problem = match reader.into_refusal() {
            Some(refusal) => refusal.in_file(self.file_name, location_of(error)),
            None => self.parser_problem(error),
        };
        problem.into()
    }

    fn parser_problem(&self, error: &serde_yaml::Error) -> ConfigError {
        let mut message = error.to_string();
        let mut location = location_of(error);
        if message.starts_with("repetition limit exceeded") {
            let problem = ConfigError::new(ConfigPath::default(), ConfigErrorKind::TooLarge);
            return problem.in_file(self.file_name, None);
        }
        if let Some((said, offset)) = message.split_once(" at position ") {
            // A character that no YAML may hold: told by its offset, with a location that means nothing.
            location = offset
                .parse()
                .ok()
                .and_then(|bytes| self.location_at(bytes));
            message.truncate(said.len());
        } else if let Some(Location { line, column }) = location {
            // The place is told in front of the message.
            message = message.replacen(&format!(" at line {line} column {column}"), "", 1);
        }
        if let Some(Location { line, .. }) = location
            && let Some(line) = self.text.lines().nth(line - 1)
        {
            let indent = &line[..line.len() - line.trim_start().len()];
            if indent.contains('\t') {
                message.push_str("; indent with spaces, YAML does not allow tabs");
            } else if line.contains("${") && message.contains("while parsing a flow") {
                message.push_str("; inside { } and [ ], text with `${` needs quotes");
            }
        }
        let problem = ConfigError::new(ConfigPath::default(), ConfigErrorKind::Syntax(message));
        problem.in_file(self.file_name, location.map(|it| self.within(it)))
    }

    /// The parser sees the end of a text as the begin of one more line, also where no line ends.
    fn within(&self, location: Location) -> Location {
        const BREAKS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];
        let text = self.text.replace("\r\n", "\n");
        let (lines, last) = text
            .split(BREAKS)
            .fold((0, ""), |(lines, _), line| (lines + 1, line));
        if location.line <= lines {
            return location;
        }
        Location {
            line: lines,
            column: last.chars().count() + 1,
        }
    }

    fn location_at(&self, bytes: usize) -> Option<Location> {
        let before = self.text.get(..bytes)?;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Some(Location {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        })
    }
}

/// The parser reads a whole document before its depth can be seen, and needs time that grows with the square of the
/// depth of `{` and `[`. Their balance is a guess, since texts and comments hold them too; no sane text is so far off.
fn may_stall_the_parser(text: &str) -> bool {
    let mut open = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'{' | b'[' => open += 1,
            b'}' | b']' => open = open.saturating_sub(1),
            _ => {}
        }
        open > STALLING_DEPTH
    })
}

fn location_of(error: &serde_yaml::Error) -> Option<Location> {
    error.location().map(|location| Location {
        line: location.line(),
        column: location.column(),
    })
}

/// Where the JSON parser stopped: it counts bytes where YAML's counts characters.
fn location_in_json(error: &serde_json::Error) -> Option<Location> {
    (error.line() > 0).then(|| Location {
        line: error.line(),
        column: error.column().max(1),
    })
}

fn json_problem(error: &serde_json::Error) -> ConfigError {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let said = error.to_string().replacen(&place, "", 1);
    let kind = if said == "recursion limit exceeded" {
        ConfigErrorKind::TooDeep
    } else {
        ConfigErrorKind::Syntax(said)
    };
    ConfigError::new(ConfigPath::default(), kind)
}

#[cfg(test)]
mod tests;

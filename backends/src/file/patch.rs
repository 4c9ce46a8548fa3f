//! Changes YAML line by line, so that what people wrote around a change stays.
//!
//! Understood are mappings in block style, one key per line. The lines of a key whose value stays are kept to the
//! byte, and so are all comments and empty lines between keys. A key whose value changes gets new lines, unless both
//! values are mappings: then the change is made within. New keys come last. A comment behind a value on the same line
//! stays when the new value is of one line too; comments inside a list that changes go with it.
//!
//! Nothing here is trusted: whoever calls must read the result and compare.

use serde_json::{Map, Value};

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Changes a text that says `old` into one that says `new`; `None` if it is written in another style.
pub(super) fn edit(
    text: &str,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Option<String> {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut edited = String::with_capacity(text.len());
    let without_mark = text.strip_prefix(BYTE_ORDER_MARK);
    edited.extend(without_mark.map(|_| BYTE_ORDER_MARK));
    let lines: Vec<&str> = without_mark.unwrap_or(text).split_inclusive('\n').collect();
    Mapping::split(&lines, 0)?.edit(old, new, newline, &mut edited)?;
    Some(edited)
}

/// The lines for one key of a mapping that begins in the first column.
pub(super) fn entry(key: &str, value: &Value) -> Option<String> {
    let mapping = Map::from_iter([(key.to_owned(), value.clone())]);
    serde_yaml::to_string(&mapping).ok()
}

/// The lines of one mapping.
struct Mapping<'t> {
    indent: usize,
    entries: Vec<Entry<'t>>,
    /// What stands behind the last entry.
    tail: &'t [&'t str],
}

/// The lines of one key.
struct Entry<'t> {
    /// Comments and empty lines in front of it.
    above: &'t [&'t str],
    key: String,
    /// What stands behind the key on its line.
    inline: &'t str,
    /// The line with the key, and those that belong to its value.
    lines: &'t [&'t str],
}

impl<'t> Mapping<'t> {
    fn split(lines: &'t [&'t str], indent: usize) -> Option<Self> {
        let mut entries: Vec<Entry<'t>> = Vec::new();
        // Where the entry at hand begins, and the first line behind what is known to belong to it.
        let mut open: Option<(usize, String, &str)> = None;
        let mut end = 0;
        let mut above = 0;
        for (at, line) in lines.iter().enumerate() {
            let column = match content(line)? {
                Content::Nothing => continue,
                Content::Comment(column) => {
                    // Indented like the value, it belongs to the value.
                    if open.is_some() && column > indent {
                        end = at + 1;
                    }
                    continue;
                }
                Content::Other(column) => column,
            };
            let text = &line[column..];
            if open.is_some() && (column > indent || column == indent && is_item(text)) {
                end = at + 1;
                continue;
            }
            if column == 0 && open.is_none() && entries.is_empty() && text.trim_end() == "---" {
                continue;
            }
            if column != indent {
                return None;
            }
            let (key, inline) = key(text)?;
            if let Some((begin, key, inline)) = open.take() {
                entries.push(Entry {
                    above: &lines[above..begin],
                    key,
                    inline,
                    lines: &lines[begin..end],
                });
                above = end;
            }
            open = Some((at, key, inline));
            end = at + 1;
        }
        let (begin, key, inline) = open?;
        entries.push(Entry {
            above: &lines[above..begin],
            key,
            inline,
            lines: &lines[begin..end],
        });
        Some(Self {
            indent,
            entries,
            tail: &lines[end..],
        })
    }

    fn edit(
        &self,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
        newline: &str,
        out: &mut String,
    ) -> Option<()> {
        for entry in &self.entries {
            out.extend(entry.above.iter().copied());
            let (before, after) = (old.get(&entry.key), new.get(&entry.key));
            match after {
                _ if before == after => out.extend(entry.lines.iter().copied()),
                None => {}
                Some(after) => {
                    let inner = before.and_then(|before| entry.edit(before, after, newline));
                    match inner {
                        Some(inner) => out.push_str(&inner),
                        None => entry.replace(self.indent, after, newline, out)?,
                    }
                }
            }
        }
        for (key, value) in new {
            let is_there = self.entries.iter().any(|entry| entry.key == *key);
            if !is_there && old.get(key) != Some(value) {
                // What stood last may lack the end of its line.
                if !out.is_empty() && !out.ends_with('\n') {
                    out.push_str(newline);
                }
                out.push_str(&indented(&entry(key, value)?, self.indent, newline));
            }
        }
        out.extend(self.tail.iter().copied());
        Some(())
    }
}

impl Entry<'_> {
    /// Makes the change within, if the value is a mapping in block style and stays a mapping.
    fn edit(&self, before: &Value, after: &Value, newline: &str) -> Option<String> {
        let (Value::Object(before), Value::Object(after)) = (before, after) else {
            return None;
        };
        let (head, lines) = self.lines.split_first()?;
        let is_bare = self.inline.is_empty() || self.inline.starts_with('#');
        if !is_bare || after.is_empty() {
            return None;
        }
        let indent = lines.iter().find_map(|line| match content(line)? {
            Content::Other(column) => Some(column),
            Content::Nothing | Content::Comment(_) => None,
        })?;
        let mut inner = (*head).to_owned();
        Mapping::split(lines, indent)?.edit(before, after, newline, &mut inner)?;
        Some(inner)
    }

    fn replace(&self, indent: usize, after: &Value, newline: &str, out: &mut String) -> Option<()> {
        let mut lines = indented(&entry(&self.key, after)?, indent, newline);
        if let [line] = self.lines
            && lines.matches('\n').count() == 1
            && let Some(comment) = trailing_comment(line)
        {
            lines.truncate(lines.trim_end().len());
            lines.push_str(comment);
            lines.push_str(newline);
        }
        out.push_str(&lines);
        Some(())
    }
}

/// What a line holds, and in which column that begins.
enum Content {
    Nothing,
    Comment(usize),
    Other(usize),
}

/// Looks at a line; `None` if it is indented by something else than spaces.
fn content(line: &str) -> Option<Content> {
    let text = line.trim_start_matches(' ');
    let column = line.len() - text.len();
    if text.trim().is_empty() {
        Some(Content::Nothing)
    } else if text.starts_with('\t') {
        None
    } else if text.starts_with('#') {
        Some(Content::Comment(column))
    } else {
        Some(Content::Other(column))
    }
}

fn is_item(text: &str) -> bool {
    text.starts_with("- ") || text.trim_end() == "-"
}

/// The key at the beginning of a line, and what stands behind it; `None` if there is no key, or one in a style of its
/// own.
fn key(text: &str) -> Option<(String, &str)> {
    let text = text.trim_end();
    let (key, rest) = if text.starts_with('"') {
        let (quoted, rest) = text.split_at(closing_quote(text)?);
        (
            serde_json::from_str(quoted).ok()?,
            rest.trim_start().strip_prefix(':')?,
        )
    } else if let Some(quoted) = text.strip_prefix('\'') {
        let (key, rest) = quoted.split_once('\'')?;
        (key.to_owned(), rest.trim_start().strip_prefix(':')?)
    } else if text.starts_with(|c: char| "?&*!{}[]|>@`%,#-.".contains(c)) {
        return None;
    } else {
        let plain = text
            .split_once(": ")
            .or_else(|| Some((text.strip_suffix(':')?, "")));
        let (key, rest) = plain?;
        (key.trim_end().to_owned(), rest)
    };
    Some((key, rest.trim_start()))
}

/// Where the text in double quotes that a line begins with ends.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The comment behind the value of a line, with the space before it. Of quoted values it is not known where they end.
fn trailing_comment(line: &str) -> Option<&str> {
    let line = line.trim_end();
    let comment = &line[line.find(" #")?..];
    let value = &line[..line.len() - comment.len()];
    (!value.contains(['"', '\''])).then_some(comment)
}

fn indented(lines: &str, indent: usize, newline: &str) -> String {
    let mut out = String::with_capacity(lines.len());
    for line in lines.lines() {
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(line);
        }
        out.push_str(newline);
    }
    out
}

#[cfg(test)]
mod tests;

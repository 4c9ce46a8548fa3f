//! Registrations as the text of a file, and back.

use super::name::{FileName, Named};
use super::patch;
use hotbed_registry::{Draft, Id, PortableConfig, Registration, RegistrationFile, Status, Syntax};
use serde::Serialize;
use serde_json::{Map, Value};

const NOT_ITS_NAME: &str =
    "it is not the id that the file is named after; rename the file or remove the line";

/// What one file says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Content {
    pub(super) id: Id,
    pub(super) config: PortableConfig,
    pub(super) status: Status,
    pub(super) metadata: Map<String, Value>,
}

impl Content {
    pub(super) fn of(registration: &Registration) -> Self {
        Self {
            id: registration.id.clone(),
            config: registration.config.clone(),
            status: registration.status,
            metadata: registration.metadata.clone(),
        }
    }

    pub(super) fn into_draft(self) -> (Id, Draft) {
        let draft = Draft {
            config: self.config,
            status: self.status,
            metadata: Some(self.metadata),
            created_at: None,
        };
        (self.id, draft)
    }
}

/// Reads a file. `shown` is what messages call it; they begin with it, a line and a column.
pub(super) fn read(name: &FileName, shown: &str, bytes: &[u8]) -> Result<Content, String> {
    read_parts(name, shown, bytes).map(|(content, _)| content)
}

fn read_parts(
    name: &FileName,
    shown: &str,
    bytes: &[u8],
) -> Result<(Content, RegistrationFile), String> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = before.matches('\n').count() + 1;
        let last = before.rsplit('\n').next().unwrap_or_default();
        let column = last.chars().count() + 1;
        format!("{shown}:{line}:{column}: not UTF-8 text; save it as UTF-8")
    })?;
    let named = name
        .named()
        .map_err(|reason| format!("{shown}: {reason}"))?;
    let fit = |key: &str, text: &str| {
        if key == "status" {
            let status = text.parse::<Status>();
            return status.map(drop).map_err(|error| error.to_string());
        }
        match Id::new(text) {
            Ok(id) if name.fits(&id) => Ok(()),
            Ok(_) => Err(NOT_ITS_NAME.to_owned()),
            Err(error) => Err(error.to_string()),
        }
    };
    let file = RegistrationFile::parse(shown, text, name.syntax(), fit)
        .map_err(|errors| errors.to_string())?;
    let id = match named {
        Named::Id(id) => id,
        Named::Hashed => {
            let written = file.id.as_deref().and_then(|id| Id::new(id).ok());
            written.ok_or_else(|| {
                format!("{shown}: its name does not tell the whole id; add `id:` with all of it")
            })?
        }
    };
    let status = file
        .status
        .as_deref()
        .and_then(|status| status.parse().ok());
    let content = Content {
        id,
        config: file.config.clone(),
        status: status.unwrap_or(Status::Active),
        metadata: file.metadata.clone(),
    };
    Ok((content, file))
}

/// The text for a file: what is there now, changed no more than needed. On failure says why no file of this name can
/// hold it.
///
/// A YAML text that is there keeps every line of what did not change, comments included; see [`patch`]. Where its
/// style does not allow that, it keeps the comments in front of its first line. JSON is written anew.
pub(super) fn write(
    name: &FileName,
    wanted: &Content,
    before: Option<&[u8]>,
) -> Result<Vec<u8>, String> {
    let holds = |text: &String| read(name, "", text.as_bytes()).is_ok_and(|read| read == *wanted);
    let old = before.and_then(|bytes| Some((str::from_utf8(bytes).ok()?, bytes)));
    let old = old.and_then(|(text, bytes)| Some((text, read_parts(name, "", bytes).ok()?)));
    if let Some((text, (content, _))) = &old
        && content == wanted
    {
        return Ok(text.as_bytes().to_vec());
    }
    let text = match name.syntax() {
        Syntax::Json => json(name, wanted).filter(holds),
        Syntax::Yaml => {
            let patched = old.as_ref().and_then(|(text, (_, file))| {
                patch::edit(text, &keys_of(file), &keys_for(wanted, name, Some(file)))
            });
            patched.filter(holds).or_else(|| {
                let head = old.as_ref().map_or("", |(text, _)| leading_comments(text));
                let body = yaml(&keys_for(wanted, name, None))?;
                Some(format!("{head}{body}")).filter(holds)
            })
        }
    };
    text.map(String::into_bytes)
        .ok_or_else(|| match name.syntax() {
            Syntax::Yaml => "it cannot be kept as YAML, where a key `<<` means something else and where more than \
                             120 levels or 8 MiB are too much; delete it first, and it may be kept as JSON"
                .to_owned(),
            Syntax::Json => "its config or metadata is nested deeper than 120 levels, or its file would be larger than 8 MiB".to_owned(),
        })
}

/// The keys of a file as its reader understood them.
fn keys_of(file: &RegistrationFile) -> Map<String, Value> {
    let mut keys = Map::new();
    let text = |text: &Option<String>| text.clone().map(Value::from);
    keys.extend(text(&file.id).map(|id| ("id".to_owned(), id)));
    keys.extend(text(&file.status).map(|status| ("status".to_owned(), status)));
    if !file.metadata.is_empty() {
        keys.insert("metadata".into(), file.metadata.clone().into());
    }
    keys.insert("config".into(), file.config.as_map().clone().into());
    keys
}

/// The keys to write: no more than are needed, beside those that are there.
fn keys_for(
    wanted: &Content,
    name: &FileName,
    there: Option<&RegistrationFile>,
) -> Map<String, Value> {
    let mut keys = Map::new();
    let has_id = there.is_some_and(|file| file.id.is_some());
    if has_id || name.named() == Ok(Named::Hashed) {
        keys.insert("id".into(), wanted.id.as_str().into());
    }
    let has_status = there.is_some_and(|file| file.status.is_some());
    if has_status || wanted.status != Status::Active {
        keys.insert("status".into(), wanted.status.as_str().into());
    }
    if !wanted.metadata.is_empty() {
        keys.insert("metadata".into(), wanted.metadata.clone().into());
    }
    keys.insert("config".into(), wanted.config.as_map().clone().into());
    keys
}

fn yaml(keys: &Map<String, Value>) -> Option<String> {
    let parts = ["id", "status", "metadata", "config"].into_iter();
    let parts = parts.filter_map(|key| keys.get_key_value(key));
    parts.map(|(key, value)| patch::entry(key, value)).collect()
}

fn json(name: &FileName, wanted: &Content) -> Option<String> {
    /// In the order in which people read them.
    #[derive(Serialize)]
    struct Keys<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<&'a Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        metadata: Option<&'a Value>,
        config: Option<&'a Value>,
    }
    let keys = keys_for(wanted, name, None);
    let keys = Keys {
        id: keys.get("id"),
        status: keys.get("status"),
        metadata: keys.get("metadata"),
        config: keys.get("config"),
    };
    let mut text = serde_json::to_string_pretty(&keys).ok()?;
    text.push('\n');
    Some(text)
}

/// The comments and empty lines in front of everything else.
fn leading_comments(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_comment = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let length = text
        .split_inclusive('\n')
        .take_while(is_comment)
        .map(str::len)
        .sum();
    &text[..length]
}

#[cfg(test)]
mod tests;

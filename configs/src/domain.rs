//! Domain files: the bots of a team, as they are kept in git.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::{ConfigErrorKind, ConfigErrors, Location, Problems};
use crate::path::ConfigPath;
use crate::portable::PortableConfig;
use crate::reference::text;
use crate::yaml::Source;

const KEYS: &[&str] = &["domain", "bot"];

/// Holds one bot of a domain file.
#[derive(Clone, Debug, PartialEq)]
pub struct DomainBot {
    /// `domain.id`, not empty. Whether it can be registered is the registry's to say.
    pub id: String,
    /// The object under `bot`, as it is written: variables and references are filled in when an instance is built.
    pub config: PortableConfig,
    /// What else is said under `domain`, such as `name` and `description`.
    pub metadata: Map<String, Value>,
}

/// Reads the bots of a domain file, one per YAML document; empty documents hold none.
///
/// `file_name` is for messages only. All problems of the file are reported together.
pub fn parse_domain(file_name: &str, yaml: &str) -> Result<Vec<DomainBot>, ConfigErrors> {
    let source = Source::new(file_name, yaml);
    let mut all_problems = Problems::default();
    let mut bots = Vec::new();
    let mut ids = BTreeSet::new();
    for (at, document) in source.documents()?.into_iter().enumerate() {
        let mut problems = Problems::default();
        if let Some(bot) = parse_bot(document, &mut problems) {
            if ids.insert(bot.id.clone()) {
                bots.push(bot);
            } else {
                let path = ConfigPath::of_keys(["domain", "id"]);
                problems.push(path, ConfigErrorKind::DuplicateId(bot.id));
            }
        }
        source.locate(at, &mut problems);
        all_problems.append(problems);
    }
    all_problems.or(bots)
}

/// Says what of one bot in a domain file is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainPlace<'p> {
    /// What `domain` says under this key.
    Domain(&'p str),
    /// What the configuration of the bot says here.
    Config(&'p ConfigPath),
}

/// Finds where in a domain file something of one bot stands, or else the nearest thing around it; `None` if the file cannot
/// be read, or has no such bot. Costs another parse: it is for messages about what was read before.
pub fn locate_in_domain(yaml: &str, id: &str, place: DomainPlace<'_>) -> Option<Location> {
    let source = Source::new("", yaml);
    let documents = source.documents().ok()?;
    let is_it =
        |document: &Value| document.pointer("/domain/id").and_then(|it| text(it).ok()) == Some(id);
    let document = documents.iter().position(is_it)?;
    let path = match place {
        DomainPlace::Domain(key) => ConfigPath::of_keys(["domain", key]),
        DomainPlace::Config(path) => ConfigPath::of_keys(["bot"]).joined(path),
    };
    source.location(document, &path)
}

fn parse_bot(document: Value, problems: &mut Problems) -> Option<DomainBot> {
    let mut file = match document {
        Value::Null => return None,
        Value::Object(file) => file,
        other => {
            let kind = ConfigErrorKind::wrong_type("an object with `domain` and `bot`", &other);
            problems.push(ConfigPath::default(), kind);
            return None;
        }
    };
    for key in file.keys().filter(|key| !KEYS.contains(&key.as_str())) {
        let kind = ConfigErrorKind::unknown_key(key, KEYS);
        problems.push(ConfigPath::of_keys([key]), kind);
    }
    let domain = take_object(&mut file, "domain", problems);
    let bot = take_object(&mut file, "bot", problems);

    let mut metadata = domain?;
    let id = match metadata.remove("id") {
        Some(id) => text(&id).map(str::to_owned),
        None => Err(ConfigErrorKind::MissingKey),
    };
    let id = id
        .map_err(|kind| problems.push(ConfigPath::of_keys(["domain", "id"]), kind))
        .ok();
    let config = PortableConfig::from_map(bot?)
        .map_err(|problem| problems.push(ConfigPath::of_keys(["bot"]), problem.kind().clone()))
        .ok();
    Some(DomainBot {
        id: id?,
        config: config?,
        metadata,
    })
}

fn take_object(
    file: &mut Map<String, Value>,
    key: &str,
    problems: &mut Problems,
) -> Option<Map<String, Value>> {
    let kind = match file.remove(key) {
        Some(Value::Object(object)) => return Some(object),
        Some(other) => ConfigErrorKind::wrong_type("an object", &other),
        None => ConfigErrorKind::MissingKey,
    };
    problems.push(ConfigPath::of_keys([key]), kind);
    None
}

#[cfg(test)]
mod tests;

//! A registration as a domain file, which reads back as the same.

use std::fmt::Write;

use hotbed_configs::{PortableConfig, parse_domain};
use serde_json::{Map, Value};
use serde_yaml::Mapping;

use crate::owner::MANAGED_BY;

/// The keys of the metadata that say who wrote and who owns: another write says it anew.
const SAID_ANEW: [&str; 3] = ["changed_by", "change_reason", MANAGED_BY];

/// The longest name of a file that is made from an id, in bytes and without its ending; file systems take 255.
const NAME_BYTES: usize = 200;

/// Why a registration cannot be written as a domain file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// In a domain file, the bot's id stands where its metadata do.
    #[error("its metadata has the key `id`, which in a domain file is the bot's own")]
    MetadataId,
    /// It holds something that would read back as something else.
    #[error("it holds something that a YAML file does not keep")]
    NotKept,
}

/// Writes a registration as a domain file. What was noted about its last write is left out.
pub fn domain_file(
    id: &str,
    config: &Map<String, Value>,
    metadata: &Map<String, Value>,
) -> Result<String, Unwritable> {
    let metadata: Map<_, _> = metadata
        .iter()
        .filter(|(key, _)| !SAID_ANEW.contains(&key.as_str()))
        .map(|(key, it)| (key.clone(), it.clone()))
        .collect();
    if metadata.contains_key("id") {
        return Err(Unwritable::MetadataId);
    }
    let text = yaml(id, config, &metadata).map_err(|_| Unwritable::NotKept)?;
    let expected = PortableConfig::from_map(config.clone()).map_err(|_| Unwritable::NotKept)?;
    // What the writer quotes and what the reader takes are two programs' views of YAML.
    match parse_domain("", &text).as_deref() {
        Ok([bot]) if bot.id == id && bot.config == expected && bot.metadata == metadata => Ok(text),
        _ => Err(Unwritable::NotKept),
    }
}

/// With the id first, then what people look for first.
fn yaml(
    id: &str,
    config: &Map<String, Value>,
    metadata: &Map<String, Value>,
) -> Result<String, serde_yaml::Error> {
    let mut domain = Mapping::new();
    domain.insert("id".into(), id.into());
    for (key, value) in metadata {
        domain.insert(key.as_str().into(), serde_yaml::to_value(value)?);
    }
    let mut file = Mapping::new();
    file.insert("domain".into(), domain.into());
    file.insert("bot".into(), serde_yaml::to_value(config)?);
    serde_yaml::to_string(&file)
}

/// The name of the file that a bot is written to: its id, with what some file systems do not take written as `%XX`, and a
/// long one cut and made unique again.
pub fn file_name(id: &str) -> String {
    let mut name = String::new();
    for (at, c) in id.chars().enumerate() {
        match c {
            // A name that begins with it would be passed over.
            '.' if at == 0 => name.push_str("%2E"),
            ':' | '*' | '"' | '<' | '>' | '|' => {
                write!(name, "%{:02X}", u32::from(c)).expect("memory takes any text");
            }
            c => name.push(c),
        }
    }
    if name.len() > NAME_BYTES {
        let whole = Map::from_iter([("id".to_owned(), Value::from(id))]);
        let digest = PortableConfig::from_map(whole).map(|it| it.digest()[..16].to_owned());
        let end = (0..=NAME_BYTES - 17)
            .rev()
            .find(|at| name.is_char_boundary(*at));
        name.truncate(end.unwrap_or_default());
        name.push('-');
        name.push_str(&digest.unwrap_or_default());
    }
    name + ".yaml"
}

#[cfg(test)]
mod tests;

//! Mod files: the mods that a team wants, as they are kept in git, in each of the layouts that there are.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::error::{ConfigErrorKind, ConfigErrors, Problems};
use crate::path::ConfigPath;
use crate::portable::PortableConfig;
use crate::reference::text;
use crate::yaml::Source;

/// The priority of the first mod of a list whose order counts, and of what says nothing else.
const BUSINESS: u64 = 40;
/// The keys of an entry of OpenAgents' list.
const LISTED: &[&str] = &["name", "enabled", "config"];

/// Holds one mod of a mod file.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredMod {
    /// What it is called; `None` where the file says one mod and is called like it.
    pub id: Option<String>,
    /// What is registered, as it is written: `path`, and what else a registration of a mod may say.
    pub registration: PortableConfig,
}

/// Reads the mods of a mod file, of each of its YAML documents. A document is one of:
///
/// - one registration: an object with `path`;
/// - `mods`: registrations by id;
/// - `network.mods`: the list of an OpenAgents network, `{name, enabled, config}` each. The id is the last part of the
///   name, and the order of the list becomes that of the priorities, from 40 on;
/// - `core.api_gateway.plugins`: plugins of AICO by name. Each is disabled unless it says `enabled: true`; its path is
///   its `path`, or else its name; what else it says is its configuration.
///
/// What else stands beside `network.mods` and `core.api_gateway.plugins` is not for us, and passed over. `file_name` is
/// for messages only. All problems of the file are reported together.
pub fn parse_mods(file_name: &str, yaml: &str) -> Result<Vec<DeclaredMod>, ConfigErrors> {
    let source = Source::new(file_name, yaml);
    let mut all_problems = Problems::default();
    let mut mods = Vec::new();
    let mut ids = BTreeSet::new();
    for (at, document) in source.documents()?.into_iter().enumerate() {
        let mut problems = Problems::default();
        for (path, declared) in read(document, &mut problems) {
            if ids.insert(declared.id.clone()) {
                mods.push(declared);
            } else {
                let id = declared.id.unwrap_or_default();
                problems.push(path, ConfigErrorKind::DuplicateId(id));
            }
        }
        source.locate(at, &mut problems);
        all_problems.append(problems);
    }
    all_problems.or(mods)
}

/// The mods of a document, and where each stands.
fn read(document: Value, problems: &mut Problems) -> Vec<(ConfigPath, DeclaredMod)> {
    let mut document = match document {
        Value::Null => return Vec::new(),
        Value::Object(document) => document,
        other => {
            let kind = ConfigErrorKind::wrong_type("an object with `path` or `mods`", &other);
            problems.push(ConfigPath::default(), kind);
            return Vec::new();
        }
    };
    if let Some(mods) = document.remove("mods") {
        for key in document.keys() {
            let kind = ConfigErrorKind::unknown_key(key, &["mods"]);
            problems.push(ConfigPath::of_keys([key]), kind);
        }
        return by_id(mods, problems);
    }
    if document.contains_key("path") {
        let path = ConfigPath::default();
        return one(None, document, &path, problems)
            .map(|declared| (path, declared))
            .into_iter()
            .collect();
    }
    let mut mods = Vec::new();
    let mut is_known = false;
    if let Some(Value::Object(mut network)) = document.remove("network") {
        is_known = true;
        if let Some(listed) = network.remove("mods") {
            mods.extend(of_network(listed, problems));
        }
    }
    if let Some(core) = document.remove("core") {
        is_known = true;
        if let Some(Value::Object(plugins)) = core.pointer("/api_gateway/plugins") {
            mods.extend(of_plugins(plugins, problems));
        }
    }
    if !is_known {
        let kind = ConfigErrorKind::MissingKey;
        problems.push(ConfigPath::of_keys(["mods"]), kind);
    }
    mods
}

fn by_id(mods: Value, problems: &mut Problems) -> Vec<(ConfigPath, DeclaredMod)> {
    let mods = match mods {
        Value::Object(mods) => mods,
        Value::Null => return Vec::new(),
        other => {
            let kind =
                ConfigErrorKind::wrong_type("an object with a registration for each id", &other);
            problems.push(ConfigPath::of_keys(["mods"]), kind);
            return Vec::new();
        }
    };
    let mut read = Vec::new();
    for (id, registration) in mods {
        let path = ConfigPath::of_keys(["mods", &id]);
        match registration {
            Value::Object(registration) => {
                let declared = one(Some(id), registration, &path, problems);
                read.extend(declared.map(|declared| (path, declared)));
            }
            other => problems.push(
                path,
                ConfigErrorKind::wrong_type("an object with `path`", &other),
            ),
        }
    }
    read
}

/// The mods of an OpenAgents network.
fn of_network(listed: Value, problems: &mut Problems) -> Vec<(ConfigPath, DeclaredMod)> {
    let list = ConfigPath::of_keys(["network", "mods"]);
    let entries = match listed {
        Value::Array(entries) => entries,
        Value::Null => return Vec::new(),
        other => {
            problems.push(list, ConfigErrorKind::wrong_type("a list", &other));
            return Vec::new();
        }
    };
    let mut read = Vec::new();
    for (at, entry) in (0_u64..).zip(entries) {
        let mut path = list.clone();
        path.push_index(usize::try_from(at).unwrap_or(usize::MAX));
        let mut entry = match entry {
            Value::Object(entry) => entry,
            other => {
                problems.push(
                    path,
                    ConfigErrorKind::wrong_type("an object with `name`", &other),
                );
                continue;
            }
        };
        for key in entry.keys().filter(|key| !LISTED.contains(&key.as_str())) {
            problems.push(path.key(key), ConfigErrorKind::unknown_key(key, LISTED));
        }
        let name = match entry.remove("name") {
            Some(name) => text(&name).map(str::to_owned),
            None => Err(ConfigErrorKind::MissingKey),
        };
        let name = match name {
            Ok(name) => name,
            Err(kind) => {
                problems.push(path.key("name"), kind);
                continue;
            }
        };
        let mut registration = Map::new();
        registration.insert("path".to_owned(), json!(name));
        for key in ["enabled", "config"] {
            if let Some(value) = entry.remove(key).filter(|value| !value.is_null()) {
                registration.insert(key.to_owned(), value);
            }
        }
        if at > 0 {
            registration.insert("priority".to_owned(), json!(BUSINESS + at));
        }
        let id = last_part(&name).to_owned();
        let declared = one(Some(id), registration, &path, problems);
        read.extend(declared.map(|declared| (path, declared)));
    }
    read
}

/// The plugins of AICO.
fn of_plugins(
    plugins: &Map<String, Value>,
    problems: &mut Problems,
) -> Vec<(ConfigPath, DeclaredMod)> {
    let mut read = Vec::new();
    for (name, said) in plugins {
        let path = ConfigPath::of_keys(["core", "api_gateway", "plugins", name]);
        let mut config = match said {
            Value::Object(said) => said.clone(),
            Value::Null => Map::new(),
            other => {
                problems.push(path, ConfigErrorKind::wrong_type("an object", other));
                continue;
            }
        };
        let mut registration = Map::new();
        let enabled = config.remove("enabled").unwrap_or(Value::Bool(false));
        registration.insert("enabled".to_owned(), enabled);
        for key in ["priority", "permissions", "scopes"] {
            if let Some(value) = config.remove(key) {
                registration.insert(key.to_owned(), value);
            }
        }
        let of = config.remove("path").unwrap_or_else(|| json!(name));
        registration.insert("path".to_owned(), of);
        registration.insert("config".to_owned(), Value::Object(config));
        let declared = one(Some(name.clone()), registration, &path, problems);
        read.extend(declared.map(|declared| (path, declared)));
    }
    read
}

fn one(
    id: Option<String>,
    registration: Map<String, Value>,
    path: &ConfigPath,
    problems: &mut Problems,
) -> Option<DeclaredMod> {
    match registration.get("path").map(text) {
        Some(Ok(_)) => {}
        Some(Err(kind)) => {
            problems.push(path.key("path"), kind);
            return None;
        }
        None => {
            problems.push(path.key("path"), ConfigErrorKind::MissingKey);
            return None;
        }
    }
    let registration = PortableConfig::from_map(registration)
        .map_err(|problem| problems.push(path.clone(), problem.kind().clone()))
        .ok()?;
    Some(DeclaredMod { id, registration })
}

/// What a mod is called that is named by a path: the last part of it.
fn last_part(path: &str) -> &str {
    let last = path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(path);
    last.rsplit('.').next().unwrap_or(last)
}

#[cfg(test)]
mod tests;

//! Reads an environment file.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::chain::Chain;
use super::{Environment, MissPolicy, Resource, Resources};
use crate::error::{ConfigErrorKind, ConfigErrors, Problems};
use crate::literal_secret::literal_secrets;
use crate::origins::Origins;
use crate::path::ConfigPath;
use crate::reference::{flag, text};
use crate::resolve::{References, Resolver, Secrets, Text};
use crate::secret::{SECRET, is_secret};
use crate::variables::Variables;

const KEYS: &[&str] = &["extends", "name", "description", "resources", "settings"];

pub(super) fn parse(chain: &Chain, variables: &Variables) -> Result<Environment, ConfigErrors> {
    let document = chain.document();
    let mut resolver = Resolver::new(variables, References::Keep, Secrets::Keep);
    let mut file = File {
        written: resolver.object(&document, Text::Raw),
        problems: resolver.problems,
    };
    file.refuse_unknown_keys();
    let name = file.text("name").unwrap_or_else(|| chain.name().to_owned());
    let description = file.text("description");
    let settings = file.settings();
    let environment = Environment {
        name: name.into(),
        description,
        resources: file.resources(&resolver.origins),
        miss_policy: file.miss_policy(&settings),
        settings,
        variables: variables.clone(),
        secrets: None,
        warnings: literal_secrets(&document).into(),
    };
    chain.locate(file.problems).or(environment)
}

/// The parts of the file that are not read yet, and what was wrong with the others. A part that is wrong or left out
/// reads as empty.
struct File {
    written: Map<String, Value>,
    problems: Problems,
}

impl File {
    fn refuse_unknown_keys(&mut self) {
        for key in self.written.keys() {
            if !KEYS.contains(&key.as_str()) {
                let kind = ConfigErrorKind::unknown_key(key, KEYS);
                self.problems.push(ConfigPath::of_keys([key]), kind);
            }
        }
    }

    fn text(&mut self, key: &str) -> Option<String> {
        let value = self.written.remove(key).filter(|value| !value.is_null())?;
        match text(&value) {
            Ok(text) => Some(text.to_owned()),
            Err(kind) => {
                self.problems.push(ConfigPath::of_keys([key]), kind);
                None
            }
        }
    }

    fn object(&mut self, key: &str) -> Map<String, Value> {
        let value = self.written.remove(key).unwrap_or_default();
        object_or_empty(value, &ConfigPath::of_keys([key]), &mut self.problems)
    }

    fn settings(&mut self) -> Map<String, Value> {
        let settings = self.object("settings");
        let path = ConfigPath::of_keys(["settings"]);
        refuse_secrets(&settings, &path, &mut self.problems);
        settings
    }

    fn resources(&mut self, origins: &Origins) -> Resources {
        let origins = origins.key("resources");
        let mut resources = Resources::new();
        for (resource_type, value) in self.object("resources") {
            let path = ConfigPath::of_keys(["resources", &resource_type]);
            let of_type = object_or_empty(value, &path, &mut self.problems);
            let origins = origins.and_then(|origins| origins.key(&resource_type));
            let named = if is_flat(&of_type) {
                let resource = Resource {
                    fields: of_type,
                    origins: origins.cloned().unwrap_or_default(),
                };
                BTreeMap::from([
                    (resource_type.clone(), resource.clone()),
                    ("default".to_owned(), resource),
                ])
            } else {
                of_type
                    .into_iter()
                    .map(|(name, value)| {
                        let path = path.key(&name);
                        let fields = object_or_empty(value, &path, &mut self.problems);
                        if is_secret(&fields) {
                            self.problems.push(path, ConfigErrorKind::SecretWhole);
                        }
                        let origins = origins.and_then(|origins| origins.key(&name));
                        let origins = origins.cloned().unwrap_or_default();
                        (name, Resource { fields, origins })
                    })
                    .collect()
            };
            resources.insert(resource_type, named);
        }
        resources
    }

    fn miss_policy(&mut self, settings: &Map<String, Value>) -> MissPolicy {
        match settings.get("strict_resources").map(flag) {
            None | Some(Ok(false)) => MissPolicy::Warn,
            Some(Ok(true)) => MissPolicy::Refuse,
            Some(Err(kind)) => {
                let path = ConfigPath::of_keys(["settings", "strict_resources"]);
                self.problems.push(path, kind);
                MissPolicy::Refuse
            }
        }
    }
}

/// Tells whether a type is written as the one resource of its type, without a name: `knowledge: {backend: file, path: …}`.
pub(super) fn is_flat(of_type: &Map<String, Value>) -> bool {
    of_type.get("backend").is_some_and(Value::is_string)
}

/// Settings are handed out as they are, so that a secret among them would never be read.
fn refuse_secrets(within: &Map<String, Value>, path: &ConfigPath, problems: &mut Problems) {
    if is_secret(within) {
        problems.push(path.key(SECRET), ConfigErrorKind::SecretInSettings);
    }
    let mut stack: Vec<_> = within
        .iter()
        .map(|(key, value)| (path.key(key), value))
        .collect();
    while let Some((path, value)) = stack.pop() {
        match value {
            Value::Object(object) if is_secret(object) => {
                problems.push(path.key(SECRET), ConfigErrorKind::SecretInSettings);
            }
            Value::Object(object) => {
                stack.extend(object.iter().map(|(key, value)| (path.key(key), value)));
            }
            Value::Array(items) => {
                stack.extend(items.iter().enumerate().map(|(index, item)| {
                    let mut path = path.clone();
                    path.push_index(index);
                    (path, item)
                }));
            }
            _ => {}
        }
    }
}

fn object_or_empty(value: Value, path: &ConfigPath, problems: &mut Problems) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        Value::Null => Map::new(),
        other => {
            let kind = ConfigErrorKind::wrong_type("an object", &other);
            problems.push(path.clone(), kind);
            Map::new()
        }
    }
}

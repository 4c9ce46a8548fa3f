//! Reads an environment file.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Environment, MissPolicy, Resources};
use crate::error::{ConfigErrorKind, ConfigErrors, Problems};
use crate::path::ConfigPath;
use crate::reference::{flag, text};
use crate::resolve::{References, Resolver, Text};
use crate::variables::Variables;
use crate::yaml::Source;

const KEYS: &[&str] = &["name", "description", "resources", "settings"];

pub(super) fn parse(
    file_name: &str,
    yaml: &str,
    variables: &Variables,
) -> Result<Environment, ConfigErrors> {
    let source = Source::new(file_name, yaml);
    let document = only_document(&source)?;

    let mut resolver = Resolver::new(variables, References::Keep);
    let written = match &document {
        Value::Object(map) => resolver.object(map, Text::Raw),
        Value::Null => Map::new(),
        other => {
            let kind = ConfigErrorKind::wrong_type("an object", other);
            return Err(source.refusal(kind));
        }
    };
    let mut file = File {
        written,
        problems: resolver.problems,
    };
    file.refuse_unknown_keys();
    let name = file.text("name").unwrap_or_else(|| stem(file_name));
    let description = file.text("description");
    let settings = file.object("settings");
    let environment = Environment {
        name: name.into(),
        description,
        resources: file.resources(),
        miss_policy: file.miss_policy(&settings),
        settings,
        variables: variables.clone(),
    };
    let mut problems = file.problems;
    source.locate(0, &mut problems);
    problems.or(environment)
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
                let kind = ConfigErrorKind::UnknownKey { known: KEYS };
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

    fn resources(&mut self) -> Resources {
        let mut resources = Resources::new();
        for (resource_type, value) in self.object("resources") {
            let path = ConfigPath::of_keys(["resources", &resource_type]);
            let of_type = object_or_empty(value, &path, &mut self.problems);
            let named = if is_flat(&of_type) {
                BTreeMap::from([
                    (resource_type.clone(), of_type.clone()),
                    ("default".to_owned(), of_type),
                ])
            } else {
                of_type
                    .into_iter()
                    .map(|(name, value)| {
                        let path = path.key(&name);
                        let fields = object_or_empty(value, &path, &mut self.problems);
                        (name, fields)
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

/// The one resource of its type, written without a name: `knowledge: {backend: file, path: …}`.
fn is_flat(of_type: &Map<String, Value>) -> bool {
    of_type.get("backend").is_some_and(Value::is_string)
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

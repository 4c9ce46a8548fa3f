//! What a registration of the collection `mods` says.

use crate::desired::Desired;
use crate::id::ModId;
use crate::path::ModPath;
use crate::permission::Permissions;
use crate::priority::Priority;
use crate::scopes::Scopes;
use hotbed_configs::{Environment, PortableConfig, ResolvedConfig};
use serde_json::{Map, Value, json};
use std::fmt;

/// The keys of a registration.
const KEYS: [&str; 6] = [
    "path",
    "config",
    "enabled",
    "priority",
    "permissions",
    "scopes",
];

/// The priorities that have a name.
const NAMED: [(&str, Priority); 5] = [
    ("infrastructure", Priority::INFRASTRUCTURE),
    ("security", Priority::SECURITY),
    ("middleware", Priority::MIDDLEWARE),
    ("business", Priority::BUSINESS),
    ("integration", Priority::INTEGRATION),
];

/// A registration that says of no mod what it should be: all that is wrong with it, each with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRegistration {
    /// What is wrong, a sentence each; at least one.
    pub problems: Vec<String>,
}

impl Desired {
    /// Reads a registration as it means something in an environment: `path`, and where they are given `config`, `enabled`
    /// (else true), `priority` (a number or the name of a layer), `permissions` and `scopes` (lists of texts). Variables and
    /// references are filled in everywhere; secrets are read for `config` alone. A `config` that does not resolve is a
    /// failure of the mod, not of its registration.
    ///
    /// Everything wrong with it is told together.
    pub fn from_registration(
        id: ModId,
        revision: u64,
        registered: &PortableConfig,
        environment: &Environment,
    ) -> Result<Self, InvalidRegistration> {
        let mut own = registered.as_map().clone();
        let config = own.remove("config");
        let mut reading = Reading::of(own, environment)?;
        for key in reading.keys.keys() {
            if !KEYS.contains(&key.as_str()) {
                let known = KEYS.join(", ");
                reading
                    .problems
                    .push(format!("{key}: unknown key; known here: {known}"));
            }
        }
        let path = reading.path();
        let enabled = reading.enabled();
        let priority = reading.priority();
        let permissions = reading.permissions();
        let scopes = reading.scopes();
        let config = reading.config(config);
        match (path, config) {
            (Some(path), Some(config)) if reading.problems.is_empty() => Ok(Self {
                id,
                path,
                config: environment.resolve(&config),
                enabled,
                priority,
                permissions,
                scopes,
                renewal: None,
                revision,
            }),
            _ => Err(InvalidRegistration {
                problems: reading.problems,
            }),
        }
    }
}

/// The JSON Schema of a registration of the collection `mods` as people write it. What the mod itself takes under `config` is
/// in the schema of its manifest.
pub fn mod_schema() -> Value {
    let variable = json!({ "type": "string", "pattern": r"\$\{" });
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let named: Vec<&str> = NAMED.map(|(name, _)| name).into();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Mod",
        "description": "A mod as its operator wants it, the same on every node.",
        "type": "object",
        "required": ["path"],
        "additionalProperties": false,
        "properties": {
            "path": {
                "description": "Where it comes from: a dotted path of what is compiled in, or a file.",
                "type": "string",
                "minLength": 1,
            },
            "config": {
                "description": "What it is built from.",
                "type": "object",
            },
            "enabled": {
                "description": "Whether it is to run; true if it is not given.",
                "anyOf": [{ "type": "boolean" }, variable],
            },
            "priority": {
                "description": "When it starts and is asked, the smaller first; that of its manifest if it is not given.",
                "anyOf": [
                    { "type": "integer", "minimum": 0, "maximum": u16::MAX },
                    { "enum": named },
                ],
            },
            "permissions": {
                "description": "What it is granted: `service:NAME`, `service:*`, `event:PATTERN` or `*`.",
                "$ref": "#/$defs/texts",
            },
            "scopes": {
                "description": "The channels in which its commands may be used, or `any`; those of its manifest if they are not given.",
                "$ref": "#/$defs/texts",
            },
        },
        "$defs": { "texts": texts },
    })
}

/// The keys of a registration but `config`, and what was found wrong so far.
struct Reading {
    keys: Map<String, Value>,
    problems: Vec<String>,
}

impl Reading {
    /// Fills in what the environment has to fill in.
    fn of(own: Map<String, Value>, environment: &Environment) -> Result<Self, InvalidRegistration> {
        let refused = |error: &dyn fmt::Display| InvalidRegistration {
            problems: error.to_string().lines().map(str::to_owned).collect(),
        };
        let own = PortableConfig::from_map(own).map_err(|error| refused(&error))?;
        let resolved = environment
            .resolve_without_secrets(&own)
            .and_then(|resolved: ResolvedConfig| resolved.typed(&types()))
            .map_err(|errors| refused(&errors))?;
        Ok(Self {
            keys: resolved.as_map().clone(),
            problems: Vec::new(),
        })
    }

    fn wrong(&mut self, key: &str, why: impl fmt::Display) {
        self.problems.push(format!("{key}: {why}"));
    }

    fn path(&mut self) -> Option<ModPath> {
        let path = match self.keys.get("path") {
            Some(Value::String(path)) => ModPath::new(path).map_err(|error| error.to_string()),
            Some(_) => Err("expected a string".to_owned()),
            None => Err("required, but not given; add it".to_owned()),
        };
        path.map_err(|why| self.wrong("path", why)).ok()
    }

    fn enabled(&mut self) -> bool {
        match self.keys.get("enabled") {
            None => true,
            Some(Value::Bool(enabled)) => *enabled,
            Some(_) => {
                self.wrong("enabled", "expected true or false");
                false
            }
        }
    }

    fn priority(&mut self) -> Option<Priority> {
        let priority = self.keys.get("priority")?;
        let named = priority
            .as_str()
            .and_then(|name| NAMED.iter().find(|(known, _)| *known == name));
        let number = priority.as_u64().and_then(|it| u16::try_from(it).ok());
        let priority = named
            .map(|(_, priority)| *priority)
            .or(number.map(Priority));
        if priority.is_none() {
            let layers = NAMED.map(|(name, _)| name).join(", ");
            self.wrong(
                "priority",
                format!("expected 0 to {} or one of {layers}", u16::MAX),
            );
        }
        priority
    }

    fn permissions(&mut self) -> Permissions {
        let texts = self.texts("permissions").unwrap_or_default();
        let granted = Permissions::parse(texts.iter().map(String::as_str));
        granted.unwrap_or_else(|error| {
            self.wrong("permissions", error);
            Permissions::none()
        })
    }

    fn scopes(&mut self) -> Option<Scopes> {
        Some(Scopes::from_iter(self.texts("scopes")?))
    }

    fn config(&mut self, config: Option<Value>) -> Option<PortableConfig> {
        let config = config.unwrap_or_else(|| json!({}));
        PortableConfig::from_value(config)
            .map_err(|error| self.wrong("config", error))
            .ok()
    }

    fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let texts = match self.keys.get(key)? {
            Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>(),
            _ => None,
        };
        if texts.is_none() {
            self.wrong(key, "expected a list of strings");
        }
        texts
    }
}

/// What the texts of variables become.
fn types() -> Value {
    json!({ "properties": { "enabled": { "type": "boolean" } } })
}

impl fmt::Display for InvalidRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for InvalidRegistration {}

#[cfg(test)]
mod tests {
    use super::*;
    use hotbed_configs::Variables;

    fn environment() -> Environment {
        let variables = [("ON", "false"), ("LEVEL", "7")];
        let variables: Variables = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let yaml = "resources: {wikis: {main: {pages: 3}}}";
        Environment::parse("dev.yaml", yaml, &variables)
            .unwrap()
            .with_variables(variables)
    }

    fn read(registered: Value) -> Result<Desired, String> {
        let registered = PortableConfig::from_value(registered).unwrap();
        let id = ModId::new("wiki").unwrap();
        Desired::from_registration(id, 5, &registered, &environment())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_registration_says_what_a_mod_should_be() {
        let all = json!({
            "path": "openagents.mods.core.wiki",
            "config": {"store": {"$resource": "main", "type": "wikis"}, "level": "${LEVEL}"},
            "enabled": "${ON}",
            "priority": "security",
            "permissions": ["service:cache", "event:wiki.*"],
            "scopes": ["any"],
        });
        let desired = read(all).unwrap();
        assert_eq!(desired.path.as_str(), "openagents.mods.core.wiki");
        assert!(!desired.enabled);
        assert_eq!(desired.priority, Some(Priority::SECURITY));
        assert_eq!(desired.scopes, Some(Scopes::any()));
        assert_eq!(desired.revision, 5);
        let config = desired.config.unwrap();
        assert_eq!(config.as_map()["store"]["pages"], 3);
        assert_eq!(config.as_map()["level"], "7");

        let least = read(json!({"path": "a.b", "priority": 15})).unwrap();
        assert!(least.enabled && least.config.unwrap().as_map().is_empty());
        assert_eq!((least.priority, least.scopes), (Some(Priority(15)), None));
    }

    #[test]
    fn all_that_is_wrong_is_told_together() {
        let told = read(json!({
            "pth": "x", "enabled": "yes", "priority": 70_000, "permissions": ["root"], "scopes": "any", "config": [],
        }));
        let told = told.unwrap_err();
        for said in [
            "pth: unknown key",
            "path: required",
            "enabled: expected true or false",
            "priority: expected 0 to 65535 or one of infrastructure",
            "permissions: \"root\" is not a permission",
            "scopes: expected a list of strings",
            "config: ",
        ] {
            assert!(told.contains(said), "{said}: {told}");
        }
        assert_eq!(told.lines().count(), 7, "{told}");
        assert!(
            read(json!({"path": "a.b", "enabled": "${NOT_SET}"}))
                .unwrap_err()
                .contains("`NOT_SET`")
        );
    }

    /// A broken configuration is the mod's own failure: it is desired, and what ran before runs on.
    #[test]
    fn a_configuration_that_does_not_resolve_is_no_fault_of_the_registration() {
        let desired = read(json!({"path": "a.b", "config": {"x": "${NOT_SET}"}})).unwrap();
        assert!(desired.config.is_err());
    }

    #[test]
    fn the_schema_agrees_with_what_is_read() {
        let schema = jsonschema::validator_for(&mod_schema()).unwrap();
        for (good, registered) in [
            (true, json!({"path": "a.b"})),
            (
                true,
                json!({"path": "a.b", "enabled": false, "priority": 0, "scopes": []}),
            ),
            (
                true,
                json!({"path": "a.b", "enabled": "${ON}", "priority": "business", "permissions": ["*"]}),
            ),
            (false, json!({})),
            (false, json!({"path": 7})),
            (false, json!({"path": ""})),
            (false, json!({"path": "a.b", "enabled": "true"})),
            (false, json!({"path": "a.b", "priority": -1})),
            (false, json!({"path": "a.b", "priority": "first"})),
            (false, json!({"path": "a.b", "scopes": [1]})),
            (false, json!({"path": "a.b", "config": 1})),
            (false, json!({"path": "a.b", "more": 1})),
        ] {
            assert_eq!(schema.is_valid(&registered), good, "{registered}");
            assert_eq!(read(registered.clone()).is_ok(), good, "{registered}");
        }
    }
}

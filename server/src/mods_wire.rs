//! Mods as they are on the wire.

use crate::fault::{Fault, Kind};
use hotbed_api as api;
use hotbed_configs::{PortableConfig, ResolvedConfig};
use hotbed_desk::{ModEntry, ModsError};
use hotbed_mods::{FieldKind, Manifest, ModId, ModState, ModStatus, Report, SettingsForm};
use hotbed_registry::{Error, Id};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// What stands in place of a password. Sent back, it leaves the password as it is.
pub(crate) const HIDDEN: &str = "********";

/// When it is worth asking again for what this node has not gone by yet.
const SOON: Duration = Duration::from_secs(1);

/// One mod. What is registered counts where it is known; what leaves is told as it is in service.
pub(crate) fn entry(id: &Id, entry: &ModEntry) -> api::Mod {
    let status = entry.status.as_ref();
    let error = status.and_then(|status| status.error.clone());
    let problems = (!entry.problems.is_empty()).then(|| entry.problems.join("; "));
    let path = status.map(|status| status.path.to_string());
    api::Mod {
        id: id.to_string(),
        path: path.or_else(|| registered_path(entry)).unwrap_or_default(),
        config: config(entry),
        registered: entry.registration.as_ref().map(|it| {
            let mut registered = it.config.as_map().clone();
            if registered.contains_key("config") {
                registered.insert("config".to_owned(), Value::Object(config(entry)));
            }
            registered
        }),
        metadata: entry
            .registration
            .as_ref()
            .map(|it| it.metadata.clone())
            .unwrap_or_default(),
        enabled: status.map_or_else(|| is_registered_enabled(entry), |status| status.enabled),
        state: status
            .map_or(ModState::Registered, |status| status.state)
            .as_str()
            .to_owned(),
        generation: status.and_then(|status| status.generation),
        revision: entry.registration.as_ref().map(|it| it.revision.0),
        serves: status.and_then(|status| status.revision),
        error: problems.or(error),
        loaded_at: status.and_then(|status| status.loaded_at),
        health: status.and_then(|status| status.health.as_ref()).map(health),
        priority: status.map(|status| status.priority).unwrap_or_default().0,
        permissions: texts(entry, "permissions"),
        scopes: status.map_or_else(
            || texts(entry, "scopes"),
            |status| status.scopes.iter().map(str::to_owned).collect(),
        ),
        manifest: entry.manifest.as_deref().map(manifest),
        calls: status.map(calls).unwrap_or_default(),
    }
}

fn registered(entry: &ModEntry, key: &str) -> Option<Value> {
    entry.registration.as_ref()?.config.get(key).cloned()
}

fn registered_path(entry: &ModEntry) -> Option<String> {
    Some(registered(entry, "path")?.as_str()?.to_owned())
}

fn is_registered_enabled(entry: &ModEntry) -> bool {
    entry.registration.is_some() && registered(entry, "enabled") != Some(Value::Bool(false))
}

fn texts(entry: &ModEntry, key: &str) -> Vec<String> {
    let Some(Value::Array(texts)) = registered(entry, key) else {
        return Vec::new();
    };
    let texts = texts.iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// The configuration as it is registered, passwords hidden.
pub(crate) fn config(entry: &ModEntry) -> Map<String, Value> {
    let mut config = match registered(entry, "config") {
        Some(Value::Object(config)) => config,
        _ => Map::new(),
    };
    if entry.manifest.is_none() {
        // Which of it is a password, nobody says.
        return redacted(config);
    }
    for key in passwords(form(entry)) {
        if let Some(Value::String(text)) = config.get_mut(&key) {
            HIDDEN.clone_into(text);
        }
    }
    config
}

/// The same without the texts that look like secrets.
fn redacted(config: Map<String, Value>) -> Map<String, Value> {
    let Ok(config) = PortableConfig::from_map(config) else {
        return Map::new();
    };
    match ResolvedConfig::verbatim(&config).redacted() {
        Value::Object(redacted) => redacted,
        _ => Map::new(),
    }
}

/// What the configuration of a mod may hold, if it says so.
pub(crate) fn form(entry: &ModEntry) -> Option<&SettingsForm> {
    entry.manifest.as_deref()?.form.as_ref()
}

/// The keys of a configuration that are not shown.
pub(crate) fn passwords(form: Option<&SettingsForm>) -> BTreeSet<String> {
    let fields = form.into_iter().flat_map(SettingsForm::fields);
    let hidden = fields.filter(|field| matches!(field.kind, FieldKind::Password));
    hidden.map(|field| field.key.clone()).collect()
}

pub(crate) fn health(health: &hotbed_mods::Health) -> api::ModHealth {
    api::ModHealth {
        healthy: health.healthy,
        message: health.message.clone(),
        details: health.details.clone(),
    }
}

fn manifest(manifest: &Manifest) -> api::ModManifest {
    api::ModManifest {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        description: manifest.description.clone(),
        capabilities: manifest.capabilities.clone(),
        dependencies: ids(&manifest.dependencies),
        words: manifest.words.clone(),
        events: manifest.events.iter().map(ToString::to_string).collect(),
    }
}

fn calls(status: &ModStatus) -> api::ModCalls {
    api::ModCalls {
        done: status.tally.done,
        failed: status.tally.failed,
        refused: status.tally.refused,
        last_error: status.tally.last_error.clone(),
    }
}

/// How all mods are that are to run; `named` of those that are not well by name.
pub(crate) fn mods_health(entries: &[(Id, ModEntry)], named: usize) -> api::ModsHealth {
    let mut health = api::ModsHealth::default();
    for (id, it) in entries {
        let Some(error) = trouble(it) else {
            if is_wanted(it) {
                health.wanted += 1;
                health.well += 1;
            }
            continue;
        };
        health.wanted += 1;
        if health.failing.len() < named {
            health.failing.push(api::FailingMod {
                id: id.to_string(),
                error,
            });
        }
    }
    health
}

/// Whether a mod is to run.
fn is_wanted(entry: &ModEntry) -> bool {
    entry.registration.is_some()
        && match &entry.status {
            Some(status) => status.enabled,
            None => is_registered_enabled(entry),
        }
}

/// Why a mod that is to run is not as it should be.
pub(crate) fn trouble(it: &ModEntry) -> Option<String> {
    if !it.problems.is_empty() {
        return Some(it.problems.join("; "));
    }
    if !is_wanted(it) {
        return None;
    }
    let Some(status) = &it.status else {
        return Some("it is not looked at yet".to_owned());
    };
    let unwell = status.health.as_ref().filter(|health| !health.healthy);
    match (&status.error, unwell) {
        (Some(error), _) => Some(error.clone()),
        (None, Some(health)) => Some(health.message.clone()),
        (None, None) if status.state == ModState::Running => None,
        (None, None) => Some(format!("it is {}", status.state.as_str())),
    }
}

pub(crate) fn ids<'a>(ids: impl IntoIterator<Item = &'a ModId>) -> Vec<String> {
    ids.into_iter().map(ToString::to_string).collect()
}

pub(crate) fn report(report: &Report) -> api::ModsReport {
    let failed = report.failed.iter();
    api::ModsReport {
        added: ids(&report.added),
        refreshed: ids(&report.refreshed),
        removed: ids(&report.removed),
        failed: failed
            .map(|(id, error)| api::FailedReload {
                id: id.to_string(),
                error: error.clone(),
            })
            .collect(),
        text: report.to_string(),
    }
}

/// A registration as the body of a request says it.
pub(crate) fn registration(write: api::ModWrite) -> Map<String, Value> {
    let api::ModWrite {
        id: _,
        path,
        config,
        enabled,
        priority,
        permissions,
        scopes,
        metadata: _,
    } = write;
    let mut registration = Map::new();
    registration.insert("path".to_owned(), json!(path));
    let rest = [
        ("config", config.map(Value::Object)),
        ("enabled", enabled),
        ("priority", priority),
        ("permissions", permissions.map(|it| json!(it))),
        ("scopes", scopes.map(|it| json!(it))),
    ];
    for (key, value) in rest {
        if let Some(value) = value {
            registration.insert(key.to_owned(), value);
        }
    }
    registration
}

impl From<ModsError> for Fault {
    fn from(error: ModsError) -> Self {
        let detail = error.to_string();
        match error {
            ModsError::AlreadyLoaded { .. } | ModsError::Clash { .. } => {
                Self::new(Kind::Taken, detail)
            }
            ModsError::NotLoaded { .. } => Self::new(Kind::NotFound, detail),
            ModsError::Needed { .. } => Self::new(Kind::Needed, detail),
            ModsError::Disabled { .. } => Self::new(Kind::Inactive, detail),
            ModsError::Invalid { problems } => {
                Self::new(Kind::Refused, detail).with_problems(problems)
            }
            ModsError::Failed { .. } | ModsError::NoModule { .. } => {
                Self::new(Kind::ModFailed, detail)
            }
            // The reason may name a path or an address, which strangers need not know.
            ModsError::Unsettled(ref unsettled) => Self::new(
                Kind::Unavailable,
                "this node has not gone by what is written yet: /api/v1/health and the server's log say why",
            )
            .because(unsettled)
            .retry_after(SOON),
            ModsError::Registry(Error::NotFound { id }) => {
                Self::new(Kind::NotFound, format!("Mod '{id}' is not loaded"))
            }
            ModsError::Registry(error) => error.into(),
            // Several have this path, and whatever comes.
            _ => Self::new(Kind::Invalid, detail),
        }
    }
}

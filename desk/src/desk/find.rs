//! Which mod is meant, and who stands in the way.

use super::{Inside, ModEntry};
use crate::error::ModsError;
use hotbed_mods::{ModId, ModPath};
use hotbed_registry::{Id, Query, Registration};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) fn entries(inside: &Inside) -> Vec<(Id, ModEntry)> {
    let mut problems = inside.follower.problems();
    let mut entries: BTreeMap<Id, ModEntry> = BTreeMap::new();
    for registration in inside.follower.registered() {
        let id = registration.id.clone();
        let entry = ModEntry {
            registration: Some(registration),
            status: None,
            problems: problems.remove(&id).unwrap_or_default(),
            manifest: inside.follower.manifest(&id),
        };
        entries.insert(id, entry);
    }
    for status in inside.host.statuses() {
        let Ok(id) = Id::new(status.id.as_str()) else {
            continue;
        };
        let entry = entries.entry(id).or_insert_with(|| ModEntry {
            registration: None,
            status: None,
            problems: Vec::new(),
            manifest: None,
        });
        if status.manifest.is_some() {
            entry.manifest.clone_from(&status.manifest);
        }
        entry.status = Some(status);
    }
    entries.into_iter().collect()
}

/// The mod that is meant: the one of exactly this id, or else of exactly this path.
pub(super) async fn find(inside: &Inside, name: &str) -> Result<Id, ModsError> {
    let reader = inside.registry.reader();
    if let Ok(id) = Id::new(name)
        && reader.peek(&id).await?.is_some()
    {
        return Ok(id);
    }
    let mut ids = of_path(inside, name).await?;
    match (ids.pop(), ids.is_empty()) {
        (Some(id), true) => Ok(id),
        (Some(id), false) => {
            ids.push(id);
            ids.sort();
            Err(ModsError::Ambiguous {
                name: name.to_owned(),
                ids: mod_ids(&ids),
            })
        }
        (None, _) => Err(ModsError::NotLoaded {
            name: name.to_owned(),
        }),
    }
}

/// Refuses an id that is taken, and a path that is loaded.
pub(super) async fn refuse_if_taken(
    inside: &Inside,
    id: &ModId,
    path: &ModPath,
) -> Result<(), ModsError> {
    let reader = inside.registry.reader();
    let key = Id::new(id.as_str()).map_err(hotbed_registry::Error::from)?;
    match reader.peek(&key).await? {
        None => Ok(()),
        Some(other) if is_of_path(inside, &other, path.as_str()) => {
            Err(ModsError::AlreadyLoaded { id: id.clone() })
        }
        Some(_) => Err(ModsError::Clash { id: id.clone() }),
    }
}

/// Refuses while others depend on a mod and run.
pub(super) async fn refuse_if_needed(inside: &Inside, id: &Id) -> Result<(), ModsError> {
    let by = dependents(inside, id).await;
    match ModId::new(id.as_str()) {
        Ok(id) if !by.is_empty() => Err(ModsError::Needed { id, by }),
        _ => Ok(()),
    }
}

/// Those that depend on a mod and run, each before those that it depends on itself.
pub(super) async fn dependents_first(inside: &Inside, id: &Id) -> Result<Vec<Id>, ModsError> {
    let mut left = dependents(inside, id).await;
    let needs = |one: &ModId, other: &ModId| {
        let status = inside.host.status(one.as_str());
        let manifest = status.and_then(|status| status.manifest);
        manifest.is_some_and(|manifest| manifest.dependencies.contains(other))
    };
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let is_last = |id: &ModId| !left.iter().any(|other| other != id && needs(other, id));
        // What runs is in no circle; if it were, it would go all the same.
        let at = left.iter().position(is_last).unwrap_or(0);
        let next = left.remove(at);
        ordered.push(Id::new(next.as_str()).map_err(hotbed_registry::Error::from)?);
    }
    Ok(ordered)
}

pub(super) async fn dependents(inside: &Inside, id: &Id) -> Vec<ModId> {
    match ModId::new(id.as_str()) {
        Ok(id) => inside.host.dependents(&id).await,
        Err(_) => Vec::new(),
    }
}

async fn of_path(inside: &Inside, path: &str) -> Result<Vec<Id>, ModsError> {
    let registered = inside.registry.reader().list(&Query::default()).await?;
    let of_path = registered.items.into_iter();
    let of_path = of_path.filter(|it| is_of_path(inside, it, path));
    Ok(of_path.map(|it| it.id).collect())
}

/// Whether a registration is of this path: as it is written, or as this node goes by it.
fn is_of_path(inside: &Inside, registration: &Registration, path: &str) -> bool {
    let written = registration.config.get("path").and_then(Value::as_str);
    written == Some(path)
        || inside
            .host
            .status(registration.id.as_str())
            .is_some_and(|status| status.path.as_str() == path)
}

fn mod_ids(ids: &[Id]) -> Vec<ModId> {
    ids.iter()
        .filter_map(|id| ModId::new(id.as_str()).ok())
        .collect()
}

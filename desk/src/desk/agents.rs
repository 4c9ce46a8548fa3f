//! What agents with authority ask for.

use super::{Desk, Order};
use crate::error::ModsError;
use async_trait::async_trait;
use hotbed_agents::{AgentId, DeskError, LoadOrder, LoadedMod, ModDesk};
use hotbed_mods::{Cascade, ModId, ModPath};
use hotbed_registry::{ChangeNote, Id, Precondition};
use serde_json::{Map, Value, json};

#[async_trait]
impl ModDesk for Desk {
    async fn load(&self, order: LoadOrder) -> Result<LoadedMod, DeskError> {
        let LoadOrder { path, config, by } = order;
        let mut registration = Map::new();
        registration.insert("path".to_owned(), json!(path.as_str()));
        registration.insert("config".to_owned(), Value::Object(config));
        let order = Order {
            id: None,
            registration,
            metadata: None,
            note: note(&by, "system.mod.load"),
        };
        let (id, _) = Desk::load(self, order).await?;
        Ok(LoadedMod {
            id: mod_id(&id)?,
            path,
        })
    }

    async fn unload(&self, name: &str, by: &AgentId) -> Result<ModId, DeskError> {
        let note = note(by, "system.mod.unload");
        let when = Precondition::Any;
        let gone = Desk::unload(self, name, Cascade::Refuse, when, note).await?;
        // The last is the one that was asked for.
        match gone.last() {
            Some(id) => mod_id(id),
            None => Err(DeskError::NotLoaded {
                name: name.to_owned(),
            }),
        }
    }

    async fn reload(&self, name: &str, by: &AgentId) -> Result<LoadedMod, DeskError> {
        let (id, entry) = Desk::reload(self, name, note(by, "system.mod.reload")).await?;
        let path: Option<ModPath> = entry.status.map(|status| status.path);
        let path = path.ok_or_else(|| DeskError::NotLoaded {
            name: name.to_owned(),
        })?;
        Ok(LoadedMod {
            id: mod_id(&id)?,
            path,
        })
    }

    async fn enable(&self, name: &str, by: &AgentId) -> Result<(), DeskError> {
        let (_, entry) = Desk::enable(self, name, note(by, "system.mod.enable")).await?;
        // It is wanted from now on all the same, and tried again.
        let problems = (!entry.problems.is_empty()).then(|| entry.problems.join("; "));
        let error = entry.status.and_then(|status| status.error);
        match problems.or(error) {
            Some(message) => Err(DeskError::Failed { message }),
            None => Ok(()),
        }
    }

    async fn disable(&self, name: &str, by: &AgentId) -> Result<(), DeskError> {
        Desk::disable(self, name, note(by, "system.mod.disable")).await?;
        Ok(())
    }
}

fn note(by: &AgentId, reason: &str) -> ChangeNote {
    ChangeNote {
        by: Some(format!("agent:{}", by.as_str())),
        reason: Some(reason.to_owned()),
    }
}

fn mod_id(id: &Id) -> Result<ModId, DeskError> {
    ModId::new(id.as_str()).map_err(|error| ModsError::from(error).into())
}

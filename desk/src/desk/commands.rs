//! Does what people ask for by commands.

use super::Desk;
use super::edit;
use crate::error::ModsError;
use hotbed_mods::{
    Action, Bindmap, CommandReply, ModId, Post, ReloadRequest, Report, ScopeChange, Scopes,
};
use hotbed_registry::{ChangeNote, Id, Precondition};
use serde_json::{Map, Value, json};

impl Desk {
    /// Does the commands in a post, and answers when all of them are done: what mods say, and what the desk itself was
    /// asked for, in the order of the commands.
    pub async fn command(&self, post: Post) -> CommandReply {
        let note = ChangeNote {
            by: Some(post.username.clone()),
            reason: Some("a command".to_owned()),
        };
        let outcome = self.host().command(post).await;
        let mut reply = CommandReply::default();
        for action in outcome.actions {
            let said = match action {
                Action::Reply(said) => said,
                Action::Change { changes, then } => match self.rescope(changes, &note).await {
                    Ok(()) => then,
                    Err(error) => CommandReply::text(format!("That was not done: {error}.")),
                },
                Action::Reload { request, first } => {
                    reply.messages.extend(first.messages);
                    CommandReply::text(match self.reloaded(request).await {
                        Ok(report) => report.to_string(),
                        Err(error) => format!("Reload failed (modules unchanged): `{error}`"),
                    })
                }
                // Whatever it is, nobody here knows how to do it.
                _ => CommandReply::text("That was not done: it is not known here."),
            };
            reply.messages.extend(said.messages);
        }
        reply
    }

    /// Changes where commands may be used.
    pub async fn rescope(
        &self,
        changes: Vec<ScopeChange>,
        note: &ChangeNote,
    ) -> Result<(), ModsError> {
        let note = note.clone();
        self.to_the_end(|inside| async move {
            for change in changes {
                let said = said_scopes(inside.host.status(change.id.as_str()));
                let id = id_of(&change.id)?;
                edit::edit(
                    &inside,
                    &id,
                    Precondition::Any,
                    note.clone(),
                    |registered| {
                        let desired = scopes(registered);
                        let after = change.apply(desired.as_ref(), &said);
                        write_scopes(registered, &after);
                    },
                )
                .await?;
            }
            inside.follower.settled().await?;
            Ok(())
        })
        .await
    }

    /// Takes the bindings of a MatterBot over: where each module that is registered may be used. Answers the modules that
    /// are not.
    pub async fn import(
        &self,
        bindmap: Bindmap,
        note: ChangeNote,
    ) -> Result<Vec<ModId>, ModsError> {
        self.to_the_end(|inside| async move {
            let mut unknown = Vec::new();
            for entry in bindmap.entries {
                let id = id_of(&entry.id)?;
                let edited = edit::edit(
                    &inside,
                    &id,
                    Precondition::Any,
                    note.clone(),
                    |registered| {
                        write_scopes(registered, &entry.scopes);
                    },
                );
                match edited.await {
                    Err(ModsError::NotLoaded { .. }) => unknown.push(entry.id.clone()),
                    done => done?,
                }
            }
            inside.follower.settled().await?;
            Ok(unknown)
        })
        .await
    }

    /// Reloads what was asked for, or says what that would do.
    pub async fn reloaded(&self, request: ReloadRequest) -> Result<Report, ModsError> {
        let ReloadRequest { ids, dry_run } = request;
        if ids.is_empty() {
            return if dry_run {
                self.plan().await
            } else {
                self.reload_changed().await
            };
        }
        if dry_run {
            let mut report = self.plan().await?;
            // They are built anew whether or not anything changed.
            let running = |id: &&ModId| {
                let status = self.host().status(id.as_str());
                status.is_some_and(|status| status.generation.is_some())
            };
            let forced: Vec<ModId> = ids.iter().filter(running).cloned().collect();
            report.added.retain(|id| ids.contains(id));
            report.refreshed.retain(|id| ids.contains(id));
            report.removed.retain(|id| ids.contains(id));
            report.failed.retain(|id, _| ids.contains(id));
            let settled =
                |id: &ModId| report.removed.contains(id) || report.failed.contains_key(id);
            let forced: Vec<ModId> = forced.into_iter().filter(|id| !settled(id)).collect();
            report.refreshed.extend(forced);
            return Ok(report);
        }
        self.inside.follower.settled().await?;
        let mut all = Report::default();
        for id in ids {
            let report = self.host().reload(id.as_str()).await?;
            all.added.extend(report.added);
            all.refreshed.extend(report.refreshed);
            all.removed.extend(report.removed);
            all.failed.extend(report.failed);
        }
        Ok(all)
    }
}

fn id_of(id: &ModId) -> Result<Id, ModsError> {
    Ok(Id::new(id.as_str()).map_err(hotbed_registry::Error::from)?)
}

/// The scopes that a mod's manifest says.
fn said_scopes(status: Option<hotbed_mods::ModStatus>) -> Scopes {
    let manifest = status.and_then(|status| status.manifest);
    manifest.map_or_else(Scopes::none, |manifest| manifest.scopes.clone())
}

/// The scopes that a registration says, if it says any.
fn scopes(registered: &Map<String, Value>) -> Option<Scopes> {
    let names = registered.get("scopes")?.as_array()?;
    Some(names.iter().filter_map(Value::as_str).collect())
}

fn write_scopes(registered: &mut Map<String, Value>, scopes: &Scopes) {
    let names: Vec<&str> = scopes.iter().collect();
    registered.insert("scopes".to_owned(), json!(names));
}

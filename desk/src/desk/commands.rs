//! Does what people ask for by commands.

use super::{Desk, Inside, edit, renew};
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
                    Err(error) => {
                        CommandReply::text(format!("That was not done: {}.", error.told()))
                    }
                },
                Action::Reload { request, first } => {
                    reply.messages.extend(first.messages);
                    CommandReply::text(match self.reloaded(request, note.clone()).await {
                        Ok(report) => report.to_string(),
                        // It may be written already, and is done then as soon as it can be.
                        Err(error @ ModsError::Unsettled(_)) => {
                            format!("Reload not finished: `{}`", error.told())
                        }
                        Err(error) => {
                            format!("Reload failed (modules unchanged): `{}`", error.told())
                        }
                    })
                }
                // Whatever it is, nobody here knows how to do it.
                _ => CommandReply::text("That was not done: it is not known here."),
            };
            reply.messages.extend(said.messages);
        }
        reply
    }

    /// Changes where commands may be used. One change that cannot be made keeps no other from being made.
    pub async fn rescope(
        &self,
        changes: Vec<ScopeChange>,
        note: &ChangeNote,
    ) -> Result<(), ModsError> {
        let note = note.clone();
        self.to_the_end(|inside| async move {
            let many = changes.len();
            let mut failed = Vec::new();
            for change in changes {
                if let Err(error) = rescope(&inside, &change, &note).await {
                    failed.push((change.id, error));
                }
            }
            let settled = inside.follower.settled().await;
            all_done(failed, many)?;
            Ok(settled?)
        })
        .await
    }

    /// Takes the bindings of a MatterBot over: where each module that is registered may be used. Answers the modules that
    /// are not. One that cannot be taken over keeps no other from being so.
    pub async fn import(
        &self,
        bindmap: Bindmap,
        note: ChangeNote,
    ) -> Result<Vec<ModId>, ModsError> {
        self.to_the_end(|inside| async move {
            let many = bindmap.entries.len();
            let (mut unknown, mut failed) = (Vec::new(), Vec::new());
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
                    Ok(()) => {}
                    Err(ModsError::NotLoaded { .. }) => unknown.push(entry.id),
                    Err(error) => failed.push((entry.id, error)),
                }
            }
            let settled = inside.follower.settled().await;
            all_done(failed, many)?;
            settled?;
            Ok(unknown)
        })
        .await
    }

    /// Reloads what was asked for, or says what that would do. One that cannot be reloaded is told of, and keeps no other
    /// from being so.
    pub async fn reloaded(
        &self,
        request: ReloadRequest,
        note: ChangeNote,
    ) -> Result<Report, ModsError> {
        let ReloadRequest { ids, dry_run } = request;
        match (ids.is_empty(), dry_run) {
            (true, true) => self.plan().await,
            (true, false) => self.reload_changed(note).await,
            (false, true) => self.plan_of(&ids).await,
            (false, false) => {
                self.to_the_end(|inside| async move { renew::several(&inside, ids, note).await })
                    .await
            }
        }
    }

    /// What a reload of these would do: they are built anew whether or not anything changed, with those that depend on them.
    async fn plan_of(&self, ids: &[ModId]) -> Result<Report, ModsError> {
        let Report { mut failed, .. } = self.plan().await?;
        let mut report = Report::default();
        for id in ids {
            let status = self.host().status(id.as_str());
            let status = status.filter(|status| status.desired_revision.is_some());
            let message = match &status {
                None => Some(
                    ModsError::NotLoaded {
                        name: id.to_string(),
                    }
                    .told(),
                ),
                Some(status) if !status.enabled => {
                    Some(ModsError::Disabled { id: id.clone() }.told())
                }
                Some(_) => failed.remove(id),
            };
            let runs = status.is_some_and(|status| status.generation.is_some());
            match message {
                Some(message) => drop(report.failed.insert(id.clone(), message)),
                None if runs => {
                    report.refreshed.extend(self.host().dependents(id).await);
                    report.refreshed.insert(id.clone());
                }
                None => drop(report.added.insert(id.clone())),
            }
        }
        Ok(report)
    }
}

async fn rescope(
    inside: &Inside,
    change: &ScopeChange,
    note: &ChangeNote,
) -> Result<(), ModsError> {
    let id = id_of(&change.id)?;
    let said = said_scopes(inside, &id).await?;
    let bind = |registered: &mut Map<String, Value>| {
        let after = change.apply(scopes(registered).as_ref(), &said);
        write_scopes(registered, &after);
    };
    edit::edit(inside, &id, Precondition::Any, note.clone(), bind).await
}

/// Whether all of so many things were done; or which were not, and why.
fn all_done(mut failed: Vec<(ModId, ModsError)>, many: usize) -> Result<(), ModsError> {
    if many == 1 {
        return failed.pop().map_or(Ok(()), |(_, error)| Err(error));
    }
    if failed.is_empty() {
        return Ok(());
    }
    let whys: Vec<String> = failed
        .iter()
        .map(|(id, error)| format!("`{id}`: {}", error.told()))
        .collect();
    let others = if failed.len() < many {
        "; all others are done"
    } else {
        ""
    };
    Err(ModsError::Failed {
        message: format!("{}{others}", whys.join("; ")),
    })
}

fn id_of(id: &ModId) -> Result<Id, ModsError> {
    Ok(Id::new(id.as_str()).map_err(hotbed_registry::Error::from)?)
}

/// The scopes that a mod's manifest says, which count where its registration says none. Of one that was never looked at here
/// the manifest is read for it: a first binding must not take away what nobody looked up.
async fn said_scopes(inside: &Inside, id: &Id) -> Result<Scopes, ModsError> {
    let status = inside.host.status(id.as_str());
    if let Some(manifest) = status.and_then(|status| status.manifest) {
        return Ok(manifest.scopes.clone());
    }
    let registration = inside.registry.reader().peek(id).await?;
    match registration {
        Some(now) if now.config.get("scopes").is_none() => {
            let desired = edit::read(inside, ModId::new(id.as_str())?, &now.config).await?;
            Ok(inside.host.check(&desired).await?.scopes.clone())
        }
        _ => Ok(Scopes::none()),
    }
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

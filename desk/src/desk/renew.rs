//! Has mods built anew where nothing else of them changed, on every node.

use super::{Inside, edit, why_not_running};
use crate::error::ModsError;
use hotbed_mods::{ModId, Report};
use hotbed_registry::{ChangeNote, Draft, Error, Id, Precondition, Registration, Revision, Status};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The key of a registration's metadata under which the renewal stands that was asked for last. Metadata, for it says nothing
/// of what is wanted: what is deployed from files is the same before and after.
pub(crate) const RELOAD_MARK: &str = "reload_mark";

/// Builds one anew. Fails if this node cannot.
pub(super) async fn one(inside: &Inside, id: &Id, note: ChangeNote) -> Result<(), ModsError> {
    catch_up(inside).await?;
    let asked = ask(inside, id, note).await?;
    inside.follower.settled().await?;
    match why_not_running(inside, id, asked) {
        Some(message) => Err(ModsError::Failed { message }),
        None => Ok(()),
    }
}

/// Builds several anew, and tells of each that this node cannot.
pub(super) async fn several(
    inside: &Inside,
    ids: Vec<ModId>,
    note: ChangeNote,
) -> Result<Report, ModsError> {
    catch_up(inside).await?;
    let heard = inside.follower.hear();
    let asked = ask_all(inside, ids, note).await;
    inside.follower.settled().await?;
    let mut report = heard.report();
    // What others fail of is no concern of whoever asked for these.
    report.failed = asked.refused;
    for (id, mod_id, at) in asked.done {
        if let Some(message) = why_not_running(inside, &id, at) {
            report.failed.insert(mod_id, message);
        }
    }
    Ok(report)
}

/// Builds anew what is another behind its path than what runs here, and tries again what failed here.
pub(super) async fn changed(inside: &Inside, note: ChangeNote) -> Result<Report, ModsError> {
    catch_up(inside).await?;
    let heard = inside.follower.hear();
    let outdated = inside.host.outdated().await;
    let asked = ask_all(inside, outdated.ids, note).await;
    inside.follower.try_again().await?;
    let mut report = heard.report();
    report.failed.extend(asked.refused);
    for (id, why) in outdated.unread {
        report.failed.entry(id).or_insert(why);
    }
    Ok(report)
}

/// Has this node go by what is written before anything is. Fails as a registry does that cannot be read: nothing is written.
async fn catch_up(inside: &Inside) -> Result<(), ModsError> {
    let caught_up = inside.follower.settled().await;
    caught_up.map_err(|unsettled| {
        ModsError::from(Error::Unavailable {
            operation: "tell which mods there are",
            reason: unsettled.reason.to_string(),
            source: None,
        })
    })
}

/// What was asked for, and what was not, and why.
#[derive(Default)]
struct Asked {
    done: Vec<(Id, ModId, Revision)>,
    refused: BTreeMap<ModId, String>,
}

/// One that cannot be asked for keeps no other from being so. One that depends on another comes with it.
async fn ask_all(inside: &Inside, ids: Vec<ModId>, note: ChangeNote) -> Asked {
    let ids: BTreeSet<ModId> = ids.into_iter().collect();
    let mut with_others = BTreeMap::new();
    for id in &ids {
        for dependent in inside.host.dependents(id).await {
            if ids.contains(&dependent) {
                with_others.insert(dependent, id.clone());
            }
        }
    }
    let mut asked = Asked::default();
    // First those that come with no other.
    let (later, first): (Vec<ModId>, Vec<ModId>) =
        ids.into_iter().partition(|id| with_others.contains_key(id));
    for id in first.into_iter().chain(later) {
        let comes_with = |other: &ModId| asked.done.iter().any(|(_, done, _)| done == other);
        if with_others.get(&id).is_some_and(comes_with) {
            continue;
        }
        let done = match Id::new(id.as_str()) {
            Ok(key) => ask(inside, &key, note.clone()).await.map(|at| (key, at)),
            Err(error) => Err(Error::from(error).into()),
        };
        match done {
            Ok((key, at)) => asked.done.push((key, id, at)),
            Err(error) => drop(asked.refused.insert(id, error.told())),
        }
    }
    asked
}

/// Writes down that a mod is to be built anew. Answers the revision of that.
async fn ask(inside: &Inside, id: &Id, note: ChangeNote) -> Result<Revision, ModsError> {
    let registry = inside.registry.noting(note);
    let mark = Uuid::now_v7().to_string();
    loop {
        let now = edit::hold(inside, id, Precondition::Any).await?;
        if !is_to_run(inside, &now) {
            let id = ModId::new(id.as_str())?;
            return Err(ModsError::Disabled { id });
        }
        let mut metadata = Draft::kept(Some(&now));
        metadata.insert(RELOAD_MARK.to_owned(), json!(mark));
        let draft = Draft {
            metadata: Some(metadata),
            ..Draft::active(now.config)
        };
        match registry
            .put(id, draft, Precondition::At(now.revision))
            .await
        {
            // Each round that loses is a round that another writer won.
            Err(Error::Conflict { .. }) => {}
            written => return Ok(written?.registration.revision),
        }
    }
}

/// Whether a registration is of a mod that is to run, as far as it says so itself, and else as this node knows it.
fn is_to_run(inside: &Inside, now: &Registration) -> bool {
    let known = || inside.host.status(now.id.as_str());
    match now.config.get("enabled") {
        _ if now.status != Status::Active => false,
        Some(Value::Bool(enabled)) => *enabled,
        None => true,
        Some(_) => known().is_none_or(|status| status.enabled),
    }
}

/// Writes a draft as it is, but for the mark of the last reload, which stays unless the draft says another: a node that has not
/// gone by that one yet would run the old generation on for ever.
pub(super) async fn put_marked(
    inside: &Inside,
    id: &Id,
    draft: Draft,
    when: Precondition,
    note: ChangeNote,
) -> Result<(), ModsError> {
    let registry = inside.registry.noting(note);
    let says_mark = |metadata: &serde_json::Map<_, _>| metadata.contains_key(RELOAD_MARK);
    if draft.metadata.as_ref().is_none_or(says_mark) {
        registry.put(id, draft, when).await?;
        return Ok(());
    }
    loop {
        let now = inside.registry.reader().peek(id).await?;
        let mut draft = draft.clone();
        let mark = now.as_ref().and_then(|now| now.metadata.get(RELOAD_MARK));
        if let (Some(metadata), Some(mark)) = (&mut draft.metadata, mark) {
            metadata.insert(RELOAD_MARK.to_owned(), mark.clone());
        }
        let as_read = match (when, &now) {
            (Precondition::Any, Some(now)) => Precondition::At(now.revision),
            (Precondition::Any, None) => Precondition::Absent,
            (when, _) => when,
        };
        match registry.put(id, draft, as_read).await {
            // Nothing was demanded, and another writer was first.
            Err(Error::Conflict { .. }) if when == Precondition::Any => {}
            written => return Ok(written.map(drop)?),
        }
    }
}

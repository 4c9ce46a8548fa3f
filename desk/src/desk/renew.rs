//! Has mods built anew where nothing else of them changed, on every node.

use super::Inside;
use super::edit;
use crate::error::ModsError;
use hotbed_mods::{ModId, Report};
use hotbed_registry::{ChangeNote, Draft, Error, Id, Precondition};
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The key of a registration's metadata under which the renewal stands that was asked for last. Metadata, for it says nothing
/// of what is wanted: what is deployed from files is the same before and after.
pub(crate) const RENEWAL: &str = "renewal";

/// Builds one anew. Fails if this node cannot.
pub(super) async fn one(inside: &Inside, id: &Id, note: ChangeNote) -> Result<(), ModsError> {
    inside.follower.settled().await?;
    let heard = inside.follower.hear();
    ask(inside, id, note).await?;
    inside.follower.settled().await?;
    match heard.report().failed.remove(id.as_str()) {
        Some(message) => Err(ModsError::Failed { message }),
        None => Ok(()),
    }
}

/// Builds several anew, and tells of each that this node cannot.
pub(super) async fn several(
    inside: &Inside,
    ids: &[ModId],
    note: ChangeNote,
) -> Result<Report, ModsError> {
    inside.follower.settled().await?;
    let heard = inside.follower.hear();
    let refused = ask_all(inside, ids, note).await;
    inside.follower.settled().await?;
    let mut report = heard.report();
    // What others fail of is no concern of whoever asked for these.
    report.failed.retain(|id, _| ids.contains(id));
    report.failed.extend(refused);
    Ok(report)
}

/// Builds anew what is another behind its path than what runs here, and tries again what failed here.
pub(super) async fn changed(inside: &Inside, note: ChangeNote) -> Result<Report, ModsError> {
    inside.follower.settled().await?;
    let heard = inside.follower.hear();
    let outdated = inside.host.outdated().await;
    let refused = ask_all(inside, &outdated, note).await;
    inside.follower.rediscover().await?;
    let mut report = heard.report();
    report.failed.extend(refused);
    Ok(report)
}

/// One that cannot be asked for keeps no other from being so. Answers those, and why.
async fn ask_all(inside: &Inside, ids: &[ModId], note: ChangeNote) -> BTreeMap<ModId, String> {
    let mut refused = BTreeMap::new();
    for id in ids {
        let asked = match Id::new(id.as_str()) {
            Ok(id) => ask(inside, &id, note.clone()).await,
            Err(error) => Err(Error::from(error).into()),
        };
        if let Err(error) = asked {
            refused.insert(id.clone(), error.told());
        }
    }
    refused
}

/// Writes down that a mod is to be built anew.
async fn ask(inside: &Inside, id: &Id, note: ChangeNote) -> Result<(), ModsError> {
    let registry = inside.registry.noting(note);
    let renewal = Uuid::now_v7().to_string();
    loop {
        let now = edit::hold(inside, id, Precondition::Any).await?;
        let status = inside.host.status(id.as_str());
        if status.is_some_and(|status| !status.enabled) {
            let id = ModId::new(id.as_str())?;
            return Err(ModsError::Disabled { id });
        }
        let mut metadata = Draft::kept(Some(&now));
        metadata.insert(RENEWAL.to_owned(), json!(renewal));
        let draft = Draft {
            status: now.status,
            metadata: Some(metadata),
            ..Draft::active(now.config)
        };
        let when = Precondition::At(now.revision);
        match registry.put(id, draft, when).await {
            // Each round that loses is a round that another writer won.
            Err(Error::Conflict { .. }) => {}
            written => return Ok(written.map(drop)?),
        }
    }
}

use super::problems::{Any, Conditional, OfId, WithAuthority};
use crate::fault::Fault;
use crate::freshness::refusal;
use crate::mods_wire;
use crate::note::{self, NOTE};
use crate::params::Params;
use crate::path_id::PathId;
use crate::state::Node;
use crate::wire;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use hotbed_api::{ReloadOutcome, ReloadReport};
use hotbed_cache::{Held, InstanceState, Reloaded};
use hotbed_mods::Report;
use hotbed_registry::Error;
use std::sync::Arc;

/// Build a bot anew
///
/// On this node, even where nothing changed. The one that serves now serves on until the new one is ready.
#[utoipa::path(
    post,
    path = "/{id}/reload",
    tag = "bots",
    params(("id" = String, Path, description = "Its name.")),
    responses((status = 200, description = "What happened.", body = hotbed_api::Reloaded), OfId, Conditional, Any),
)]
pub(crate) async fn reload(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Json<hotbed_api::Reloaded>, Fault> {
    Params::read(&uri, &[])?;
    let serving = || node.state.bots.peek(&id).map(|lease| lease.revision());
    let (outcome, revision, error) = match node.state.hot_reload.reload(&id).await {
        Some(Reloaded::Added(revision)) => (ReloadOutcome::Added, Some(revision), None),
        Some(Reloaded::Refreshed(revision)) => (ReloadOutcome::Refreshed, Some(revision), None),
        Some(Reloaded::Failed(failure)) => {
            (ReloadOutcome::Failed, serving(), Some(failure.to_string()))
        }
        // Removed, and whatever comes that serves nothing.
        _ => match node.reader.peek(&id).await? {
            Some(_) => (ReloadOutcome::Removed, None, None),
            None => return Err(refusal(&node, &id, Error::NotFound { id: id.clone() }).await),
        },
    };
    Ok(Json(hotbed_api::Reloaded {
        id: id.to_string(),
        outcome,
        revision: revision.map(|revision| revision.0),
        error,
    }))
}

/// Reload everything
///
/// Catches up with the registry, builds every bot in memory anew, and renews the mods that changed: in the registry, or
/// behind their paths. A mod that changed behind its path is built anew on every node; all else is done on this one. Mods are
/// left out where nobody may change them: on a server that is reached beyond its own machine and has no admin token. With
/// `dry_run` it says what would be done here, and does nothing but catch up.
#[utoipa::path(
    post,
    path = "/reload",
    tag = "operations",
    params(
        ("dry_run" = Option<bool>, Query, description = "Only say what would be done."),
        ("by" = Option<String>, Query, description = "Who asks: kept in the metadata of mods as `changed_by`."),
        ("reason" = Option<String>, Query, description = "Why: kept in the metadata of mods as `change_reason`."),
    ),
    responses((status = 200, description = "What happened, or would.", body = ReloadReport), Conditional, WithAuthority, Any),
)]
pub(crate) async fn reload_all(
    State(node): State<Arc<Node>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<ReloadReport>, Fault> {
    let params = Params::read(&uri, &["dry_run", NOTE[0], NOTE[1]])?;
    let said = note::in_query(&params)?;
    let state = &node.state;
    let is_dry_run = params.flag("dry_run")? == Some(true);
    if !is_dry_run {
        state.authority.admit_reload(&headers)?;
    }
    let (bots, mods) = if is_dry_run {
        state.hot_reload.sync().await?;
        (foretold(&state.hot_reload.held()), state.mods.plan().await?)
    } else {
        let bots = state.hot_reload.reload_all().await?;
        // It is written to the registry which of them changed, so it takes the same authority as any other write of mods.
        let mods = if state.authority.has(&headers) {
            state.mods.reload_changed(said).await?
        } else {
            Report::default()
        };
        (wire::reload_report(bots), mods)
    };
    Ok(Json(ReloadReport {
        mods: mods_wire::report(&mods),
        ..bots
    }))
}

/// What a reload would try: whether a bot can be built, only building it tells.
fn foretold(held: &[Held]) -> ReloadReport {
    let ids = |has_instance: bool| {
        let held = held
            .iter()
            .filter(|it| it.revision.is_some() == has_instance);
        let held =
            held.filter(|it| !matches!(it.state, InstanceState::Inactive | InstanceState::Absent));
        let mut ids: Vec<String> = held.map(|it| it.id.to_string()).collect();
        ids.sort();
        ids
    };
    ReloadReport {
        added: ids(false),
        refreshed: ids(true),
        ..ReloadReport::default()
    }
}

//! `@reload`, `@bind` and `@unbind`: for admins. What they ask for is done by whoever writes the desired state.

use super::call::CommandReply;
use super::desk::{Action, ReloadRequest};
use super::help::shown;
use super::post::{Authority, Place, Post};
use super::scope_change::{Direction, ScopeChange};
use crate::id::ModId;
use crate::scopes::Scopes;
use crate::shared::Shared;
use crate::status::ModStatus;

/// Reload whatever changed, or the modules that are named; with `--dry-run`, tell what would be done.
pub(super) fn reload(shared: &Shared, post: &Post, params: &[String]) -> Action {
    if let Some(refusal) = refusal(post, "reload") {
        return refusal;
    }
    let (options, names): (Vec<&String>, Vec<&String>) =
        params.iter().partition(|param| param.starts_with("--"));
    if let Some(unknown) = options.iter().find(|option| **option != "--dry-run") {
        return said(format!(
            "There is no option `{}`: there is `--dry-run`.",
            shown(unknown)
        ));
    }
    let mut ids = Vec::new();
    for name in names {
        match shared.board.status(name) {
            Some(status) => ids.push(status.id),
            None => return said(format!("There is no module `{}`.", shown(name))),
        }
    }
    let dry_run = !options.is_empty();
    let first = if dry_run {
        "Looking at command modules…"
    } else {
        "Reloading command modules…"
    };
    Action::Reload {
        request: ReloadRequest { ids, dry_run },
        first: CommandReply::text(first),
    }
}

/// Bind modules to this channel, or unbind them: those that are named, or all with `*`.
pub(super) fn bind(
    shared: &Shared,
    post: &Post,
    params: &[String],
    direction: Direction,
) -> Action {
    let (verb, done) = match direction {
        Direction::Bind => ("bind", "bound to"),
        Direction::Unbind => ("unbind", "unbound from"),
    };
    if let Some(refusal) = refusal(post, verb) {
        return refusal;
    }
    let Place::Channel(channel) = &post.place else {
        return said(format!("Modules are {done} channels: say this in one."));
    };
    if channel == Scopes::ANY {
        return said(format!(
            "`{channel}` stands for all channels, also as the name of this one: say this in another."
        ));
    }
    if params.is_empty() {
        return said(format!(
            "Which modules? Name them, or all with `*`: `@{verb} wiki`."
        ));
    }
    let mut ids: Vec<ModId> = Vec::new();
    let mut unknown = Vec::new();
    for name in params {
        if name == "*" {
            ids.extend(
                shared
                    .board
                    .statuses()
                    .into_iter()
                    .filter(has_words)
                    .map(|status| status.id),
            );
        } else if let Some(status) = shared.board.status(name) {
            ids.push(status.id);
        } else {
            unknown.push(format!("`{}`", shown(name)));
        }
    }
    ids.sort();
    ids.dedup();
    let mut lines = Vec::new();
    if !ids.is_empty() {
        let names: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
        lines.push(format!("{} {done} {channel}.", names.join(", ")));
    }
    let everywhere: Vec<String> = ids
        .iter()
        .filter(|id| direction == Direction::Unbind && is_bound_everywhere(shared, id))
        .map(|id| format!("`{id}`"))
        .collect();
    if !everywhere.is_empty() {
        lines.push(format!(
            "Bound to all channels, and so to this one still: {}. Unbind from `{}` first.",
            everywhere.join(", "),
            Scopes::ANY
        ));
    }
    if !unknown.is_empty() {
        lines.push(format!("There is no module {}.", unknown.join(", ")));
    }
    let then = CommandReply::text(lines.join("\n"));
    if ids.is_empty() {
        return Action::Reply(then);
    }
    let changes = ids.into_iter().map(|id| ScopeChange {
        id,
        scope: channel.clone(),
        direction,
    });
    Action::Change {
        changes: changes.collect(),
        then,
    }
}

fn is_bound_everywhere(shared: &Shared, id: &ModId) -> bool {
    let status = shared.board.status(id.as_str());
    status.is_some_and(|status| status.scopes.cover([]))
}

fn has_words(status: &ModStatus) -> bool {
    status
        .manifest
        .as_ref()
        .is_none_or(|manifest| !manifest.words.is_empty())
}

fn refusal(post: &Post, verb: &str) -> Option<Action> {
    match post.authority {
        Authority::Admin => None,
        Authority::User => Some(said(format!(
            "@{}, you do not have permission to {verb} modules.",
            post.username
        ))),
    }
}

fn said(text: String) -> Action {
    Action::Reply(CommandReply::text(text))
}

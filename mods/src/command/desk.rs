//! Takes a post to whoever answers the commands in it.

use super::call::{CommandCall, CommandFile, CommandReply};
use super::help::{help, map};
use super::operate::{bind, reload};
use super::parse::{Invocation, invocations};
use super::post::Post;
use super::scope_change::{Direction, ScopeChange};
use super::words::{OwnWord, is_same};
use crate::call::{CallFailure, CallFailureKind, call};
use crate::generation::Generation;
use crate::id::ModId;
use crate::shared::Shared;
use futures::future::join_all;
use hotbed_lease::Lease;
use std::sync::Arc;

/// What comes of a post.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CommandOutcome {
    /// What is to be done, in this order.
    pub actions: Vec<Action>,
    /// The mods that were asked and failed.
    pub failures: Vec<CallFailure>,
}

/// What is to be done for a command.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// This is the answer.
    Reply(CommandReply),
    /// The desired state is to be changed.
    Change {
        /// In these ways.
        changes: Vec<ScopeChange>,
        /// The answer, once that is done.
        then: CommandReply,
    },
    /// Modules are to be reloaded, and the [report](crate::Report) is the answer.
    Reload {
        /// Which, and whether in earnest.
        request: ReloadRequest,
        /// What is said at once.
        first: CommandReply,
    },
}

/// Which modules are to be reloaded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReloadRequest {
    /// These; or, if there are none, whatever changed.
    pub ids: Vec<ModId>,
    /// Whether it is only to be told what would be done.
    pub dry_run: bool,
}

impl CommandOutcome {
    /// All messages that are said at once, for callers that give one answer to one post.
    pub fn reply(&self) -> CommandReply {
        let mut reply = CommandReply::default();
        for action in &self.actions {
            let said = match action {
                Action::Reply(said) => said,
                Action::Change { then, .. } => then,
                Action::Reload { first, .. } => first,
            };
            reply.messages.extend(said.messages.iter().cloned());
        }
        reply
    }
}

/// Does the commands of a post. Those of one user are done a few at a time, in their order.
pub(crate) async fn run(shared: Arc<Shared>, post: Post) -> CommandOutcome {
    let is_word = |word: &str| {
        shared.words.meaning(word).is_some() || !bound(&shared, &post, word).is_empty()
    };
    let invocations = invocations(&post.text, is_word);
    let files: Arc<[CommandFile]> = post.files.clone().into();
    let done = invocations
        .iter()
        .map(|invocation| one(&shared, &post, &files, invocation));
    let mut outcome = CommandOutcome::default();
    for (action, failures) in join_all(done).await {
        outcome.actions.extend(action);
        outcome.failures.extend(failures);
    }
    outcome
}

async fn one(
    shared: &Shared,
    post: &Post,
    files: &Arc<[CommandFile]>,
    invocation: &Invocation,
) -> (Option<Action>, Vec<CallFailure>) {
    let Ok(_at_work) = shared.users.enter(&post.user_id).await else {
        let text = format!(
            "@{}, too many of your commands are under way: try `{}` again when they are done.",
            post.username, invocation.word
        );
        return (Some(Action::Reply(CommandReply::text(text))), Vec::new());
    };
    let params = &invocation.params;
    let action = match shared.words.meaning(&invocation.word) {
        Some(OwnWord::Reload) => reload(shared, post, params),
        Some(OwnWord::Help) => Action::Reply(help(shared, post, params)),
        Some(OwnWord::Map) => Action::Reply(map(shared)),
        Some(OwnWord::Bind) => bind(shared, post, params, Direction::Bind),
        Some(OwnWord::Unbind) => bind(shared, post, params, Direction::Unbind),
        None => return fan_out(shared, post, files, invocation).await,
    };
    (Some(action), Vec::new())
}

/// The mods in service that a word means in this place, in their order.
pub(super) fn bound(shared: &Shared, post: &Post, word: &str) -> Vec<Lease<Generation>> {
    let table = shared.table.now();
    let meant = table.pipeline().filter(|entry| {
        let mut words = entry.lease.manifest.words.iter();
        words.any(|own| is_same(own, word)) && entry.scopes.cover(post.place.channels())
    });
    meant.map(|entry| entry.lease.clone()).collect()
}

/// Asks all mods that a word means, all at once.
async fn fan_out(
    shared: &Shared,
    post: &Post,
    files: &Arc<[CommandFile]>,
    invocation: &Invocation,
) -> (Option<Action>, Vec<CallFailure>) {
    let command = Arc::new(CommandCall {
        command: invocation.word.clone(),
        channel: post.place.channel().to_owned(),
        username: post.username.clone(),
        params: invocation.params.clone(),
        files: Arc::clone(files),
    });
    let deadline = shared.settings.command_deadline;
    let asked = bound(shared, post, &invocation.word)
        .into_iter()
        .map(|lease| {
            let command = Arc::clone(&command);
            let work =
                |lease: Lease<Generation>| async move { lease.instance.command(&command).await };
            call(lease, deadline, work)
        });
    let mut reply = CommandReply::default();
    let mut failures = Vec::new();
    for answer in join_all(asked).await {
        match answer {
            Ok(Some(said)) => reply.messages.extend(said.messages),
            Ok(None) => {}
            Err(failure) => {
                let said =
                    CommandReply::text(format!("`{}` {}", failure.id, apology(failure.kind)));
                reply.messages.extend(said.messages);
                failures.push(failure);
            }
        }
    }
    let action = (!reply.messages.is_empty()).then_some(Action::Reply(reply));
    (action, failures)
}

/// What strangers are told. What the mod said of it may hold what is not for them, and goes to the log.
fn apology(kind: CallFailureKind) -> &'static str {
    match kind {
        CallFailureKind::Error | CallFailureKind::Panic => {
            "could not do that: something went wrong in it."
        }
        CallFailureKind::Deadline => "did not answer in time.",
        CallFailureKind::Overloaded => "is too busy: try again later.",
        CallFailureKind::Stopped => "was stopped before it could answer: try again.",
    }
}

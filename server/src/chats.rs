//! The chat servers from which commands come.

use crate::authority::AdminToken;
use std::collections::BTreeSet;

/// Whom commands that come from a chat server are taken from.
///
/// A chat server shows a token of its own with each post; whoever has one is believed about who wrote it. Where there is
/// none, posts are taken from whoever may change mods.
#[derive(Debug, Clone, Default)]
pub struct Chats {
    /// The tokens of chat servers, such as Mattermost shows for each slash command and outgoing webhook.
    pub tokens: Vec<AdminToken>,
    /// The users, by id or name, who may bind and reload mods by commands. Names are compared without case.
    pub admins: BTreeSet<String>,
}

impl Chats {
    /// Whether a chat server shows a token that is known.
    pub(crate) fn knows(&self, shown: &str) -> bool {
        // Every token is looked at, whichever it is.
        self.tokens
            .iter()
            .fold(false, |known, token| token.is(shown) | known)
    }

    /// Whether a user may bind and reload.
    pub(crate) fn is_admin(&self, user_id: &str, username: &str) -> bool {
        self.admins.iter().any(|admin| {
            admin == user_id || (!username.is_empty() && admin.eq_ignore_ascii_case(username))
        })
    }
}

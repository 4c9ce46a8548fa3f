//! What Mattermost posts for a slash command and for an outgoing webhook, and what it wants to hear.
//!
//! Both come as forms: <https://developers.mattermost.com/integrate/slash-commands/custom/> and
//! <https://developers.mattermost.com/integrate/webhooks/outgoing/>.

use super::{NOBODY, authority};
use crate::body::Form;
use crate::fault::{Fault, Kind};
use crate::state::Node;
use axum::Json;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use hotbed_mods::{Authority, CommandReply, Place, Post};
use serde_json::json;

/// Mattermost's own names of conversations that are no channels.
const DIRECT: [&str; 2] = ["directmessage", "privategroup"];

pub(super) async fn answer(
    node: &Node,
    headers: &HeaderMap,
    form: &Form,
) -> Result<Response, Fault> {
    let chats = &node.state.chats;
    let (user_id, username) = (form.get("user_id"), form.get("user_name"));
    let username = username.unwrap_or(NOBODY);
    let user_id = user_id.unwrap_or(username);
    let authority = if chats.tokens.is_empty() {
        authority(node, headers)
    } else if form.get("token").is_some_and(|shown| chats.knows(shown)) {
        if chats.is_admin(user_id, username) {
            Authority::Admin
        } else {
            Authority::User
        }
    } else {
        return Err(Fault::new(
            Kind::Unauthorized,
            "the token of the form is none that this server knows: add it to the resource chats.default of its \
             environment",
        ));
    };
    let text = text(form)?;
    let post = Post {
        text: text.clone(),
        place: place(form),
        user_id: user_id.to_owned(),
        username: username.to_owned(),
        authority,
        files: Vec::new(),
    };
    let reply = node.state.mods.command(post).await;
    let is_slash = form.get("command").is_some();
    if reply.messages.is_empty() && !is_slash {
        // To a post that is no command nobody answers.
        return Ok(Json(json!({})).into_response());
    }
    let told = if reply.messages.is_empty() {
        format!(
            "There is no command `{}` here.",
            text.chars().take(64).collect::<String>()
        )
    } else {
        spelled(reply)
    };
    Ok(Json(
        json!({"response_type": if is_slash { "in_channel" } else { "comment" }, "text": told}),
    )
    .into_response())
}

/// What was written. Of a slash command the word is what mods are known by: `/wiki list` is `@wiki list`, and so is
/// `/hotbed @wiki list`, whatever the slash command is called.
fn text(form: &Form) -> Result<String, Fault> {
    let text = form.get("text").unwrap_or_default();
    let Some(command) = form.get("command") else {
        return match form.get("trigger_word") {
            _ if !text.is_empty() => Ok(text.to_owned()),
            Some(word) => Ok(word.to_owned()),
            None => Err(Fault::new(
                Kind::Invalid,
                "the form has neither `text` nor `command`",
            )),
        };
    };
    if text.starts_with(['@', '!']) {
        return Ok(text.to_owned());
    }
    let word = command.trim_start_matches('/');
    Ok(format!("@{word} {text}").trim_end().to_owned())
}

fn place(form: &Form) -> Place {
    match form.get("channel_name") {
        Some(channel) if !DIRECT.contains(&channel) => Place::Channel(channel.to_owned()),
        // Which channels a user is a member of, a form does not say.
        _ => Place::Direct {
            member_of: Vec::new(),
        },
    }
}

/// All messages as one. Files cannot be sent in such an answer, so they are named.
fn spelled(reply: CommandReply) -> String {
    let messages = reply.messages.into_iter().map(|message| {
        let mut text = message.text;
        for upload in message.uploads {
            let named = format!(
                "`{}` ({} bytes) cannot be sent here",
                upload.filename,
                upload.bytes.len()
            );
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&named);
        }
        text
    });
    messages.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(form: &str) -> Option<String> {
        text(&Form::parse(form.as_bytes()).unwrap()).ok()
    }

    #[test]
    fn a_slash_command_is_the_word_of_a_mod_or_what_is_said_behind_it() {
        for (form, expected) in [
            ("command=%2Fwiki&text=list", "@wiki list"),
            ("command=%2Fwiki&text=", "@wiki"),
            ("command=%2Fhotbed&text=%40wiki+list", "@wiki list"),
            ("command=%2Fhotbed&text=%21reload", "!reload"),
            ("text=%40wiki+list&trigger_word=%40wiki", "@wiki list"),
            ("trigger_word=%40map", "@map"),
        ] {
            assert_eq!(said(form).as_deref(), Some(expected), "{form}");
        }
        assert_eq!(said("token=x"), None);
    }

    #[test]
    fn what_mattermost_calls_conversations_is_no_channel() {
        let place = |form: &str| place(&Form::parse(form.as_bytes()).unwrap());
        let direct = Place::Direct {
            member_of: Vec::new(),
        };
        assert_eq!(place("channel_name=ops"), Place::Channel("ops".into()));
        assert_eq!(place("channel_name=directmessage"), direct);
        assert_eq!(place(""), direct);
    }
}

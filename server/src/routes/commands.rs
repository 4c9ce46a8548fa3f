//! Commands: words that people type, and that mods answer.

mod bindings;
mod mattermost;

pub(super) use bindings::{__path_bind, __path_import, __path_unbind};
pub(super) use bindings::{bind, import, unbind};

use super::problems::{Any, WithAuthority, WithBody};
use crate::body::{Read, is_form, read_form, read_json};
use crate::fault::{Fault, Kind};
use crate::params::Params;
use crate::state::Node;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hotbed_api as api;
use hotbed_mods::{Authority, CommandFile, CommandReply, Place, Post};
use std::sync::Arc;

/// Who somebody is that does not say who.
const NOBODY: &str = "somebody";

/// Give commands
///
/// What mods answer to the commands in a text, and what `@help`, `@map`, `@bind`, `@unbind` and `@reload` do: each line
/// that begins with such a word is a command. Answers when all of them are done; nothing in it is a command: no
/// messages. Also takes what Mattermost posts for a slash command and for an outgoing webhook, as a form, and answers it in
/// Mattermost's way. Binding and reloading is for admins: whoever shows the admin token, or, where a chat server's
/// token is known, the users that are named as admins.
#[utoipa::path(
    post,
    path = "",
    operation_id = "run_commands",
    tag = "commands",
    request_body(content(
        (api::CommandRequest = "application/json"),
        (std::collections::HashMap<String, String> = "application/x-www-form-urlencoded"),
    )),
    responses(
        (status = 200, description = "What is answered.", body = api::CommandReply),
        WithAuthority,
        Any,
        WithBody,
    ),
)]
pub(crate) async fn run(
    State(node): State<Arc<Node>>,
    uri: Uri,
    request: Request,
) -> Result<Response, Fault> {
    Params::read(&uri, &[])?;
    let limits = node.limits();
    if is_form(request.headers()) {
        let Read {
            headers,
            body: form,
            share: _share,
        } = read_form(request, &limits, &node.bodies).await?;
        return mattermost::answer(&node, &headers, &form).await;
    }
    let Read {
        headers,
        body: asked,
        share: _share,
    } = read_json(
        request,
        &limits,
        &node.bodies,
        |asked: api::CommandRequest| post(asked),
    )
    .await?;
    let asked = Post {
        authority: authority(&node, &headers),
        ..asked
    };
    let reply = node.state.mods.command(asked).await;
    Ok(Json(spelled(reply)).into_response())
}

/// List commands
///
/// The words that mods answer to on this node, and where each may be used.
#[utoipa::path(
    get,
    path = "",
    operation_id = "list_commands",
    tag = "commands",
    responses((status = 200, description = "The commands.", body = api::CommandList), Any),
)]
pub(crate) async fn list(
    State(node): State<Arc<Node>>,
    uri: Uri,
) -> Result<Json<api::CommandList>, Fault> {
    Params::read(&uri, &[])?;
    let mut items = Vec::new();
    for status in node.state.mods.host().statuses() {
        let (Some(_), Some(manifest)) = (status.generation, &status.manifest) else {
            continue;
        };
        let usage = manifest.help.usage.as_ref();
        let usage = usage.map(|it| format!("{} {}", it.arguments, it.description));
        items.extend(manifest.words.iter().map(|word| api::CommandWord {
            word: word.clone(),
            of: status.id.to_string(),
            scopes: status.scopes.iter().map(str::to_owned).collect(),
            usage: usage.clone().map(|it| it.trim().to_owned()),
        }));
    }
    items.sort_by(|a, b| (&a.word, &a.of).cmp(&(&b.word, &b.of)));
    Ok(Json(api::CommandList { items }))
}

/// What somebody may do who shows this, and is no user of a chat server.
fn authority(node: &Node, headers: &HeaderMap) -> Authority {
    if node.state.authority.has(headers) {
        Authority::Admin
    } else {
        Authority::User
    }
}

fn post(asked: api::CommandRequest) -> Result<Post, Fault> {
    let api::CommandRequest {
        text,
        command,
        params,
        channel,
        member_of,
        username,
        user_id,
        files,
    } = asked;
    let text = match (text, command) {
        (Some(text), None) if params.is_empty() => text,
        (None, Some(command)) => line(&command, &params),
        _ => {
            return Err(Fault::new(
                Kind::Invalid,
                "say what is to be done by `text`, or by `command` and `params`",
            ));
        }
    };
    let username = username.unwrap_or_else(|| NOBODY.to_owned());
    let place = match channel.filter(|channel| !channel.is_empty()) {
        Some(channel) => Place::Channel(channel),
        None => Place::Direct { member_of },
    };
    let files = files.into_iter().map(|file| {
        let bytes = STANDARD.decode(&file.bytes).map_err(|error| {
            let name: String = file.filename.chars().take(64).collect();
            let detail = format!("files: the bytes of {name:?} are not Base64: {error}");
            Fault::new(Kind::Invalid, detail)
        })?;
        Ok(CommandFile {
            name: file.filename,
            bytes,
        })
    });
    Ok(Post {
        text,
        place,
        user_id: user_id.unwrap_or_else(|| username.clone()),
        username,
        // Until it is known who sent it.
        authority: Authority::User,
        files: files.collect::<Result<_, Fault>>()?,
    })
}

/// One command in one line, whatever is in its words.
fn line(command: &str, params: &[String]) -> String {
    let words = std::iter::once(command).chain(params.iter().map(String::as_str));
    let words: Vec<&str> = words.flat_map(str::split_whitespace).collect();
    words.join(" ")
}

/// What mods answer, as it is written.
pub(super) fn spelled(reply: CommandReply) -> api::CommandReply {
    let messages = reply.messages.into_iter();
    api::CommandReply {
        messages: messages
            .map(|message| api::CommandMessage {
                text: message.text,
                uploads: message
                    .uploads
                    .into_iter()
                    .map(|upload| api::CommandFile {
                        filename: upload.filename,
                        bytes: STANDARD.encode(upload.bytes),
                    })
                    .collect(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Meant to catch: files that are dropped, or sent as they are.
    #[test]
    fn files_of_an_answer_are_sent_in_base64() {
        let mut reply = CommandReply::text("here");
        reply.messages[0].uploads.push(hotbed_mods::Upload {
            filename: "a.md".to_owned(),
            bytes: b"ab".to_vec(),
        });
        let told = serde_json::to_value(spelled(reply)).unwrap();
        let upload = serde_json::json!({"filename": "a.md", "bytes": "YWI="});
        let expected = serde_json::json!([{"text": "here", "uploads": [upload]}]);
        assert_eq!(told["messages"], expected);
    }

    /// Meant to catch: words that are joined as they are.
    #[test]
    fn a_parameter_begins_no_command_of_its_own() {
        let params = ["a\n@reload".to_owned(), " b ".to_owned()];
        assert_eq!(line("@wiki", &params), "@wiki a @reload b");
    }
}

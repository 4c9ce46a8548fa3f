use super::said::{Command, Said, Wish};
use super::told;
use crate::routes::commands::spelled;
use crate::state::Node;
use hotbed_agents::wire::PollRequest;
use hotbed_mods::{Authority, Place, Post};
use serde::Serialize;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

#[derive(Serialize)]
struct CommandAnswer {
    success: bool,
    #[serde(flatten)]
    reply: hotbed_api::CommandReply,
}

/// Does what an agent wants, and says what became of it.
pub(super) async fn work(node: &Node, who: &PollRequest, is_admin: bool, text: &str) -> Message {
    let said = Said::read(text, &who.secret);
    let id = said.request_id.as_ref();
    match said.wish {
        Err(why) => told::error(id, &why),
        Ok(Wish::SendEvent(event)) => {
            told::response(id, &node.state.agents.send_event(*event).await)
        }
        Ok(Wish::Command(command)) => match post(node, who, is_admin, command) {
            Ok(post) => {
                let reply = spelled(node.state.mods.command(post).await);
                let success = true;
                told::response(id, &CommandAnswer { success, reply })
            }
            Err(why) => told::error(id, &why),
        },
        Ok(Wish::Ping) => told::response(id, &json!({"success": true, "message": "pong"})),
        Ok(Wish::Register(_) | Wish::Resume(_)) => {
            let why = "this connection has its agent: open another one";
            told::error(id, why)
        }
    }
}

/// The post that a command is in. What the agent may do is what it may do now.
fn post(node: &Node, who: &PollRequest, is_admin: bool, command: Command) -> Result<Post, String> {
    let standing = node.state.agents.standing(&who.agent_id, &who.secret);
    let standing = standing.map_err(|error| error.to_string())?;
    let may_all = is_admin || standing.has_authority;
    let name = who.agent_id.strip_prefix("agent:").unwrap_or(&who.agent_id);
    Ok(Post {
        text: command.text,
        place: match command.channel.filter(|channel| !channel.is_empty()) {
            Some(channel) => Place::Channel(channel),
            None => Place::Direct {
                member_of: Vec::new(),
            },
        },
        user_id: format!("agent:{name}"),
        username: name.to_owned(),
        authority: if may_all {
            Authority::Admin
        } else {
            Authority::User
        },
        files: Vec::new(),
    })
}

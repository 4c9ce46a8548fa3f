use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something that somebody wrote, in which there may be commands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"command": "@wiki", "params": ["list"], "channel": "town-square", "username": "ada"}))]
pub struct CommandRequest {
    /// The whole text: lines with commands and what follows them. Or `command` and `params`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// One command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The words behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<String>,
    /// The channel in which it was written; none for a conversation that is no channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The channels that the user is a member of, where it was written in none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub member_of: Vec<String>,
    /// What the user is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// By what commands of one user are counted; `username` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// What is attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<CommandFile>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandFile {
    /// Its name.
    pub filename: String,
    /// Its content, in Base64.
    pub bytes: String,
}

/// What is answered to a post.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"messages": [{"text": "There are no pages."}]}))]
pub struct CommandReply {
    /// The messages, in the order of the commands. None if there was no command.
    pub messages: Vec<CommandMessage>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandMessage {
    /// What it says; Markdown.
    pub text: String,
    /// What is attached to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uploads: Vec<CommandFile>,
}

/// A word of a mod, and where it may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandWord {
    /// The word.
    pub word: String,
    /// The mod that answers to it.
    #[serde(rename = "mod")]
    pub of: String,
    /// The channels in which it may be used, or `any`.
    pub scopes: Vec<String>,
    /// What follows it, and what it does.
    pub usage: Option<String>,
}

/// The commands of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandList {
    /// Each, in the order of the words.
    pub items: Vec<CommandWord>,
}

/// What was taken over of the bindings of a MatterBot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BindmapImport {
    /// The mods whose channels are now those of the bindings.
    pub bound: Vec<String>,
    /// The modules that no mod is registered for.
    pub unknown: Vec<String>,
    /// What could not be read.
    pub problems: Vec<String>,
}

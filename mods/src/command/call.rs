use std::sync::Arc;

/// One command for a mod: its word, where and by whom it was given, and what came with it. In the order in which
/// MatterBot's modules take them.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandCall {
    /// The word, in lower case.
    pub command: String,
    /// The channel; empty in a conversation of two.
    pub channel: String,
    /// The user.
    pub username: String,
    /// The words behind it.
    pub params: Vec<String>,
    /// What was attached.
    pub files: Arc<[CommandFile]>,
}

/// A file that came with a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandFile {
    /// Its name.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// What a mod answers to a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommandReply {
    /// The messages, in order.
    pub messages: Vec<CommandMessage>,
}

/// One message of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommandMessage {
    /// What it says; Markdown.
    pub text: String,
    /// What is attached to it.
    pub uploads: Vec<Upload>,
}

/// A file that is attached to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its name.
    pub filename: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl CommandReply {
    /// A reply of one message.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        let uploads = Vec::new();
        Self {
            messages: vec![CommandMessage { text, uploads }],
        }
    }
}

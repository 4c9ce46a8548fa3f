use super::call::CommandFile;

/// What somebody wrote, in which there may be commands.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// The text.
    pub text: String,
    /// Where it was written.
    pub place: Place,
    /// Who wrote it; by this their commands are counted.
    pub user_id: String,
    /// What they are called.
    pub username: String,
    /// What they may do.
    pub authority: Authority,
    /// What is attached.
    pub files: Vec<CommandFile>,
}

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a channel of this name.
    Channel(String),
    /// In a conversation that is no channel. What may be used in one of the user's channels may be used here.
    Direct {
        /// The channels that the user is a member of.
        member_of: Vec<String>,
    },
}

/// What a user may do. Whoever hands a post in has made sure of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// Use commands.
    User,
    /// And bind and reload modules.
    Admin,
}

impl Place {
    /// The channel; empty if it is none.
    pub fn channel(&self) -> &str {
        match self {
            Self::Channel(name) => name,
            Self::Direct { .. } => "",
        }
    }

    /// The channels of which one must be in the scopes of a mod.
    pub(crate) fn channels(&self) -> impl Iterator<Item = &str> {
        let channels = match self {
            Self::Channel(name) => std::slice::from_ref(name),
            Self::Direct { member_of } => member_of,
        };
        channels.iter().map(String::as_str)
    }
}

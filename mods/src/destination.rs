use std::fmt;
use std::sync::Arc;

/// Who an event is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Destination {
    /// Whoever answers it: the system first, then the mods in their order.
    System,
    /// One mod and no other, by its id or its path.
    Mod(Arc<str>),
    /// One agent.
    Agent(Arc<str>),
    /// All agents but the sender.
    Broadcast,
    /// Who is in a channel, but the sender.
    Channel(Arc<str>),
    /// Who is in a group, but the sender.
    Group(Arc<str>),
}

impl Destination {
    /// Reads a destination as agents write it. What names no kind is an agent.
    pub fn parse(text: &str) -> Self {
        match text.split_once(':') {
            Some(("mod", name)) => Self::Mod(name.into()),
            Some(("channel", name)) => Self::Channel(name.into()),
            Some(("group", name)) => Self::Group(name.into()),
            Some(("agent", "broadcast")) => Self::Broadcast,
            Some(("agent", name)) => Self::Agent(name.into()),
            Some(("system", _)) => Self::System,
            _ => match text {
                "" | "system" | "mod" => Self::System,
                "broadcast" | "all" => Self::Broadcast,
                agent => Self::Agent(agent.into()),
            },
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system:system"),
            Self::Mod(name) => write!(f, "mod:{name}"),
            Self::Agent(name) => write!(f, "agent:{name}"),
            Self::Broadcast => f.write_str("agent:broadcast"),
            Self::Channel(name) => write!(f, "channel:{name}"),
            Self::Group(name) => write!(f, "group:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_destination_is_read_and_written_in_one_way() {
        for (text, written) in [
            ("", "system:system"),
            ("system", "system:system"),
            ("mod", "system:system"),
            ("system:system", "system:system"),
            (
                "mod:openagents.mods.core.wiki",
                "mod:openagents.mods.core.wiki",
            ),
            ("alice", "agent:alice"),
            ("agent:alice", "agent:alice"),
            ("all", "agent:broadcast"),
            ("broadcast", "agent:broadcast"),
            ("agent:broadcast", "agent:broadcast"),
            ("channel:ops", "channel:ops"),
            ("group:admin", "group:admin"),
            ("odd:name", "agent:odd:name"),
        ] {
            let destination = Destination::parse(text);
            assert_eq!(destination.to_string(), written, "{text:?}");
            assert_eq!(Destination::parse(written), destination, "{text:?}");
        }
    }
}

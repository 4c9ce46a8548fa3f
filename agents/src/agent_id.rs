use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The longest id in bytes.
const MAX_BYTES: usize = 128;
/// What destinations and sources mean something else by.
const RESERVED: [&str; 7] = [
    "agent",
    "all",
    "broadcast",
    "channel",
    "group",
    "mod",
    "system",
];

/// Names an agent within a network. Parsed once, so whoever holds one need not check it again.
///
/// 1 to 128 bytes of text without spaces, control characters and colons, and none of the words that destinations are made
/// of: an id must not be taken for a channel, for a mod or for the system.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentId(Arc<str>);

/// Why a text is not an [`AgentId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{shown:?} is not the id of an agent: {reason}")]
pub struct InvalidAgentId {
    shown: String,
    reason: &'static str,
}

impl AgentId {
    /// Parses an id.
    pub fn new(text: &str) -> Result<Self, InvalidAgentId> {
        match fault(text) {
            None => Ok(Self(text.into())),
            Some(reason) => Err(InvalidAgentId {
                shown: text.chars().take(64).collect(),
                reason,
            }),
        }
    }

    /// Parses an id as the source of an event may write it: `alice` or `agent:alice`.
    pub fn of_source(text: &str) -> Result<Self, InvalidAgentId> {
        Self::new(text.strip_prefix("agent:").unwrap_or(text))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as shared text.
    pub fn to_shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

fn fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("it is empty; give it a name")
    } else if text.len() > MAX_BYTES {
        Some("it is longer than 128 bytes; choose a shorter one")
    } else if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        Some("use text without spaces and control characters")
    } else if text.contains(':') {
        Some("it must not contain a colon")
    } else if RESERVED.contains(&text) {
        Some("the word means something else; choose another one")
    } else {
        None
    }
}

impl Borrow<str> for AgentId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgentId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_no_spaces_and_is_never_taken_for_something_else() {
        for good in ["alice", "agent_1", "a.b-c@d", "älter", &"x".repeat(128)] {
            assert_eq!(AgentId::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "a b",
            "a\n",
            "mod:wiki",
            "system",
            "broadcast",
            "all",
            &"x".repeat(129),
        ] {
            let error = AgentId::new(bad).unwrap_err().to_string();
            assert!(error.contains("is not the id of an agent: "), "{error}");
        }
        assert_eq!(AgentId::of_source("agent:alice").unwrap().as_str(), "alice");
        for bad in ["agent:", "agent:all", "mod:wiki", "system:system"] {
            assert!(AgentId::of_source(bad).is_err(), "{bad}");
        }
    }
}

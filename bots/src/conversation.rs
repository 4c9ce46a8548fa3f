use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

/// The longest id of a conversation, in characters.
const MAX_CHARS: usize = 128;

/// Names one conversation with one bot: 1 to 128 visible ASCII characters. Parsed once.
///
/// Two bots may use the same id; their conversations have nothing in common.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ConversationId(Arc<str>);

/// Why a text is not a [`ConversationId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a conversation's id is 1 to 128 visible ASCII characters without spaces")]
pub struct InvalidConversationId;

impl ConversationId {
    /// Parses the id that a client sent.
    pub fn new(text: &str) -> Result<Self, InvalidConversationId> {
        let visible = text.bytes().all(|b| b.is_ascii_graphic());
        if visible && (1..=MAX_CHARS).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidConversationId)
        }
    }

    /// Makes an id that nobody can guess, for a conversation that begins.
    pub fn generate() -> Self {
        Self(Uuid::new_v4().to_string().into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The person.
    User,
    /// The bot.
    Assistant,
}

/// Something that was said. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub text: Arc<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_visible_ascii_are_accepted() {
        for good in ["a", "user:42/thread#7", &"x".repeat(128)] {
            assert_eq!(ConversationId::new(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn empty_long_blank_and_foreign_ids_are_refused() {
        for bad in ["", "a b", "a\0b", "a\n", "größe", &"x".repeat(129)] {
            assert_eq!(
                ConversationId::new(bad),
                Err(InvalidConversationId),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn generated_ids_are_valid_and_differ() {
        let one = ConversationId::generate();
        assert_eq!(ConversationId::new(one.as_str()), Ok(one.clone()));
        assert_ne!(one, ConversationId::generate());
    }
}

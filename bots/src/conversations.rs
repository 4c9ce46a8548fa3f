mod shelf;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hotbed_cache::Id;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use self::shelf::{Gate, Place, Shelf};
use crate::conversation::{ConversationId, Message};

/// How much [`Conversations`] may hold. Past a limit the conversation that was used longest ago is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversationLimits {
    /// How many conversations there may be, of all bots together. 0 is taken as 1.
    pub conversations: usize,
    /// How many bytes of text they may hold together.
    pub total_bytes: usize,
    /// How long a conversation is kept after its last turn.
    pub idle: Duration,
}

impl Default for ConversationLimits {
    /// 10,000 conversations, 256 MiB, one hour.
    fn default() -> Self {
        Self {
            conversations: 10_000,
            total_bytes: 256 << 20,
            idle: Duration::from_hours(1),
        }
    }
}

/// Remembers what was said, outside of any bot instance, so that it outlives a reload of its bot.
///
/// A handle: clones share the conversations. Kept in memory, within [`ConversationLimits`].
///
/// Guarantees: turns of one conversation happen one after the other, in the order they came; a turn is kept whole or
/// not at all; a conversation that was forgotten begins anew; conversations of different bots never meet.
#[derive(Clone)]
pub struct Conversations(Arc<Store>);

struct Store {
    limits: ConversationLimits,
    shelf: Mutex<Shelf>,
}

impl Conversations {
    /// Makes a store that remembers nothing yet.
    pub fn new(limits: ConversationLimits) -> Self {
        Self(Arc::new(Store {
            limits,
            shelf: Mutex::default(),
        }))
    }

    /// How many conversations are kept now, of all bots together. Those that have been idle too long do not count.
    pub fn len(&self) -> usize {
        let mut kept = self.0.shelf();
        kept.expire(Instant::now(), &self.0.limits);
        kept.len()
    }

    /// Whether no conversation is kept now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all conversations of a bot that was deleted. Costs no more than their number.
    ///
    /// A turn under way is answered, and not kept.
    pub fn forget_bot(&self, bot: &Id) {
        self.0.shelf().forget_bot(bot);
    }

    /// Begins a turn: waits until the turns of this conversation that came earlier have ended. A conversation that is
    /// not known is begun.
    ///
    /// Cancel-safe: a caller that gives up waiting leaves no trace.
    pub(crate) async fn begin(&self, bot: &Id, conversation: &ConversationId) -> OpenTurn {
        loop {
            let visit = Visit::enter(
                &self.0,
                Place {
                    bot: bot.clone(),
                    conversation: conversation.clone(),
                },
            );
            let turn = Arc::clone(&visit.gate).lock_owned().await;
            // Forgotten while we waited: what stands at the place now is another conversation.
            if self.0.shelf().is_at(&visit.place, &visit.gate) {
                return OpenTurn { _turn: turn, visit };
            }
        }
    }
}

impl fmt::Debug for Conversations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversations")
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}

impl Store {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // No code that runs under this lock calls out, so what a panic could leave behind is consistent.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one turn of a conversation that is under way. Dropped without [`OpenTurn::keep`], it never was.
pub(crate) struct OpenTurn {
    _turn: OwnedMutexGuard<()>,
    visit: Visit,
}

impl OpenTurn {
    /// What was said in the last turns, at most `max_messages`, oldest first.
    pub(crate) fn history(&self, max_messages: usize) -> Vec<Message> {
        self.visit
            .store
            .shelf()
            .history(&self.visit.place, &self.visit.gate, max_messages)
    }

    /// Adds the turn to the conversation, of which the last `max_messages` are kept: all of the turn or nothing.
    pub(crate) fn keep(self, message: Arc<str>, reply: &str, max_messages: usize) {
        let Visit { store, place, gate } = &self.visit;
        let now = Instant::now();
        store.shelf().keep(
            place,
            gate,
            [message, reply.into()],
            max_messages,
            now,
            &store.limits,
        );
    }
}

/// Holds a place at a conversation, for a turn that waits or is under way.
struct Visit {
    store: Arc<Store>,
    place: Place,
    gate: Gate,
}

impl Visit {
    fn enter(store: &Arc<Store>, place: Place) -> Self {
        let gate = store.shelf().enter(&place, Instant::now(), &store.limits);
        Self {
            store: Arc::clone(store),
            place,
            gate,
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.store.shelf().leave(&self.place, &self.gate);
    }
}

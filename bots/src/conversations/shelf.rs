use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use hotbed_cache::Id;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::ConversationLimits;
use crate::conversation::{ConversationId, Message, Role};

/// Lets the turns of one conversation through one at a time. Also its identity: a conversation that was forgotten
/// and begun anew has another gate.
pub(super) type Gate = Arc<Mutex<()>>;

/// Where a conversation stands.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) bot: Id,
    pub(super) conversation: ConversationId,
}

/// The conversations of all bots, in the order of their last use. Pure: the clock is an argument.
///
/// Invariants: `by_use` holds each conversation once, under its `used`; no bot is without conversations; a
/// conversation without messages has a visit.
#[derive(Default)]
pub(super) struct Shelf {
    bots: HashMap<Id, HashMap<ConversationId, Kept>>,
    by_use: BTreeMap<u64, Place>,
    uses: u64,
    bytes: usize,
}

struct Kept {
    gate: Gate,
    /// Turns that wait or are under way.
    visits: usize,
    messages: VecDeque<Message>,
    bytes: usize,
    used: u64,
    used_at: Instant,
}

impl Shelf {
    pub(super) fn len(&self) -> usize {
        self.by_use.len()
    }

    #[cfg(test)]
    pub(super) fn is_bare(&self) -> bool {
        self.bots.is_empty() && self.by_use.is_empty() && self.bytes == 0
    }

    /// Finds or begins a conversation for a turn. Every `enter` is answered by one `leave`.
    pub(super) fn enter(
        &mut self,
        place: &Place,
        now: Instant,
        limits: &ConversationLimits,
    ) -> Gate {
        self.expire(now, limits);
        let of_bot = self.bots.entry(place.bot.clone()).or_default();
        let kept = of_bot
            .entry(place.conversation.clone())
            .or_insert_with(|| Kept {
                gate: Gate::default(),
                visits: 0,
                messages: VecDeque::new(),
                bytes: 0,
                used: 0,
                used_at: now,
            });
        kept.visits += 1;
        let gate = Arc::clone(&kept.gate);
        self.touch(place, now);
        self.evict(limits);
        gate
    }

    pub(super) fn leave(&mut self, place: &Place, gate: &Gate) {
        let Some(kept) = self.find(place, gate) else {
            return;
        };
        kept.visits -= 1;
        if kept.visits == 0 && kept.messages.is_empty() {
            self.remove(place);
        }
    }

    pub(super) fn is_at(&mut self, place: &Place, gate: &Gate) -> bool {
        self.find(place, gate).is_some()
    }

    pub(super) fn history(
        &mut self,
        place: &Place,
        gate: &Gate,
        max_messages: usize,
    ) -> Vec<Message> {
        let Some(kept) = self.find(place, gate) else {
            return Vec::new();
        };
        let skipped = kept
            .messages
            .len()
            .saturating_sub(whole_turns(max_messages));
        kept.messages.iter().skip(skipped).cloned().collect()
    }

    pub(super) fn keep(
        &mut self,
        place: &Place,
        gate: &Gate,
        [message, reply]: [Arc<str>; 2],
        max_messages: usize,
        now: Instant,
        limits: &ConversationLimits,
    ) {
        let Some(kept) = self.find(place, gate) else {
            return;
        };
        let before = kept.bytes;
        kept.bytes += message.len() + reply.len();
        kept.messages.push_back(Message {
            role: Role::User,
            text: message,
        });
        kept.messages.push_back(Message {
            role: Role::Assistant,
            text: reply,
        });
        let surplus = kept
            .messages
            .len()
            .saturating_sub(whole_turns(max_messages));
        for dropped in kept.messages.drain(..surplus) {
            kept.bytes -= dropped.text.len();
        }
        let after = kept.bytes;
        self.bytes = self.bytes - before + after;
        self.touch(place, now);
        self.expire(now, limits);
        self.evict(limits);
    }

    pub(super) fn forget_bot(&mut self, bot: &Id) {
        for kept in self
            .bots
            .remove(bot)
            .into_iter()
            .flat_map(HashMap::into_values)
        {
            self.by_use.remove(&kept.used);
            self.bytes -= kept.bytes;
        }
    }

    /// Forgets what has been idle too long. Looks at nothing but what it forgets.
    pub(super) fn expire(&mut self, now: Instant, limits: &ConversationLimits) {
        while let Some(place) = self.oldest()
            && let Some(kept) = self.at(&place)
            && now.duration_since(kept.used_at) >= limits.idle
        {
            self.remove(&place);
        }
    }

    fn evict(&mut self, limits: &ConversationLimits) {
        while self.len() > limits.conversations.max(1) || self.bytes > limits.total_bytes {
            let Some(place) = self.oldest() else { return };
            self.remove(&place);
        }
    }

    fn oldest(&self) -> Option<Place> {
        self.by_use
            .first_key_value()
            .map(|(_, place)| place.clone())
    }

    fn touch(&mut self, place: &Place, now: Instant) {
        self.uses += 1;
        let used = self.uses;
        let Some(kept) = self.at(place) else { return };
        let before = std::mem::replace(&mut kept.used, used);
        kept.used_at = now;
        self.by_use.remove(&before);
        self.by_use.insert(used, place.clone());
    }

    fn remove(&mut self, place: &Place) {
        let Some(of_bot) = self.bots.get_mut(&place.bot) else {
            return;
        };
        if let Some(kept) = of_bot.remove(&place.conversation) {
            self.by_use.remove(&kept.used);
            self.bytes -= kept.bytes;
        }
        if of_bot.is_empty() {
            self.bots.remove(&place.bot);
        }
    }

    fn at(&mut self, place: &Place) -> Option<&mut Kept> {
        self.bots.get_mut(&place.bot)?.get_mut(&place.conversation)
    }

    fn find(&mut self, place: &Place, gate: &Gate) -> Option<&mut Kept> {
        self.at(place).filter(|kept| Arc::ptr_eq(&kept.gate, gate))
    }
}

/// A turn is two messages, kept or dropped together: half of one would begin the history with the bot.
fn whole_turns(max_messages: usize) -> usize {
    max_messages - max_messages % 2
}

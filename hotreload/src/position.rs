use hotbed_registry::Revision;

/// Where a node stands in the log. Pure: it decides, others read and tell.
///
/// Events are for speed, the log is for truth. What events told moves `heard` alone; the log is read from `read` on, so
/// an event that should not have been believed, a stray of another registry for example, hides nothing for longer than
/// until the next read.
#[derive(Debug, Default)]
pub(crate) struct Position {
    /// The log was read up to here. `None` before the first time.
    read: Option<Revision>,
    /// Events told what is after it, without a gap, up to here.
    heard: Revision,
    /// What is built from the registry may be of this revision, wherever the log was read to: a list of heads is told
    /// page by page, and holds what is newer than the log was.
    held: Revision,
    /// The last read ended before `heard`.
    ahead: bool,
}

/// What an event asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It was known.
    OldNews,
    /// It is the next one: tell it, then [`advance`](Position::advance).
    Next,
    /// Something before it is missing: read the log.
    Gap,
}

/// What the end of a read says about what was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They agree.
    Sound,
    /// Events told more than the log has: it is a moment behind them, or it is another one. The next read tells.
    Doubtful,
    /// Events told more than the log has, twice in a row, or the registry did itself: it is another log than the one
    /// they told of, or they told of another.
    Contradicted,
}

impl Position {
    /// From where the log is to be read; `None` before the first time.
    pub(crate) fn read(&self) -> Option<Revision> {
        self.read
    }

    /// Up to where everything was told.
    pub(crate) fn reached(&self) -> Revision {
        self.read.unwrap_or_default().max(self.heard)
    }

    /// What to do about a change that an event tells of.
    pub(crate) fn step(&self, revision: Revision) -> Step {
        match self.read {
            Some(_) if revision <= self.reached() => Step::OldNews,
            Some(_) if revision == self.reached().next() => Step::Next,
            _ => Step::Gap,
        }
    }

    /// The next change was told.
    pub(crate) fn advance(&mut self) {
        self.heard = self.reached().next();
    }

    /// Everything that the log has up to here was told.
    pub(crate) fn read_to(&mut self, revision: Revision) {
        self.read = Some(revision);
    }

    /// Something is built of this revision, or told to be, and the registry itself said so.
    pub(crate) fn hold(&mut self, revision: Revision) {
        self.held = self.held.max(revision);
    }

    /// The log was read to its end. A log that is a moment behind its events, a replica's, is forgiven once.
    pub(crate) fn read_all(&mut self) -> Verdict {
        let read = self.read.unwrap_or_default();
        let verdict = if read < self.held || (read < self.heard && self.ahead) {
            Verdict::Contradicted
        } else if read < self.heard {
            Verdict::Doubtful
        } else {
            Verdict::Sound
        };
        self.ahead = verdict == Verdict::Doubtful;
        verdict
    }

    /// Revisions mean nothing any more: the registry is another one.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(read: u64) -> Position {
        let mut position = Position::default();
        position.read_to(Revision(read));
        assert_eq!(position.read_all(), Verdict::Sound);
        position
    }

    #[test]
    fn the_next_event_advances_and_any_other_is_old_or_a_gap() {
        let mut position = at(7);
        assert_eq!(position.step(Revision(7)), Step::OldNews);
        assert_eq!(position.step(Revision(9)), Step::Gap);
        assert_eq!(position.step(Revision(8)), Step::Next);
        position.advance();
        assert_eq!(position.reached(), Revision(8));
        assert_eq!(position.step(Revision(8)), Step::OldNews);
        assert_eq!(position.step(Revision(9)), Step::Next);
    }

    #[test]
    fn before_the_log_was_read_every_event_is_a_gap() {
        assert_eq!(Position::default().step(Revision(1)), Step::Gap);
    }

    /// Mutation it catches: advancing `read` with each event.
    #[test]
    fn what_was_heard_is_read_again() {
        let mut position = at(7);
        position.advance();
        assert_eq!(position.read(), Some(Revision(7)));
    }

    #[test]
    fn events_ahead_of_the_log_are_doubted_when_it_does_not_follow() {
        let mut position = at(7);
        position.advance();
        assert_eq!(position.read_all(), Verdict::Doubtful, "a replica may lag");
        assert_eq!(position.read_all(), Verdict::Contradicted);
        let mut position = at(7);
        position.advance();
        assert_eq!(position.read_all(), Verdict::Doubtful);
        position.read_to(Revision(8));
        assert_eq!(position.read_all(), Verdict::Sound, "it followed");
    }
}

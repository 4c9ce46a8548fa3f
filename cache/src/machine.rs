//! The state of one id as a pure machine: no lock, no task, no clock of its own. `Slot` puts it behind a lock and
//! does what it says; `tests` hold it against a naive model.

use crate::{CacheSettings, Failure, FailureKind, InstanceState};
use hotbed_registry::{Change, ChangeKind, Revision};
use std::sync::Arc;
use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// Everything that decides what a reader of an id gets.
///
/// Each observation and each invalidation begins a new *epoch*. A build that began in an epoch may answer those who
/// asked in it or before, never those who asked later: that is why no stale value is ever filled in.
#[derive(Debug)]
pub(crate) struct Machine {
    epoch: u64,
    /// The newest epoch whose readers can be answered.
    settled: u64,
    /// The epoch of the last demand to build even an unchanged revision anew.
    forced: u64,
    /// The epoch that the standing instance was created in.
    created: u64,
    /// Counts registries: revisions of different eras cannot be compared.
    era: u64,
    /// The newest revision told of, by an observation or by the registry itself.
    observed: Revision,
    /// The newest deletion or deactivation told of: nothing from before it may be installed.
    gone: Revision,
    /// How often the environment was replaced, as far as this machine knows.
    surroundings: u64,
    /// The same when the standing instance was last known to fit its environment.
    fits: u64,
    standing: Standing,
    trusted_until: Instant,
    trouble: Option<Trouble>,
    phase: Phase,
    /// Builds that ended, so that a waiter knows one that ended after it asked.
    ended: u64,
}

/// What is known of the registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Unknown,
    /// An instance of this revision is installed.
    Live(Revision),
    Inactive(Revision),
    Absent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Resting,
    Building,
    /// As `Building`, and the cache wants the room: leaves when the build ends.
    Leaving,
    /// Out of the cache for good; nobody may rely on it any more.
    Retired,
}

/// A failure and when to try again.
#[derive(Debug, Clone)]
struct Trouble {
    failure: Arc<Failure>,
    attempts: u32,
    retry_at: Instant,
}

/// What a reader is told.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Take the installed instance.
    Serve,
    Absent,
    Inactive(Revision),
    Failed(Arc<Failure>, Instant),
    /// This machine is out of service: look the id up again.
    Retired,
}

/// What a reader who asks for the first time must do.
#[derive(Debug)]
pub(crate) enum Ask {
    /// Take the answer; if `refresh`, have a build begun for those who come later.
    Answer { answer: Answer, refresh: bool },
    /// Wait for a build; if `start`, begin it.
    Wait { ticket: Ticket, start: bool },
}

/// When somebody asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    epoch: u64,
    ended: u64,
}

/// What was known when a build began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    epoch: u64,
    era: u64,
    observed: Revision,
    /// The environment, by the number of those before it.
    surroundings: u64,
    /// The revision of the installed instance that would do if it still stands.
    pub(crate) confirmable: Option<Revision>,
    /// Whether the installed instance was built in the environment as it is, or one that resolves to the same.
    pub(crate) fits: bool,
    /// Whether an instance, however old, is there to serve meanwhile.
    pub(crate) has_instance: bool,
    /// Whether nobody is served before this has ended.
    pub(crate) is_behind: bool,
}

/// How a build ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A new instance of this revision waits to be installed.
    Built(Revision),
    /// As `Built`, from the snapshot, because the registry could not be read.
    Salvaged(Revision, Failure),
    /// The installed instance is still of the registry's revision.
    Confirmed(Revision),
    Absent,
    Inactive(Revision),
    Failed(Failure),
}

/// What becomes of the instance, and what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settlement {
    pub(crate) instance: Fate,
    pub(crate) next: Next,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The installed one stays; a new one, if there is one, is of no use.
    Keep,
    /// The new one is installed.
    Install,
    /// The installed one leaves.
    Drop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Rest,
    /// Something newer was observed meanwhile.
    BuildAgain,
    /// The cache wanted the room.
    Leave,
}

/// What an observation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    OldNews,
    /// The next reader builds.
    Outdated,
    /// As `Outdated`, and worth a build before the next reader comes.
    Refresh,
    /// The installed instance leaves now.
    Drop,
}

impl Machine {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            epoch: 1,
            settled: 0,
            forced: 0,
            created: 0,
            era: 0,
            observed: Revision::ZERO,
            gone: Revision::ZERO,
            surroundings: 0,
            fits: 0,
            standing: Standing::Unknown,
            trusted_until: now,
            trouble: None,
            phase: Phase::Resting,
            ended: 0,
        }
    }

    /// A reader comes.
    pub(crate) fn ask(&mut self, now: Instant) -> Ask {
        if self.phase == Phase::Retired {
            return Ask::Answer {
                answer: Answer::Retired,
                refresh: false,
            };
        }
        let due = now
            >= self
                .trouble
                .as_ref()
                .map_or(self.trusted_until, |trouble| trouble.retry_at);
        if self.settled == self.epoch {
            if !due {
                return Ask::Answer {
                    answer: self.answer(),
                    refresh: false,
                };
            }
            // The last good one serves, and is not withheld for the time of an attempt.
            if self.trouble.is_some() && self.is_live() {
                return Ask::Answer {
                    answer: Answer::Serve,
                    refresh: self.phase == Phase::Resting,
                };
            }
        }
        let ticket = Ticket {
            epoch: self.epoch,
            ended: self.ended,
        };
        Ask::Wait {
            ticket,
            start: self.start(),
        }
    }

    /// A reader who waits looks again.
    pub(crate) fn check(&self, ticket: Ticket) -> Option<Answer> {
        if self.settled >= ticket.epoch && self.ended > ticket.ended {
            // Also of a retired machine: it knows nothing newer, but neither did the world when this reader asked.
            return Some(self.answer());
        }
        (self.phase == Phase::Retired).then_some(Answer::Retired)
    }

    /// The answer to those of the settled epoch.
    fn answer(&self) -> Answer {
        match (self.standing, &self.trouble) {
            (Standing::Live(_), _) => Answer::Serve,
            (_, Some(trouble)) => Answer::Failed(Arc::clone(&trouble.failure), trouble.retry_at),
            (Standing::Inactive(revision), None) => Answer::Inactive(revision),
            // Unknown cannot be settled without trouble; absent is the answer that harms nobody.
            (Standing::Absent | Standing::Unknown, None) => Answer::Absent,
        }
    }

    /// Begins a build unless one is under way.
    pub(crate) fn start(&mut self) -> bool {
        let begins = self.phase == Phase::Resting;
        if begins {
            self.phase = Phase::Building;
        }
        begins
    }

    /// Begins a build that no reader waits for, unless a reader had it done meanwhile: what cannot be built must not
    /// be tried again before its time. Trust that ends before `ahead` is worth a renewal.
    pub(crate) fn start_early(&mut self, now: Instant, ahead: Instant) -> bool {
        let owed = self.is_behind()
            || match &self.trouble {
                Some(trouble) => now >= trouble.retry_at,
                None => self.trusted_until < ahead || self.is_misfit(),
            };
        owed && self.start()
    }

    /// Whether it must be built before it answers again.
    pub(crate) fn is_behind(&self) -> bool {
        self.settled < self.epoch
    }

    /// Whether the registry could not be read when it was last tried.
    pub(crate) fn misses_registry(&self) -> bool {
        let trouble = self.trouble.as_ref();
        self.phase == Phase::Resting
            && trouble.is_some_and(|trouble| trouble.failure.kind == FailureKind::Registry)
    }

    /// The registry answers again: what failed while it did not may be tried again at once.
    pub(crate) fn forgive(&mut self, now: Instant) {
        if let Some(trouble) = &mut self.trouble
            && trouble.failure.kind == FailureKind::Registry
        {
            trouble.retry_at = trouble.retry_at.min(now);
        }
    }

    /// Trust is shorter from now on.
    pub(crate) fn trust_until(&mut self, latest: Instant) {
        self.trusted_until = self.trusted_until.min(latest);
    }

    pub(crate) fn knows(&self, surroundings: u64) -> bool {
        self.surroundings == surroundings
    }

    /// The environment was replaced so often: what is installed is to be checked against the new one, and what could not
    /// be built in the old one may be tried again at once.
    pub(crate) fn learn(&mut self, surroundings: u64, now: Instant) {
        self.surroundings = surroundings;
        if let Some(trouble) = &mut self.trouble
            && trouble.failure.kind != FailureKind::Registry
        {
            trouble.retry_at = trouble.retry_at.min(now);
        }
    }

    /// Whether the installed instance was built in an environment that is not the one of now, and not checked since.
    pub(crate) fn is_misfit(&self) -> bool {
        self.is_live() && self.fits < self.surroundings
    }

    /// A build (or its next round) reads what it may rely on.
    pub(crate) fn begin(&self) -> Attempt {
        let confirmable = match self.standing {
            Standing::Live(revision) if self.forced <= self.created => Some(revision),
            _ => None,
        };
        Attempt {
            epoch: self.epoch,
            era: self.era,
            observed: self.observed,
            surroundings: self.surroundings,
            confirmable,
            fits: !self.is_misfit(),
            has_instance: self.is_live(),
            is_behind: self.is_behind(),
        }
    }

    /// A build ended. `chance` in 0..1 spreads TTL and back-off.
    pub(crate) fn settle(
        &mut self,
        attempt: Attempt,
        outcome: Outcome,
        now: Instant,
        settings: &CacheSettings,
        chance: f64,
    ) -> Settlement {
        self.ended += 1;
        if self.phase == Phase::Retired {
            return Settlement {
                instance: Fate::Keep,
                next: Next::Leave,
            };
        }
        let instance = if attempt.era == self.era {
            self.judge(attempt, outcome, now, settings, chance)
        } else {
            Fate::Keep
        };
        let next = match self.phase {
            Phase::Leaving => Next::Leave,
            _ if self.is_behind() => Next::BuildAgain,
            _ => {
                self.phase = Phase::Resting;
                Next::Rest
            }
        };
        Settlement { instance, next }
    }

    fn judge(
        &mut self,
        attempt: Attempt,
        outcome: Outcome,
        now: Instant,
        settings: &CacheSettings,
        chance: f64,
    ) -> Fate {
        let read = match outcome {
            Outcome::Built(revision)
            | Outcome::Confirmed(revision)
            | Outcome::Inactive(revision) => Some(revision),
            Outcome::Salvaged(..) | Outcome::Absent | Outcome::Failed(_) => None,
        };
        let (outcome, read) = match read {
            // The registry had told us more before this read began: it answers from the past.
            Some(read) if read < attempt.observed => {
                let failure = Failure {
                    kind: FailureKind::Registry,
                    message: format!(
                        "the registry answered revision {read} although {} is known: it lags behind",
                        attempt.observed
                    ),
                    revision: Some(read),
                };
                (Outcome::Failed(failure), None)
            }
            read => (outcome, read),
        };
        if read.is_some_and(|read| read < self.gone) {
            // The next round reads what came of it, and those who wait are answered by that.
            return Fate::Keep;
        }
        let up_to_date =
            read.is_some_and(|read| read >= self.observed) && attempt.epoch >= self.forced;
        // It was deleted or deactivated since: what was read before that is of no use to anybody.
        if self.settled > attempt.epoch && !up_to_date {
            return Fate::Keep;
        }
        match outcome {
            Outcome::Failed(failure) => return self.fail(attempt, failure, now, settings, chance),
            Outcome::Salvaged(revision, failure) => {
                self.fail(attempt, failure, now, settings, chance);
                // What is installed is at least as new, and what is known to be gone stays gone.
                if self.standing != Standing::Unknown || revision < self.gone {
                    return Fate::Keep;
                }
                self.standing = Standing::Live(revision);
                self.created = attempt.epoch;
                self.fits = attempt.surroundings;
                return Fate::Install;
            }
            _ => {}
        }
        self.settled = self.settled.max(if up_to_date {
            self.epoch
        } else {
            attempt.epoch
        });
        self.observed = self.observed.max(read.unwrap_or_default());
        self.trouble = None;
        self.trusted_until = now + settings.jittered_ttl(chance);
        match outcome {
            Outcome::Built(revision) => {
                self.standing = Standing::Live(revision);
                self.created = attempt.epoch;
                self.fits = attempt.surroundings;
                Fate::Install
            }
            Outcome::Inactive(revision) => {
                self.standing = Standing::Inactive(revision);
                Fate::Drop
            }
            Outcome::Absent => {
                self.standing = Standing::Absent;
                self.trusted_until = now + settings.negative_ttl;
                Fate::Drop
            }
            Outcome::Confirmed(_) => {
                self.fits = self.fits.max(attempt.surroundings);
                Fate::Keep
            }
            Outcome::Salvaged(..) | Outcome::Failed(_) => Fate::Keep,
        }
    }

    fn fail(
        &mut self,
        attempt: Attempt,
        failure: Failure,
        now: Instant,
        settings: &CacheSettings,
        chance: f64,
    ) -> Fate {
        // A newer configuration deserves a fresh start; the same one does not.
        let before = if self.settled == attempt.epoch {
            self.trouble.as_ref().map_or(0, |t| t.attempts)
        } else {
            0
        };
        let attempts = before.saturating_add(1);
        let retry_at = now + settings.wait(attempts, chance);
        self.trouble = Some(Trouble {
            failure: Arc::new(failure),
            attempts,
            retry_at,
        });
        self.settled = attempt.epoch;
        Fate::Keep
    }

    /// A change is told.
    pub(crate) fn observe(
        &mut self,
        change: &Change,
        now: Instant,
        settings: &CacheSettings,
    ) -> Effect {
        if change.revision <= self.observed || self.phase == Phase::Retired {
            return Effect::OldNews;
        }
        self.observed = change.revision;
        let known = match self.standing {
            Standing::Live(revision) | Standing::Inactive(revision) => revision,
            Standing::Absent | Standing::Unknown => Revision::ZERO,
        };
        if known >= change.revision {
            return Effect::OldNews;
        }
        let gone = match change.kind {
            ChangeKind::Deleted => Some((Standing::Absent, settings.negative_ttl)),
            ChangeKind::Deactivated => Some((Standing::Inactive(change.revision), settings.ttl)),
            ChangeKind::Created | ChangeKind::Updated | ChangeKind::Activated => None,
        };
        if gone.is_some() {
            self.gone = change.revision;
        }
        self.epoch += 1;
        // Where nothing is held this may be old news, for what was known of the id may have left the cache since. So it
        // answers nobody: the build that is under way reads once more, or the next reader has it read.
        let held = matches!(self.standing, Standing::Live(_) | Standing::Inactive(_));
        if let Some((standing, trusted)) = gone.filter(|_| held) {
            self.standing = standing;
            self.trusted_until = now + trusted;
            self.settled = self.epoch;
            self.trouble = None;
            // Those who wait are answered by this.
            self.ended += 1;
            return Effect::Drop;
        }
        if self.is_live() || self.trouble.is_some() {
            Effect::Refresh
        } else {
            Effect::Outdated
        }
    }

    /// Whatever is installed must not be handed out again unless a new build fails.
    pub(crate) fn invalidate(&mut self) {
        self.epoch += 1;
        self.forced = self.epoch;
    }

    /// The registry was replaced by another: nothing known of the old one's revisions holds.
    pub(crate) fn begin_era(&mut self) {
        self.invalidate();
        self.era += 1;
        self.observed = Revision::ZERO;
        self.gone = Revision::ZERO;
        self.standing = match self.standing {
            Standing::Live(_) => Standing::Live(Revision::ZERO),
            Standing::Inactive(_) => Standing::Inactive(Revision::ZERO),
            gone @ (Standing::Absent | Standing::Unknown) => gone,
        };
    }

    /// The cache wants the room: true if it may have it now, false if a build must end first.
    pub(crate) fn retire(&mut self) -> bool {
        let leaves_now = matches!(self.phase, Phase::Resting | Phase::Retired);
        self.phase = if leaves_now {
            Phase::Retired
        } else {
            Phase::Leaving
        };
        leaves_now
    }

    /// Out of service at once, whatever is under way.
    pub(crate) fn leave(&mut self) {
        self.phase = Phase::Retired;
    }

    /// Until when the installed instance may be handed out without asking this machine.
    pub(crate) fn fresh_until(&self) -> Option<Instant> {
        let serves = self.is_live() && self.settled == self.epoch && self.phase != Phase::Retired;
        serves.then(|| {
            self.trouble
                .as_ref()
                .map_or(self.trusted_until, |trouble| trouble.retry_at)
        })
    }

    /// When the clock should have this id built without a reader: a retry of what still serves its last good.
    pub(crate) fn retry_due(&self, now: Instant) -> bool {
        self.phase == Phase::Resting
            && self.is_live()
            && self
                .trouble
                .as_ref()
                .is_some_and(|trouble| now >= trouble.retry_at)
    }

    /// Whether the trust in a live instance ends before `then`.
    pub(crate) fn trust_ends_before(&self, then: Instant) -> bool {
        self.phase == Phase::Resting
            && self.is_live()
            && self.trouble.is_none()
            && self.trusted_until < then
    }

    /// Whether the clock should have this id checked against its environment: nothing else will, if it was being built
    /// when the environment was replaced.
    pub(crate) fn check_due(&self) -> bool {
        self.phase == Phase::Resting && self.trouble.is_none() && self.is_misfit()
    }

    /// Whether it holds nothing that is worth its place: what it knows has expired, or will be read anew anyway. A
    /// failure is remembered longer than until its retry, or the back-off of whoever is asked for now and then would
    /// begin anew each time.
    pub(crate) fn is_spent(&self, now: Instant, settings: &CacheSettings) -> bool {
        let expires = self.trouble.as_ref().map_or(self.trusted_until, |trouble| {
            trouble.retry_at + settings.max_backoff
        });
        self.phase == Phase::Resting && !self.is_live() && (expires <= now || self.is_behind())
    }

    pub(crate) fn is_live(&self) -> bool {
        matches!(self.standing, Standing::Live(_))
    }

    /// Whether somebody may yet be answered that the registration is there: that is what is known, or what a build may
    /// find that has begun.
    pub(crate) fn may_tell_of_it(&self) -> bool {
        matches!(self.standing, Standing::Live(_) | Standing::Inactive(_))
            || matches!(self.phase, Phase::Building | Phase::Leaving)
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.phase == Phase::Retired
    }

    pub(crate) fn observed(&self) -> Revision {
        self.observed
    }

    pub(crate) fn failure(&self) -> Option<(Arc<Failure>, Instant)> {
        self.trouble
            .as_ref()
            .map(|trouble| (Arc::clone(&trouble.failure), trouble.retry_at))
    }

    pub(crate) fn state(&self) -> InstanceState {
        let pending = self.is_behind();
        match (self.standing, &self.trouble) {
            (Standing::Live(_), Some(_)) => InstanceState::Degraded,
            (Standing::Live(_), None) if pending => InstanceState::Pending,
            (Standing::Live(_), None) => InstanceState::Ready,
            (_, Some(_)) => InstanceState::Failed,
            _ if pending => InstanceState::Pending,
            (Standing::Inactive(_), None) => InstanceState::Inactive,
            (Standing::Absent | Standing::Unknown, None) => InstanceState::Absent,
        }
    }
}

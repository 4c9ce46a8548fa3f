//! Whether the registry answers at all, as far as this cache can tell. While it does not, the ids do not ask it each
//! on its own clock: one of them probes, once per step.

use crate::{CacheSettings, Chance};
use hotbed_registry::Id;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// So many ids in a row that got no answer, while nobody else got one either, are an outage. One id that cannot be
/// read, or a few, are not.
const MISSES: usize = 5;
/// The longest wait between two probes, for the time that the others take to learn of an end depends on it.
const LONGEST_STEP: Duration = Duration::from_secs(2);

/// What the builds of a cache share about their registry.
#[derive(Debug)]
pub(crate) struct Outage {
    chance: Arc<Chance>,
    state: Mutex<State>,
    /// Rings when a probe ends.
    probed: Notify,
}

/// What a build may do.
#[derive(Debug)]
pub(crate) enum Admission<'a> {
    Ask(Asking<'a>),
    /// Ask again when the probe that is under way has ended.
    Wait,
    /// The registry was asked lately, to no avail.
    Refuse,
}

/// A read of the registry. Unless it says that it was answered, it was not.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    outage: &'a Outage,
    settings: Arc<CacheSettings>,
    id: &'a Id,
    pass: Option<Pass>,
}

impl Outage {
    /// A registry that nothing bad is known of.
    pub(crate) fn new(chance: Arc<Chance>) -> Self {
        Self {
            chance,
            state: Mutex::default(),
            probed: Notify::new(),
        }
    }

    /// Asks for leave to read the registry. Who can do without for now does not wait for a probe.
    pub(crate) fn admit<'a>(
        &'a self,
        settings: Arc<CacheSettings>,
        id: &'a Id,
        now: Instant,
        need: Need,
    ) -> Admission<'a> {
        match self.state().admit(now, need) {
            Verdict::Ask(pass) => Admission::Ask(Asking {
                outage: self,
                settings,
                id,
                pass: Some(pass),
            }),
            Verdict::Wait => Admission::Wait,
            Verdict::Refuse => Admission::Refuse,
        }
    }

    /// There is a sign that somebody reached the registry: if it was silent, the next build finds out.
    pub(crate) fn doubt(&self, now: Instant) {
        self.state().doubt(now);
    }

    /// Somebody who could not reach the registry reaches it again: what failed meanwhile is worth another attempt at
    /// once, also where too few failed to call it an outage.
    pub(crate) fn end(&self) {
        self.state().end();
        self.probed.notify_waiters();
    }

    /// Waits for the end of the probe, if one is under way.
    pub(crate) async fn probed(&self) {
        let mut ended = std::pin::pin!(self.probed.notified());
        // Registered before looking, so that an end between the look and the wait is not missed.
        ended.as_mut().enable();
        if self.state().is_probing() {
            ended.await;
        }
    }

    /// Which builds that nobody waits for are of use.
    pub(crate) fn wanted(&self, now: Instant) -> Wanted {
        self.state().wanted(now)
    }

    /// How many outages have ended.
    pub(crate) fn ends(&self) -> u64 {
        self.state().ends
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state().mood, Mood::Answers { .. })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asking<'_> {
    /// The registry answered, whatever it said.
    pub(crate) fn answered(mut self) {
        if let Some(pass) = self.pass.take() {
            if self.outage.state().answered() {
                tracing::info!("the registry answers again");
            }
            if pass.probe {
                self.outage.probed.notify_waiters();
            }
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take() {
            let chance = &self.outage.chance;
            let step = |steps| self.settings.wait(steps, chance.draw()).min(LONGEST_STEP);
            let now = Instant::now();
            if self.outage.state().missed(pass, self.id, now, step) {
                tracing::warn!("the registry does not answer: from now on it is only probed");
            }
            if pass.probe {
                self.outage.probed.notify_waiters();
            }
        }
    }
}

/// Which builds that nobody waits for are of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    All,
    /// One, to find out whether the registry answers.
    Probe,
    None,
}

/// How much a build depends on the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// There is something to serve meanwhile, of which nothing newer is known.
    Later,
    Now,
}

/// A leave to read the registry.
#[derive(Debug, Clone, Copy)]
struct Pass {
    probe: bool,
    /// Answers that had come when it began.
    answers: u64,
}

#[derive(Debug)]
enum Verdict {
    Ask(Pass),
    Wait,
    Refuse,
}

/// The pure part: no lock, no clock of its own.
#[derive(Debug, Default)]
struct State {
    mood: Mood,
    answers: u64,
    ends: u64,
}

#[derive(Debug)]
enum Mood {
    /// Those who got no answer since the last one.
    Answers { missed: Vec<Id> },
    Silent {
        /// Failed probes, and what made them necessary.
        steps: u32,
        probe_at: Instant,
        probing: bool,
        /// There was a sign of life since the last probe began.
        doubted: bool,
    },
}

impl Default for Mood {
    fn default() -> Self {
        Self::Answers { missed: Vec::new() }
    }
}

impl State {
    fn admit(&mut self, now: Instant, need: Need) -> Verdict {
        let answers = self.answers;
        match &mut self.mood {
            Mood::Answers { .. } => Verdict::Ask(Pass {
                probe: false,
                answers,
            }),
            Mood::Silent { probing: true, .. } => match need {
                Need::Now => Verdict::Wait,
                Need::Later => Verdict::Refuse,
            },
            Mood::Silent {
                probe_at,
                probing,
                doubted,
                ..
            } if now >= *probe_at => {
                (*probing, *doubted) = (true, false);
                Verdict::Ask(Pass {
                    probe: true,
                    answers,
                })
            }
            Mood::Silent { .. } => Verdict::Refuse,
        }
    }

    /// True if that ends an outage.
    fn answered(&mut self) -> bool {
        self.answers += 1;
        let ends = matches!(self.mood, Mood::Silent { .. });
        self.ends += u64::from(ends);
        self.mood = Mood::default();
        ends
    }

    fn end(&mut self) {
        if !self.answered() {
            self.ends += 1;
        }
    }

    /// True if that begins an outage.
    fn missed(
        &mut self,
        pass: Pass,
        id: &Id,
        now: Instant,
        step: impl FnOnce(u32) -> Duration,
    ) -> bool {
        // Somebody was answered since it asked: then it is not the registry that is silent.
        if pass.answers != self.answers {
            return false;
        }
        match &mut self.mood {
            Mood::Answers { missed } => {
                if !missed.contains(id) {
                    missed.push(id.clone());
                }
                let begins = missed.len() >= MISSES;
                if begins {
                    self.mood = Mood::Silent {
                        steps: 1,
                        probe_at: now + step(1),
                        probing: false,
                        doubted: false,
                    };
                }
                begins
            }
            Mood::Silent {
                steps,
                probe_at,
                probing,
                doubted,
            } => {
                if pass.probe {
                    *probing = false;
                    // A sign of life that came after it began is worth another one at once.
                    if !*doubted {
                        *steps = steps.saturating_add(1);
                        *probe_at = now + step(*steps);
                    }
                }
                false
            }
        }
    }

    fn doubt(&mut self, now: Instant) {
        if let Mood::Silent {
            probe_at, doubted, ..
        } = &mut self.mood
        {
            *doubted = true;
            *probe_at = now.min(*probe_at);
        }
    }

    fn is_probing(&self) -> bool {
        matches!(self.mood, Mood::Silent { probing: true, .. })
    }

    fn wanted(&self, now: Instant) -> Wanted {
        match &self.mood {
            Mood::Answers { .. } => Wanted::All,
            Mood::Silent {
                probe_at,
                probing: false,
                ..
            } if now >= *probe_at => Wanted::Probe,
            Mood::Silent { .. } => Wanted::None,
        }
    }
}

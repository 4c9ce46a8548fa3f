//! Asks a service that fails again and again less often, for its sake and for that of those who wait.

use super::fault::Fault;
use rand::RngExt as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Failures in a row after which nobody asks for a while.
const FAILURES: u32 = 8;
/// How long nobody asks at first; doubles with each failed probe.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// How long nobody asks, at most.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Lets requests pass, until too many have failed in a row; then one at a time, now and then.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Clone)]
enum State {
    /// All may pass.
    Closed { failures: u32 },
    /// Nobody may pass before `until`, and then one.
    Open {
        until: Instant,
        wait: Duration,
        why: String,
    },
    /// One is on its way to find out.
    Probing { wait: Duration, why: String },
}

/// Leave for one request, which must say what became of it. One that does not, because nobody waits for it any more,
/// leaves everything as it was.
#[derive(Debug)]
pub(super) struct Leave<'a> {
    breaker: &'a Breaker,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ordinary,
    Probe,
    Used,
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// Leave to ask, or why not.
    pub(super) fn ask(&self) -> Result<Leave<'_>, Fault> {
        let mut state = self.state();
        let now = Instant::now();
        let kind = match &*state {
            State::Closed { .. } => Kind::Ordinary,
            State::Open { until, wait, why } if *until <= now => {
                let (wait, why) = (*wait, why.clone());
                *state = State::Probing { wait, why };
                Kind::Probe
            }
            State::Open { until, why, .. } => {
                let left = until.saturating_duration_since(now).as_secs_f64();
                return Err(Fault::said(format!(
                    "it failed so often that it is not asked for {left:.1} s: {why}"
                )));
            }
            State::Probing { why, .. } => {
                return Err(Fault::said(format!(
                    "it failed so often that it is asked by one at a time: {why}"
                )));
            }
        };
        drop(state);
        Ok(Leave {
            breaker: self,
            kind,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave<'_> {
    /// The service answered like one that works.
    pub(super) fn works(mut self) {
        self.kind = Kind::Used;
        *self.breaker.state() = State::default();
    }

    /// It did not.
    pub(super) fn failed(mut self, why: &str) {
        let kind = std::mem::replace(&mut self.kind, Kind::Used);
        let mut state = self.breaker.state();
        let wait = match (&*state, kind) {
            (State::Closed { failures }, _) if failures + 1 < FAILURES => {
                *state = State::Closed {
                    failures: failures + 1,
                };
                return;
            }
            (State::Closed { .. }, _) => FIRST_WAIT,
            (State::Probing { wait, .. }, Kind::Probe) => (*wait * 2).min(LONGEST_WAIT),
            // Asked before it was known.
            (State::Open { .. } | State::Probing { .. }, _) => return,
        };
        *state = State::Open {
            until: Instant::now() + jittered(wait),
            wait,
            why: why.to_owned(),
        };
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.kind == Kind::Probe {
            let mut state = self.breaker.state();
            if let State::Probing { wait, why } = state.clone() {
                *state = State::Open {
                    until: Instant::now(),
                    wait,
                    why,
                };
            }
        }
    }
}

/// Half of a wait, and up to as much again, so that many clients do not ask in step.
pub(super) fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.5..1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker, times: u32) {
        for _ in 0..times {
            breaker.ask().unwrap().failed("it broke");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_many_failures_in_a_row_nobody_asks_for_a_while() {
        let breaker = Breaker::default();
        fail(&breaker, FAILURES - 1);
        breaker.ask().unwrap().works();
        fail(&breaker, FAILURES);
        let refusal = breaker.ask().unwrap_err();
        assert!(
            refusal.reason().ends_with(" s: it broke"),
            "{}",
            refusal.reason()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn then_one_finds_out_and_the_others_wait_for_it() {
        let breaker = Breaker::default();
        fail(&breaker, FAILURES);
        tokio::time::sleep(FIRST_WAIT).await;
        let probe = breaker.ask().unwrap();
        assert!(breaker.ask().is_err());
        probe.works();
        breaker.ask().unwrap().works();
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_probe_doubles_the_wait_and_one_that_was_abandoned_does_not() {
        let breaker = Breaker::default();
        fail(&breaker, FAILURES);
        tokio::time::sleep(FIRST_WAIT).await;
        drop(breaker.ask().unwrap());
        breaker.ask().unwrap().failed("it broke again");
        tokio::time::sleep(FIRST_WAIT).await;
        let State::Open { wait, .. } = breaker.state().clone() else {
            panic!("it is open")
        };
        assert_eq!(wait, FIRST_WAIT * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_asked_before_it_was_known_changes_nothing() {
        let breaker = Breaker::default();
        let late = breaker.ask().unwrap();
        fail(&breaker, FAILURES);
        tokio::time::sleep(FIRST_WAIT).await;
        let probe = breaker.ask().unwrap();
        late.failed("late");
        probe.works();
        assert!(breaker.ask().is_ok());
    }
}

//! One build: take a place, read the registry, resolve, create, settle; again if something newer was observed meanwhile.

use crate::machine::{Attempt, Machine, Next, Outcome};
use crate::outage::{Admission, Asking, Need};
use crate::places::Place;
use crate::shared::Shared;
use crate::slot::{New, Slot};
use crate::stats::Counters;
use crate::{Failure, FailureKind};
use futures::FutureExt;
use hotbed_registry::{Error, Read, Registration, Source, Status};
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinSet;

/// How a round of a build went.
struct Round<T> {
    outcome: Outcome,
    new: Option<New<T>>,
    /// False if it was not even tried, because the registry does not answer anybody.
    tried: bool,
}

/// Builds the instance of a slot whose machine said to start. Runs as a task of its own: whoever waits for it may go
/// away. Without a place it waits for one.
pub(crate) async fn run<T: Send + Sync + 'static>(
    shared: Arc<Shared<T>>,
    slot: Arc<Slot<T>>,
    mut place: Option<Place>,
) {
    let is_early = place.is_some();
    loop {
        let (attempt, round) = tokio::select! {
            biased;
            // Waiters look at the shutdown themselves.
            () = shared.shutdown.cancelled() => return,
            ended = attempt(&shared, &slot, &mut place) => ended,
        };
        if let Outcome::Failed(failure) | Outcome::Salvaged(_, failure) = &round.outcome {
            if round.tried {
                Counters::add(&shared.counters.build_failures);
                tracing::warn!(id = %slot.id, %failure, "instance is not built");
            } else {
                tracing::debug!(id = %slot.id, %failure, "instance is not built");
            }
        }
        let next = slot.settle(&shared, attempt, round.outcome, round.new);
        if !round.tried && shared.outage.is_over() {
            // The keeper has caught up with the end of the outage already, maybe before it could see this one.
            slot.forgive(&shared);
        }
        if !attempt.has_instance {
            // Whoever waited for the first one has not had a chance to use it. A later one is no use by anybody, or
            // what is refreshed now and then would never be idle.
            slot.last_used_ms
                .fetch_max(shared.clock.coarse_ms(), Ordering::Relaxed);
        }
        match next {
            Next::BuildAgain => {}
            Next::Rest => break,
            Next::Leave => {
                shared.unlist(&slot);
                Counters::add(&shared.counters.evictions);
                return;
            }
        }
    }
    if !is_early {
        // A reader's place is for the next reader at once. What nobody waits for goes no faster than the keeper takes it
        // in: a crowd that waits for the keeper, and is woken together, would stand before readers' builds.
        place = None;
    }
    house(&shared, slot).await;
    drop(place);
}

async fn attempt<T: Send + Sync + 'static>(
    shared: &Arc<Shared<T>>,
    slot: &Arc<Slot<T>>,
    place: &mut Option<Place>,
) -> (Attempt, Round<T>) {
    let (attempt, asking) = admit(shared, slot, place).await;
    let round = AssertUnwindSafe(round(shared, slot, attempt, asking, place)).catch_unwind();
    let round = round.await.unwrap_or_else(|panic| {
        Round::failed(Failure {
            kind: FailureKind::Panic,
            message: format!("reading the registry panicked: {}", panic_text(&*panic)),
            revision: None,
        })
    });
    (attempt, round)
}

/// Waits for a place, and for leave to ask the registry; without leave, there is no use in asking.
async fn admit<'a, T: Send + Sync + 'static>(
    shared: &'a Shared<T>,
    slot: &'a Slot<T>,
    place: &mut Option<Place>,
) -> (Attempt, Option<Asking<'a>>) {
    loop {
        if place.is_none() {
            *place = Some(shared.places.take().await);
        }
        // After the wait, which may have been long: it is to build what is newest now.
        let attempt = slot.begin(shared);
        let need = if attempt.has_instance && !attempt.is_behind {
            Need::Later
        } else {
            Need::Now
        };
        let now = shared.clock.now();
        match shared.outage.admit(shared.settings(), &slot.id, now, need) {
            Admission::Ask(asking) => return (attempt, Some(asking)),
            Admission::Refuse => return (attempt, None),
            Admission::Wait => {
                *place = None;
                shared.outage.probed().await;
            }
        }
    }
}

/// Hands a slot whose build ended to the keeper.
async fn house<T: Send + Sync + 'static>(shared: &Shared<T>, slot: Arc<Slot<T>>) {
    match shared.to_keeper.try_send(slot) {
        Ok(()) | Err(TrySendError::Closed(_)) => {}
        Err(TrySendError::Full(slot)) if slot.look(Machine::is_live) => {
            // Fails only when the cache is closed.
            drop(shared.to_keeper.send(slot).await);
        }
        // In a flood of unknown ids they are not remembered: memory comes first.
        Err(TrySendError::Full(slot)) => {
            if slot.retire(shared) {
                shared.unlist(&slot);
            }
        }
    }
}

impl<T> Round<T> {
    fn ended(outcome: Outcome) -> Self {
        Self {
            outcome,
            new: None,
            tried: true,
        }
    }

    fn failed(failure: Failure) -> Self {
        Self::ended(Outcome::Failed(failure))
    }
}

async fn round<T: Send + Sync + 'static>(
    shared: &Arc<Shared<T>>,
    slot: &Arc<Slot<T>>,
    attempt: Attempt,
    asking: Option<Asking<'_>>,
    place: &mut Option<Place>,
) -> Round<T> {
    let tried = asking.is_some();
    let read = match asking {
        Some(asking) => ask(shared, slot, asking).await,
        None => recall(shared, slot, attempt),
    };
    let round = match read {
        Ok(read) => make(shared, slot, attempt, read, place).await,
        Err(failure) => Round::failed(failure),
    };
    Round { tried, ..round }
}

async fn ask<T: Send + Sync + 'static>(
    shared: &Shared<T>,
    slot: &Slot<T>,
    asking: Asking<'_>,
) -> Result<Read, Failure> {
    let read = shared.reader.read(&slot.id).await;
    let silent = match &read {
        Ok(read) => read.source == Source::Snapshot,
        Err(error) => matches!(error, Error::Unavailable { .. }),
    };
    if !silent {
        asking.answered();
    }
    read.map_err(|error| Failure::of(FailureKind::Registry, None, &error))
}

/// What there is without the registry: the snapshot, where there is no instance yet.
fn recall<T: Send + Sync + 'static>(
    shared: &Shared<T>,
    slot: &Slot<T>,
    attempt: Attempt,
) -> Result<Read, Failure> {
    let recalled = if attempt.has_instance {
        None
    } else {
        shared.reader.recall(&slot.id)
    };
    recalled.ok_or_else(|| Failure {
        kind: FailureKind::Registry,
        message: "the registry does not answer, and is only probed until it does".into(),
        revision: None,
    })
}

/// Makes of what was read what can be made of it.
async fn make<T: Send + Sync + 'static>(
    shared: &Arc<Shared<T>>,
    slot: &Slot<T>,
    attempt: Attempt,
    read: Read,
    place: &mut Option<Place>,
) -> Round<T> {
    let outage = match read.source {
        Source::Registry => None,
        Source::Snapshot => {
            let message =
                "the registry cannot be reached: served from this node's snapshot".to_owned();
            let revision = read.registration.as_ref().map(|found| found.revision);
            Some(Failure {
                kind: FailureKind::Registry,
                message,
                revision,
            })
        }
    };
    let Some(registration) = read.registration else {
        return Round::ended(Outcome::Absent);
    };
    let revision = registration.revision;
    match outage {
        // What is installed is at least as new as the snapshot. And that something was out of service then is no reason
        // to believe so for a whole TTL.
        Some(outage) if attempt.has_instance || registration.status != Status::Active => {
            return Round::failed(outage);
        }
        _ if registration.status != Status::Active => {
            return Round::ended(Outcome::Inactive(revision));
        }
        None if attempt.confirmable == Some(revision)
            && (attempt.fits || still_fits(shared, slot, &registration)) =>
        {
            Counters::add(&shared.counters.renewals);
            return Round::ended(Outcome::Confirmed(revision));
        }
        _ => {}
    }
    match create(shared, registration, place).await {
        Ok(new) => {
            Counters::add(&shared.counters.builds);
            let outcome = match outage {
                None => Outcome::Built(revision),
                Some(outage) => Outcome::Salvaged(revision, outage),
            };
            Round {
                new: Some(new),
                ..Round::ended(outcome)
            }
        }
        Err(failure) => Round::failed(failure),
    }
}

/// Whether the installed instance would be built from the same in the environment as it is now. Where that cannot be said
/// it is built, and then told what is wrong.
fn still_fits<T: Send + Sync + 'static>(
    shared: &Shared<T>,
    slot: &Slot<T>,
    registration: &Registration,
) -> bool {
    let resolved = shared.surroundings.resolve(&registration.config);
    resolved.is_ok_and(|resolved| slot.was_built_from(&resolved.digest()))
}

/// Runs the factory where its panics and its slowness harm nobody else.
async fn create<T: Send + Sync + 'static>(
    shared: &Arc<Shared<T>>,
    registration: Registration,
    place: &mut Option<Place>,
) -> Result<New<T>, Failure> {
    let revision = registration.revision;
    let fail =
        |kind, error: &(dyn std::error::Error + 'static)| Failure::of(kind, Some(revision), error);
    let config = shared
        .surroundings
        .resolve(&registration.config)
        .map_err(|error| fail(FailureKind::Config, &error))?;
    let digest = config.digest();
    let mut guarded = JoinSet::new();
    // Tracked as well: once the cache is closed, no factory is at work.
    guarded.spawn(shared.tasks.track_future({
        let shared = Arc::clone(shared);
        async move {
            let instance = shared
                .factory
                .create(&registration.id, revision, config)
                .await?;
            // On loan before anything else can happen to it: from here on it cannot escape its destruction.
            Ok(shared
                .lender
                .lend(registration.id.to_shared(), revision.0, instance))
        }
    }));
    let settings = shared.settings();
    let ended = tokio::time::timeout(settings.build_deadline, guarded.join_next());
    tokio::pin!(ended);
    let in_time = tokio::time::timeout(settings.patience, &mut ended);
    let ended = if let Ok(ended) = in_time.await {
        ended
    } else {
        // Others go on.
        *place = None;
        ended.await
    };
    match ended {
        Ok(Some(Ok(Ok(loan)))) => Ok(New { loan, digest }),
        Ok(Some(Ok(Err(error)))) => {
            let error: crate::BoxError = error;
            Err(fail(FailureKind::Factory, &*error))
        }
        Ok(Some(Err(panic))) => Err(fail(FailureKind::Panic, &panic)),
        // Dropping the set aborts the task; what it holds is dropped with it.
        Ok(None) | Err(_) => Err(Failure {
            kind: FailureKind::Deadline,
            message: format!(
                "the factory did not finish within {:?}",
                settings.build_deadline
            ),
            revision: Some(revision),
        }),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message")
}

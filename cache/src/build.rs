//! One build: read the registry, resolve, create, settle; again if something newer was observed meanwhile.

use crate::lease::Instance;
use crate::machine::{Attempt, Machine, Next, Outcome};
use crate::shared::Shared;
use crate::slot::Slot;
use crate::stats::Counters;
use crate::{Failure, FailureKind};
use futures::FutureExt;
use hotbed_lease::Lease as Loan;
use hotbed_registry::{Registration, Source, Status};
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinSet;

/// Builds the instance of a slot whose machine said to start. Runs as a task of its own: whoever waits for it may go
/// away.
pub(crate) async fn run<T: Send + Sync + 'static>(
    shared: Arc<Shared<T>>,
    slot: Arc<Slot<T>>,
    permit: Option<OwnedSemaphorePermit>,
) {
    loop {
        let attempt = slot.begin(&shared);
        let round = AssertUnwindSafe(round(&shared, &slot, attempt)).catch_unwind();
        let (outcome, new) = tokio::select! {
            biased;
            // Waiters look at the shutdown themselves.
            () = shared.shutdown.cancelled() => return,
            round = round => round.unwrap_or_else(|panic| {
                let failure = Failure {
                    kind: FailureKind::Panic,
                    message: format!("reading the registry panicked: {}", panic_text(&*panic)),
                    revision: None,
                };
                (Outcome::Failed(failure), None)
            }),
        };
        if let Outcome::Failed(failure) | Outcome::Salvaged(_, failure) = &outcome {
            Counters::add(&shared.counters.build_failures);
            tracing::warn!(id = %slot.id, %failure, "instance is not built");
        }
        let next = slot.settle(&shared, attempt, outcome, new);
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
    drop(permit);
    house(&shared, slot).await;
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

async fn round<T: Send + Sync + 'static>(
    shared: &Arc<Shared<T>>,
    slot: &Arc<Slot<T>>,
    attempt: Attempt,
) -> (Outcome, Option<Loan<Instance<T>>>) {
    let read = match shared.reader.read(&slot.id).await {
        Ok(read) => read,
        Err(error) => {
            return (
                Outcome::Failed(Failure::of(FailureKind::Registry, None, &error)),
                None,
            );
        }
    };
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
        return (Outcome::Absent, None);
    };
    let revision = registration.revision;
    match outage {
        // What is installed is at least as new as the snapshot.
        Some(outage) if attempt.has_instance => return (Outcome::Failed(outage), None),
        _ if registration.status != Status::Active => return (Outcome::Inactive(revision), None),
        None if attempt.confirmable == Some(revision) => {
            Counters::add(&shared.counters.renewals);
            return (Outcome::Confirmed(revision), None);
        }
        _ => {}
    }
    match create(shared, registration).await {
        Ok(loan) => {
            Counters::add(&shared.counters.builds);
            let outcome = match outage {
                None => Outcome::Built(revision),
                Some(outage) => Outcome::Salvaged(revision, outage),
            };
            (outcome, Some(loan))
        }
        Err(failure) => (Outcome::Failed(failure), None),
    }
}

/// Runs the factory where its panics and its slowness harm nobody else.
async fn create<T: Send + Sync + 'static>(
    shared: &Arc<Shared<T>>,
    registration: Registration,
) -> Result<Loan<Instance<T>>, Failure> {
    let revision = registration.revision;
    let fail =
        |kind, error: &(dyn std::error::Error + 'static)| Failure::of(kind, Some(revision), error);
    let config = shared
        .resolve(&registration.config)
        .map_err(|error| fail(FailureKind::Config, &error))?;
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
            Ok(shared.lender.lend(
                registration.id.to_shared(),
                revision.0,
                Instance::new(instance),
            ))
        }
    }));
    match tokio::time::timeout(shared.settings.build_deadline, guarded.join_next()).await {
        Ok(Some(Ok(Ok(loan)))) => Ok(loan),
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
                shared.settings.build_deadline
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

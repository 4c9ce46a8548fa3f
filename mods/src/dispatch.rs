//! Takes an event through the mods.

use crate::call::{CallFailure, call};
use crate::destination::Destination;
use crate::event::{ModEvent, Response};
use crate::generation::Generation;
use crate::id::ModId;
use crate::shared::Shared;
use hotbed_lease::Lease;
use std::sync::Arc;

/// What became of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispatched {
    /// Who answered what.
    pub outcome: Outcome,
    /// The mods that were asked and failed, in that order.
    pub failures: Vec<CallFailure>,
    /// As in the event.
    pub correlation_id: Arc<str>,
}

/// Who answered an event.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// This mod, and no other was asked after it.
    Answered {
        /// Which.
        by: ModId,
        /// What.
        response: Response,
    },
    /// None that was asked.
    Unanswered,
    /// The event was for one mod, and no such mod is in service.
    NoSuchTarget {
        /// What it was called.
        target: Arc<str>,
    },
}

/// Asks the mods whose patterns match, in the order of their priorities, until one answers. One that fails is noted, and
/// the next is asked.
///
/// Who is asked is decided at once, by the table of that moment. Each is then asked in the generation that serves when its
/// turn comes, and the event ends in the generation in which it began: so no mod waits for another to be drained.
pub(crate) async fn dispatch(shared: Arc<Shared>, event: ModEvent) -> Dispatched {
    let mut dispatched = Dispatched {
        outcome: Outcome::Unanswered,
        failures: Vec::new(),
        correlation_id: Arc::clone(&event.correlation_id),
    };
    let Some(route) = route(&shared, &event) else {
        if let Destination::Mod(target) = event.destination {
            dispatched.outcome = Outcome::NoSuchTarget { target };
        }
        return dispatched;
    };
    let event = Arc::new(event);
    for id in route {
        let lease = shared.table.now().get(&id).map(|entry| entry.lease.clone());
        // One that is newer than the route may want other events.
        let Some(lease) = lease.filter(|lease| wants(lease, &event)) else {
            continue;
        };
        let asked = Arc::clone(&event);
        let deadline = shared.settings.event_deadline;
        let work = |lease: Lease<Generation>| async move { lease.instance.handle(&asked).await };
        match call(lease, deadline, work).await {
            Ok(Some(response)) => {
                dispatched.outcome = Outcome::Answered { by: id, response };
                break;
            }
            Ok(None) => {}
            Err(failure) => dispatched.failures.push(failure),
        }
    }
    dispatched
}

/// Who is asked. `None` if the event is for a mod that is not in service.
fn route(shared: &Shared, event: &ModEvent) -> Option<Vec<ModId>> {
    let table = shared.table.now();
    if let Destination::Mod(target) = &event.destination {
        let lease = &table.named(target)?.lease;
        let meant = wants(lease, event);
        return Some(meant.then(|| lease.id.clone()).into_iter().collect());
    }
    let pipeline = table.pipeline().map(|entry| &entry.lease);
    let meant = pipeline.filter(|lease| wants(lease, event));
    Some(meant.map(|lease| lease.id.clone()).collect())
}

fn wants(lease: &Lease<Generation>, event: &ModEvent) -> bool {
    let name = event.name.as_str();
    let mut patterns = lease.manifest.events.iter();
    patterns.any(|pattern| pattern.matches(name))
}

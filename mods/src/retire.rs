//! How a generation goes: it finishes what it began, is stopped, and gives back what it had.

use crate::generation::{Home, Installed, Keeping};
use crate::guard;
use crate::id::ModId;
use crate::order::{Node, order};
use crate::settings::HostSettings;
use crate::shared::Shared;
use crate::state::ModState;
use std::cmp::Reverse;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// A generation that was taken out of service and stopped.
#[derive(Debug)]
pub(crate) struct Retired {
    pub(crate) id: ModId,
    /// What did not go as it should. It is gone all the same.
    pub(crate) trouble: Option<String>,
}

/// Takes generations out of service that nobody finds any more, in a task of its own: in the reverse of the order in which
/// they would start, whatever comes after them; one that is still called does not keep the others.
pub(crate) fn retire(shared: &Arc<Shared>, going: Vec<Keeping>) -> JoinHandle<Vec<Retired>> {
    let going = in_order_of_end(going);
    for keeping in &going {
        shared
            .board
            .step(keeping.id(), keeping.number, ModState::Draining);
    }
    let shared = Arc::clone(shared);
    let job = {
        let shared = Arc::clone(&shared);
        async move {
            let mut leaving = Leaving::all(going, shared.settings.drain_deadline);
            let mut retired = Vec::new();
            while let Some((keeping, home, late)) = next_drained(&shared, &mut leaving).await {
                let id = keeping.id().clone();
                let number = keeping.number;
                let trouble = end(&shared, keeping, home, ModState::Stopped).await;
                let trouble = match (late, trouble) {
                    (Some(late), Some(trouble)) => Some(format!("{late}; and then {trouble}")),
                    (late, trouble) => late.or(trouble),
                };
                if let Some(trouble) = &trouble {
                    tracing::warn!(%id, generation = number, trouble, "mod is stopped, with trouble");
                }
                retired.push(Retired { id, trouble });
            }
            retired
        }
    };
    shared.jobs.spawn(job)
}

/// A generation that is being drained.
struct Leaving {
    keeping: Keeping,
    /// When its time to end what it has begun, or to give it up, is over.
    until: Instant,
    is_given_up: bool,
}

impl Leaving {
    /// The time of all of them begins now: none of them gets anything new.
    fn all(going: Vec<Keeping>, deadline: Duration) -> Vec<Self> {
        let until = Instant::now() + deadline;
        let leaving = |keeping| Self {
            keeping,
            until,
            is_given_up: false,
        };
        going.into_iter().map(leaving).collect()
    }
}

/// Waits for the next that is to be stopped: the first of those that nobody calls and nobody depends on any more, or one
/// whose time is over. So one that hangs keeps nobody waiting but those that it depends on.
async fn next_drained(
    shared: &Shared,
    leaving: &mut Vec<Leaving>,
) -> Option<(Keeping, Option<Home>, Option<String>)> {
    let settings = &shared.settings;
    let (at, home) = loop {
        let until = leaving.iter().map(|one| one.until).min()?;
        match tokio::time::timeout_at(until, first_home(leaving)).await {
            Ok(drained) => break drained,
            Err(_) => {
                if let Some(at) = out_of_time(leaving, settings) {
                    break (at, None);
                }
            }
        }
    };
    let Leaving {
        keeping,
        is_given_up,
        ..
    } = leaving.remove(at);
    let deadline = settings.drain_deadline;
    let late = is_given_up
        .then(|| format!("what it had begun did not end within {deadline:?} and was given up"));
    Some((keeping, home, late))
}

async fn first_home(leaving: &mut [Leaving]) -> (usize, Option<Home>) {
    std::future::poll_fn(|context| {
        for (at, one) in leaving.iter_mut().enumerate() {
            if let Poll::Ready(home) = Pin::new(&mut one.keeping.home).poll(context) {
                return Poll::Ready((at, home.ok()));
            }
        }
        Poll::Pending
    })
    .await
}

/// Gives up what did not end in time. Answers one that does not even end then.
fn out_of_time(leaving: &mut [Leaving], settings: &HostSettings) -> Option<usize> {
    let now = Instant::now();
    for (at, one) in leaving.iter_mut().enumerate() {
        if one.until > now {
            continue;
        }
        if one.keeping.is_bound() {
            // What depends on it ends under deadlines of its own.
            one.until = now + settings.drain_deadline;
        } else if one.is_given_up {
            return Some(at);
        } else {
            one.keeping.given_up.cancel();
            one.is_given_up = true;
            one.until = now + settings.stop_deadline;
        }
    }
    None
}

fn in_order_of_end(going: Vec<Keeping>) -> Vec<Keeping> {
    let nodes: Vec<Node<'_>> = going
        .iter()
        .map(|keeping| Node {
            id: keeping.id(),
            dependencies: &keeping.manifest.dependencies,
            priority: keeping.priority(),
        })
        .collect();
    // What ran is in no circle; if it were, it would go all the same.
    let sorted = order(&nodes).sorted;
    let mut going = going;
    let place = |keeping: &Keeping| sorted.iter().position(|id| id == keeping.id());
    going.sort_by_key(|keeping| Reverse(place(keeping)));
    going
}

/// Stops a generation, once, and takes back what it had. Answers what did not go as it should.
pub(crate) async fn end(
    shared: &Arc<Shared>,
    keeping: Keeping,
    home: Option<Home>,
    last: ModState,
) -> Option<String> {
    let Keeping {
        desired,
        number,
        workplace,
        instance,
        context,
        bonds,
        given_up,
        home: comes_home,
        ..
    } = keeping;
    // What comes now ends where its last lease does.
    drop(comes_home);
    let id = desired.id;
    given_up.cancel();
    shared.board.step(&id, number, ModState::Stopping);
    let (generation, settled) = match home {
        Some(home) => (Some(home.generation), Some(home.settled)),
        None => (None, None),
    };
    let deadline = shared.settings.stop_deadline;
    let this = Arc::clone(&instance);
    let stop = guard::told(async move { this.stop().await });
    let mut troubles = Vec::new();
    match guard::run(&workplace, deadline, stop).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => troubles.push(format!("stop failed: {error}")),
        Err(mishap) => troubles.push(format!("stop {mishap}")),
    }
    let inside = context.inside();
    inside.stopped.cancel();
    inside.tasks.close();
    if tokio::time::timeout(deadline, inside.tasks.wait())
        .await
        .is_err()
    {
        troubles.push(format!(
            "{} of its tasks did not end within {deadline:?}",
            inside.tasks.len()
        ));
    }
    // It, and what it provided and kept, may panic or block when it is dropped. Not in the step before: one that is late is
    // dropped outside of the guard.
    let release = async move {
        drop((generation, instance));
        let taken = context.inside().provided.take_back();
        drop(context);
        taken
    };
    match guard::run(&workplace, deadline, release).await {
        Ok(taken) => shared.note_taken_back(&id, taken),
        Err(mishap) => troubles.push(format!("when it was dropped, it {mishap}")),
    }
    drop(bonds);
    shared.board.step(&id, number, last);
    drop(settled);
    (!troubles.is_empty()).then(|| troubles.join("; "))
}

/// What is left to do of a mod whose lease the table and the writer gave up.
pub(crate) fn let_go(installed: Installed) -> Keeping {
    let Installed { lease, keeping } = installed;
    drop(lease);
    keeping
}

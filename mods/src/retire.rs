//! How a generation goes: it finishes what it began, is stopped, and gives back what it had.

use crate::generation::{Home, Installed, Keeping};
use crate::guard::{self, spelled_out};
use crate::id::ModId;
use crate::shared::Shared;
use crate::state::ModState;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// A generation that was taken out of service and stopped.
#[derive(Debug)]
pub(crate) struct Retired {
    pub(crate) id: ModId,
    /// What did not go as it should. It is gone all the same.
    pub(crate) trouble: Option<String>,
}

/// Takes generations out of service that nobody finds any more, one after the other, in a task of its own.
pub(crate) fn retire(shared: &Arc<Shared>, going: Vec<Keeping>) -> JoinHandle<Vec<Retired>> {
    for keeping in &going {
        shared
            .board
            .step(keeping.id(), keeping.number, ModState::Draining);
    }
    let job = {
        let shared = Arc::clone(shared);
        async move {
            let mut retired = Vec::new();
            for keeping in going {
                let id = keeping.id().clone();
                let number = keeping.number;
                let trouble = drain_and_end(&shared, keeping).await;
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

async fn drain_and_end(shared: &Arc<Shared>, mut keeping: Keeping) -> Option<String> {
    let deadline = shared.settings.drain_deadline;
    let mut late = None;
    let home = loop {
        match tokio::time::timeout(deadline, &mut keeping.home).await {
            Ok(home) => break home.ok(),
            // What depends on it ends under deadlines of its own.
            Err(_) if keeping.is_bound() => {}
            Err(_) => {
                late = Some(format!(
                    "what it had begun did not end within {deadline:?} and was given up"
                ));
                keeping.given_up.cancel();
                let given_up =
                    tokio::time::timeout(shared.settings.stop_deadline, &mut keeping.home);
                break given_up.await.ok().and_then(Result::ok);
            }
        }
    };
    let trouble = end(shared, keeping, home, ModState::Stopped).await;
    match (late, trouble) {
        (Some(late), Some(trouble)) => Some(format!("{late}; and then {trouble}")),
        (late, trouble) => late.or(trouble),
    }
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
        ..
    } = keeping;
    let id = desired.id;
    given_up.cancel();
    shared.board.step(&id, number, ModState::Stopping);
    let (generation, settled) = match home {
        Some(home) => (Some(home.generation), Some(home.settled)),
        None => (None, None),
    };
    let deadline = shared.settings.stop_deadline;
    let stop = async move {
        let stopped = instance.stop().await;
        // Here, for it may panic or block as well.
        drop((generation, instance));
        stopped
    };
    let mut troubles = Vec::new();
    match guard::run(&workplace, deadline, stop).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => troubles.push(format!("stop failed: {}", spelled_out(&*error))),
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
    shared.note_taken_back(&id, inside.provided.take_back());
    drop((context, bonds));
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

//! One call into a generation: in its lane, under a deadline, with what came of it counted.

use crate::generation::Generation;
use crate::guard::{self, Mishap};
use crate::id::ModId;
use crate::lane::Full;
use crate::mod_trait::BoxError;
use hotbed_lease::Lease;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Why a mod did not do what it was asked to. Others are not harmed by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mod `{id}` (generation {generation}) {message}")]
pub struct CallFailure {
    /// Which mod.
    pub id: ModId,
    /// Which generation of it.
    pub generation: u64,
    /// In which way.
    pub kind: CallFailureKind,
    /// What happened, as the end of a sentence about the mod.
    pub message: String,
}

/// In which way a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallFailureKind {
    /// It answered with an error.
    Error,
    /// It panicked.
    Panic,
    /// It did not end in time.
    Deadline,
    /// Too much waits for it, or the system has no thread for it: it was not asked.
    Overloaded,
    /// It was to be stopped, and had no more time to end.
    Stopped,
}

/// Calls a generation. The lease lasts for as long as the call does, if need be beyond the deadline.
pub(crate) async fn call<T, F>(
    lease: Lease<Generation>,
    deadline: Duration,
    work: impl FnOnce(Lease<Generation>) -> F,
) -> Result<T, CallFailure>
where
    T: Send + 'static,
    F: Future<Output = Result<T, BoxError>> + Send + 'static,
{
    let (id, generation) = (lease.id.clone(), lease.number);
    let counters = Arc::clone(&lease.counters);
    let ended = attempt(lease, deadline, work).await;
    let (kind, message) = match ended {
        Ok(value) => {
            counters.done();
            return Ok(value);
        }
        Err(failed) => failed,
    };
    if kind == CallFailureKind::Overloaded {
        counters.refused(&message);
        tracing::debug!(%id, generation, message, "mod is not asked");
    } else {
        counters.failed(&message);
        tracing::warn!(%id, generation, message, "mod failed");
    }
    Err(CallFailure {
        id,
        generation,
        kind,
        message,
    })
}

async fn attempt<T, F>(
    lease: Lease<Generation>,
    deadline: Duration,
    work: impl FnOnce(Lease<Generation>) -> F,
) -> Result<T, (CallFailureKind, String)>
where
    T: Send + 'static,
    F: Future<Output = Result<T, BoxError>> + Send + 'static,
{
    let late = || {
        (
            CallFailureKind::Deadline,
            Mishap::Late(deadline).to_string(),
        )
    };
    let begun = Instant::now();
    let given_up = lease.given_up.clone();
    let enter = async {
        tokio::select! {
            biased;
            () = given_up.cancelled() => None,
            entered = lease.lane.enter() => Some(entered),
        }
    };
    let place = match tokio::time::timeout(deadline, enter).await {
        Ok(Some(Ok(place))) => place,
        Ok(Some(Err(Full))) => {
            let message = "has too much waiting for it, and was not asked";
            return Err((CallFailureKind::Overloaded, message.to_owned()));
        }
        Ok(None) => return Err(stopped()),
        Err(_) => return Err(late()),
    };
    let left = deadline.saturating_sub(begun.elapsed());
    let workplace = lease.workplace.clone();
    let work = guard::told(work(lease));
    let work = async move {
        let _place = place;
        tokio::select! {
            biased;
            () = given_up.cancelled() => None,
            ended = work => Some(ended),
        }
    };
    match guard::run(&workplace, left, work).await {
        Ok(Some(Ok(value))) => Ok(value),
        Ok(Some(Err(error))) => Err((CallFailureKind::Error, format!("failed: {error}"))),
        Ok(None) => Err(stopped()),
        Err(Mishap::Late(_)) => Err(late()),
        Err(panicked @ Mishap::Panicked(_)) => Err((CallFailureKind::Panic, panicked.to_string())),
        Err(unasked @ Mishap::NoThread(_)) => {
            Err((CallFailureKind::Overloaded, unasked.to_string()))
        }
    }
}

fn stopped() -> (CallFailureKind, String) {
    let message = "was to be stopped, and had no more time to end what it had begun";
    (CallFailureKind::Stopped, message.to_owned())
}

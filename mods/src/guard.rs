//! Runs the code of mods where its panics, its slowness and its blocking harm nobody else.

use crate::mod_trait::BoxError;
use crate::workplace::Workplace;
use futures::FutureExt;
use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// How a call into a mod did not end as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// It panicked with this text.
    Panicked(String),
    /// It did not end within this time.
    Late(Duration),
    /// The system had no thread to run it on, for this reason.
    NoThread(String),
}

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(text) => write!(f, "panicked: {text}"),
            Self::Late(deadline) => write!(f, "did not end within {deadline:?}"),
            Self::NoThread(reason) => write!(f, "was not run, for there is no thread: {reason}"),
        }
    }
}

/// Runs a call until it ends or its deadline is over; then it is dropped where it waits. One that blocks its thread cannot
/// be dropped: it goes on, with all that it holds, until it returns, and counts as at work until then.
pub(crate) async fn run<T: Send + 'static>(
    workplace: &Workplace,
    deadline: Duration,
    call: impl Future<Output = T> + Send + 'static,
) -> Result<T, Mishap> {
    let ended = match workplace {
        Workplace::Runtime => {
            // In a block of its own, so that one that is late is dropped where its panics are caught.
            let call = async move { timeout(deadline, call).await };
            match AssertUnwindSafe(call).catch_unwind().await {
                Ok(Ok(value)) => Some(Ok(value)),
                Ok(Err(_)) => None,
                Err(panic) => Some(Err(panic)),
            }
        }
        Workplace::Threads(threads) => {
            let answer = threads.run(AssertUnwindSafe(call).catch_unwind());
            let answer = answer.map_err(|error| Mishap::NoThread(error.to_string()))?;
            match timeout(deadline, answer).await {
                Ok(Ok(ended)) => Some(ended),
                Ok(Err(_)) => return Err(Mishap::Panicked("after it had ended".to_owned())),
                Err(_) => None,
            }
        }
    };
    match ended {
        Some(Ok(value)) => Ok(value),
        Some(Err(panic)) => Err(Mishap::Panicked(panic_text(panic))),
        None => Err(Mishap::Late(deadline)),
    }
}

/// Runs a task of a mod beside everything else, for as long as it takes.
pub(crate) fn start(
    tasks: &TaskTracker,
    workplace: &Workplace,
    id: &Arc<str>,
    task: impl Future<Output = ()> + Send + 'static,
) {
    let named = Arc::clone(id);
    let guarded = async move {
        if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
            let panic = panic_text(panic);
            tracing::warn!(id = &*named, panic, "a task of a mod panicked");
        }
    };
    match workplace {
        Workplace::Runtime => drop(tasks.spawn(guarded)),
        Workplace::Threads(threads) => match threads.run(guarded) {
            Ok(ended) => drop(tasks.spawn(ended)),
            Err(error) => tracing::warn!(id = &**id, %error, "a task of a mod has no thread"),
        },
    }
}

/// Does a step of a mod, and spells out how it failed: to be guarded with it, for an error is the mod's own code too.
pub(crate) async fn told<T>(step: impl Future<Output = Result<T, BoxError>>) -> Result<T, String> {
    step.await.map_err(|error| spelled_out(&*error))
}

fn panic_text(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message")
        .to_owned();
    // It may be the mod's own, and panic in its turn; what that leaves is let go of.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    text
}

/// An error with its causes, in one line.
pub(crate) fn spelled_out(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ModId;
    use crate::loader::Placement;
    use std::sync::mpsc;

    const DEADLINE: Duration = Duration::from_millis(50);

    fn workplace(placement: Placement, at_work: &TaskTracker) -> Workplace {
        Workplace::new(placement, &ModId::new("it").unwrap(), at_work)
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_panics_or_hangs_ends_as_a_mishap() {
        for placement in [Placement::Tasks, Placement::Threads] {
            let workplace = workplace(placement, &TaskTracker::new());
            let run =
                |call: futures::future::BoxFuture<'static, u8>| run(&workplace, DEADLINE, call);
            assert_eq!(run(async { 1 }.boxed()).await, Ok(1));
            let panicked = run(async { panic!("no {}", 1) }.boxed()).await.unwrap_err();
            assert_eq!(panicked.to_string(), "panicked: no 1");
            let late = run(std::future::pending().boxed()).await.unwrap_err();
            assert_eq!(late.to_string(), "did not end within 50ms");
        }
    }

    /// What was late was dropped where nobody caught its panics: the task that asked it went down with it.
    ///
    /// Caught: a call that is dropped outside of the guard.
    #[tokio::test(start_paused = true)]
    async fn a_call_that_panics_when_it_is_dropped_late_ends_as_a_mishap() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        let workplace = workplace(Placement::Tasks, &TaskTracker::new());
        let bomb = Bomb;
        let hangs = async move {
            let _bomb = bomb;
            std::future::pending::<()>().await;
        };
        let panicked = run(&workplace, DEADLINE, hangs).await;
        assert_eq!(panicked, Err(Mishap::Panicked("dropped".to_owned())));
    }

    /// An error of a mod that panicked when it was told took the one writer with it.
    ///
    /// Caught: an error that is spelled out outside of the guard.
    #[tokio::test(start_paused = true)]
    async fn an_error_that_panics_when_it_is_told_ends_as_a_mishap() {
        #[derive(Debug)]
        struct Bomb;
        impl fmt::Display for Bomb {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic!("told")
            }
        }
        impl std::error::Error for Bomb {}
        let workplace = workplace(Placement::Tasks, &TaskTracker::new());
        let step = async { Err::<(), BoxError>(Bomb.into()) };
        let panicked = run(&workplace, DEADLINE, told(step)).await;
        assert_eq!(panicked, Err(Mishap::Panicked("told".to_owned())));
    }

    /// Caught: `Threads` run like `Tasks` (the clock of the runtime's only worker stands still, and the test with it).
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_call_that_blocks_its_thread_is_given_up_and_counted_until_it_returns() {
        let at_work = TaskTracker::new();
        let workplace = workplace(Placement::Threads, &at_work);
        let (release, blocked) = mpsc::channel::<()>();
        let call = async move { blocked.recv().is_ok() };
        let late = run(&workplace, DEADLINE, call).await;
        assert_eq!(late, Err(Mishap::Late(DEADLINE)));
        assert_eq!(at_work.len(), 1);
        drop(release);
        at_work.close();
        at_work.wait().await;
        let hang = run(&workplace, DEADLINE, std::future::pending::<()>()).await;
        assert_eq!(hang, Err(Mishap::Late(DEADLINE)));
        at_work.wait().await;
    }
}

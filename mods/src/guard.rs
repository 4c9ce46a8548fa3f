//! Runs the code of mods where its panics, its slowness and its blocking harm nobody else.

use crate::loader::Placement;
use futures::FutureExt;
use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How a call into a mod did not end as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// It panicked with this text.
    Panicked(String),
    /// It did not end within this time.
    Late(Duration),
}

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(text) => write!(f, "panicked: {text}"),
            Self::Late(deadline) => write!(f, "did not end within {deadline:?}"),
        }
    }
}

/// Runs a call until it ends or its deadline is over; then it is dropped where it waits. One that blocks its thread cannot
/// be dropped: it goes on, with all that it holds, until it returns, and `threads` counts it until then.
pub(crate) async fn run<T: Send + 'static>(
    threads: &TaskTracker,
    placement: Placement,
    deadline: Duration,
    call: impl Future<Output = T> + Send + 'static,
) -> Result<T, Mishap> {
    let guarded = AssertUnwindSafe(call).catch_unwind();
    if runs_here(placement) {
        return match tokio::time::timeout(deadline, guarded).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(panic)) => Err(Mishap::Panicked(panic_text(&*panic))),
            Err(_) => Err(Mishap::Late(deadline)),
        };
    }
    let runtime = Handle::current();
    let given_up = CancellationToken::new();
    let until_then = given_up.clone().drop_guard();
    let ended = threads.spawn_blocking(move || {
        runtime.block_on(async move {
            tokio::select! {
                biased;
                () = given_up.cancelled() => None,
                ended = guarded => Some(ended),
            }
        })
    });
    let ended = tokio::time::timeout(deadline, ended).await;
    drop(until_then);
    match ended {
        Ok(Ok(Some(Ok(value)))) => Ok(value),
        Ok(Ok(Some(Err(panic)))) => Err(Mishap::Panicked(panic_text(&*panic))),
        // Nothing but the end of the runtime ends it early.
        Ok(Ok(None) | Err(_)) | Err(_) => Err(Mishap::Late(deadline)),
    }
}

/// Runs a task of a mod beside everything else, for as long as it takes.
pub(crate) fn start(
    tasks: &TaskTracker,
    placement: Placement,
    id: Arc<str>,
    task: impl Future<Output = ()> + Send + 'static,
) {
    let guarded = async move {
        if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
            tracing::warn!(
                id = &*id,
                panic = panic_text(&*panic),
                "a task of a mod panicked"
            );
        }
    };
    if runs_here(placement) {
        tasks.spawn(guarded);
    } else {
        let runtime = Handle::current();
        tasks.spawn_blocking(move || runtime.block_on(guarded));
    }
}

fn runs_here(placement: Placement) -> bool {
    let flavor = Handle::current().runtime_flavor();
    placement == Placement::Tasks || flavor == RuntimeFlavor::CurrentThread
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message")
        .to_owned()
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
    use std::sync::mpsc;
    use std::time::Duration;

    const DEADLINE: Duration = Duration::from_millis(50);

    #[tokio::test(start_paused = true)]
    async fn a_call_that_panics_or_hangs_ends_as_a_mishap() {
        let threads = TaskTracker::new();
        for placement in [Placement::Tasks, Placement::Threads] {
            let run = |call: futures::future::BoxFuture<'static, u8>| {
                run(&threads, placement, DEADLINE, call)
            };
            assert_eq!(run(async { 1 }.boxed()).await, Ok(1));
            let panicked = run(async { panic!("no {}", 1) }.boxed()).await.unwrap_err();
            assert_eq!(panicked.to_string(), "panicked: no 1");
            let late = run(std::future::pending().boxed()).await.unwrap_err();
            assert_eq!(late.to_string(), "did not end within 50ms");
        }
    }

    /// Caught: `Threads` run like `Tasks` (the clock of the runtime's only worker stands still, and the test with it).
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_call_that_blocks_its_thread_is_given_up_and_counted_until_it_returns() {
        let threads = TaskTracker::new();
        let (release, blocked) = mpsc::channel::<()>();
        let call = async move { blocked.recv().is_ok() };
        let late = run(&threads, Placement::Threads, DEADLINE, call).await;
        assert_eq!(late, Err(Mishap::Late(DEADLINE)));
        assert_eq!(threads.len(), 1);
        drop(release);
        threads.close();
        threads.wait().await;
        let hang = run(
            &threads,
            Placement::Threads,
            DEADLINE,
            std::future::pending::<()>(),
        )
        .await;
        assert_eq!(hang, Err(Mishap::Late(DEADLINE)));
        threads.wait().await;
    }
}

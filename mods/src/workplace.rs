//! Where the code of one generation runs.

use crate::crew::{Crew, Job};
use crate::id::ModId;
use crate::loader::Placement;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

#[derive(Debug, Clone)]
pub(crate) enum Workplace {
    /// Among the tasks of everybody.
    Runtime,
    /// On threads of its own.
    Threads(Threads),
}

/// The threads of one generation.
#[derive(Debug, Clone)]
pub(crate) struct Threads {
    crew: Crew,
    runtime: Handle,
    /// Counts what is under way on them.
    at_work: TaskTracker,
}

impl Workplace {
    /// A place for a generation that was not constructed yet.
    pub(crate) fn new(placement: Placement, id: &ModId, at_work: &TaskTracker) -> Self {
        let runtime = Handle::current();
        // With one thread time may be paused, which another would not know of.
        let has_one_thread = runtime.runtime_flavor() == RuntimeFlavor::CurrentThread;
        if placement == Placement::Tasks || has_one_thread {
            return Self::Runtime;
        }
        Self::Threads(Threads {
            crew: Crew::new(id),
            runtime,
            at_work: at_work.clone(),
        })
    }
}

impl Threads {
    /// Has a thread run a future to its end, or until nobody waits for that any more. No answer comes from one that
    /// panicked when it was dropped. Fails where the system has no thread for it.
    pub(crate) fn run<F>(&self, future: F) -> io::Result<oneshot::Receiver<F::Output>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (done, answer) = oneshot::channel();
        self.crew.hand(Box::new(Run {
            runtime: self.runtime.clone(),
            future: Some(future),
            output: None,
            done,
            at_work: Some(self.at_work.token()),
        }))?;
        Ok(answer)
    }
}

struct Run<F: Future> {
    runtime: Handle,
    future: Option<F>,
    output: Option<F::Output>,
    done: oneshot::Sender<F::Output>,
    at_work: Option<TaskTrackerToken>,
}

impl<F: Future<Output: Send> + Send> Job for Run<F> {
    fn work(&mut self) {
        let future = self.future.take();
        let done = &mut self.done;
        let runtime = &self.runtime;
        let work = AssertUnwindSafe(|| {
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    () = done.closed() => None,
                    output = future? => Some(output),
                }
            })
        });
        self.output = catch_unwind(work).unwrap_or_default();
        if self.done.is_closed() {
            // Nobody takes it, and it may be of the mod's own code: it is dropped as such.
            let output = self.output.take();
            drop(catch_unwind(AssertUnwindSafe(|| drop(output))));
        }
        self.at_work = None;
    }

    fn tell(self: Box<Self>) {
        if let Some(output) = self.output {
            // Whoever waited may have gone.
            drop(self.done.send(output));
        }
    }
}

//! What a node has to live with now.

use std::sync::{Mutex, MutexGuard};
use std::task::{Poll, Waker};
use std::time::Duration;
use tokio::time::Instant;

/// How a node's calls to the registry go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reads {
    Well,
    Fail,
    /// They never end.
    Hang,
    /// Each way takes up to so long. What was read is old when it arrives.
    Slow(Duration),
    /// Some fail, some hang, some are slow.
    Mixed(Duration),
}

/// How a node's events come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Events {
    /// In order, within the usual time.
    Well,
    /// In any order, within this time.
    Shuffled(Duration),
    /// More than once.
    Repeated,
    /// Some not at all, and a gap in their place.
    Gappy,
    /// Some not at all, and nobody says so.
    Swallowed,
    /// None; it is told so, and told of a gap at the end.
    Down,
    /// The subscription ends, and attempts to get another are refused.
    Refused,
    /// The subscription ends, and attempts to get another never end.
    Unanswered,
    /// The subscription ends, and so does each that follows it.
    Ending,
}

impl Events {
    /// Whether there is no subscription meanwhile.
    pub(crate) fn cuts(self) -> bool {
        matches!(self, Self::Refused | Self::Unanswered | Self::Ending)
    }
}

/// The weather of one node.
#[derive(Debug)]
pub(crate) struct Weather {
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    reads: Reads,
    events: Events,
    /// The process is stopped.
    frozen: bool,
    thawed: Instant,
    sleepers: Vec<Waker>,
    /// An event was lost, and neither the node nor its bus can know.
    deceived: bool,
}

impl Weather {
    pub(crate) fn fair() -> Self {
        Self {
            now: Mutex::new(Now {
                reads: Reads::Well,
                events: Events::Well,
                frozen: false,
                thawed: Instant::now(),
                sleepers: Vec::new(),
                deceived: false,
            }),
        }
    }

    pub(crate) fn reads(&self) -> Reads {
        self.now().reads
    }

    pub(crate) fn set_reads(&self, reads: Reads) {
        self.now().reads = reads;
    }

    pub(crate) fn events(&self) -> Events {
        self.now().events
    }

    pub(crate) fn set_events(&self, events: Events) {
        self.now().events = events;
    }

    pub(crate) fn is_deceived(&self) -> bool {
        self.now().deceived
    }

    pub(crate) fn set_deceived(&self, deceived: bool) {
        self.now().deceived = deceived;
    }

    pub(crate) fn freeze(&self) {
        self.now().frozen = true;
    }

    pub(crate) fn thaw(&self) {
        let mut now = self.now();
        now.frozen = false;
        now.thawed = Instant::now();
        for sleeper in now.sleepers.drain(..) {
            sleeper.wake();
        }
    }

    /// Since when the process runs; `None` while it does not.
    pub(crate) fn runs_since(&self) -> Option<Instant> {
        let now = self.now();
        (!now.frozen).then_some(now.thawed)
    }

    /// Runs a task of the node's process: it stands still while that is stopped, and time goes on.
    pub(crate) async fn live(&self, task: impl Future<Output = ()>) {
        let mut task = std::pin::pin!(task);
        std::future::poll_fn(|context| {
            {
                let mut now = self.now();
                if now.frozen {
                    now.sleepers.push(context.waker().clone());
                    return Poll::Pending;
                }
            }
            task.as_mut().poll(context)
        })
        .await;
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap()
    }
}

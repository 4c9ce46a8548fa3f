use crate::view::View;
use crate::{NodeReport, Seen};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

/// What this node knows of the fleet, itself included. Clones are the same; cheap to clone and to read.
#[derive(Clone)]
pub struct Fleet {
    view: Arc<Mutex<View>>,
    incarnation: Uuid,
    news: watch::Sender<u64>,
}

impl Fleet {
    pub(crate) fn new(incarnation: Uuid) -> Self {
        Self {
            view: Arc::default(),
            incarnation,
            news: watch::Sender::new(0),
        }
    }

    /// All nodes in view: those first that somebody should look at, then by name.
    pub fn nodes(&self) -> Vec<Seen> {
        self.view().seen(Instant::now())
    }

    /// Which of them this process is.
    pub fn incarnation(&self) -> Uuid {
        self.incarnation
    }

    /// Changes whenever a node said something or left: for those who wait.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    pub(crate) fn hear(&self, report: NodeReport) {
        self.view().hear(report, Instant::now());
        self.tell();
    }

    pub(crate) fn leave(&self, incarnation: Uuid) {
        self.view().leave(incarnation);
        self.tell();
    }

    pub(crate) fn sweep(&self) -> Vec<Uuid> {
        let gone = self.view().sweep(Instant::now());
        if !gone.is_empty() {
            self.tell();
        }
        gone
    }

    pub(crate) fn len(&self) -> usize {
        self.view().len()
    }

    fn tell(&self) {
        self.news.send_modify(|news| *news += 1);
    }

    fn view(&self) -> MutexGuard<'_, View> {
        // Every update is complete before the next line can panic.
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("incarnation", &self.incarnation)
            .finish_non_exhaustive()
    }
}

use crate::core::Core;
use crate::{Freshness, ReloadReport};
use futures::{StreamExt, stream};
use hotbed_cache::{Held, Reloaded};
use hotbed_registry::{Error, Id, Revision};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Ids reloaded at once by a reload of everything.
const CONCURRENT_RELOADS: usize = 16;

/// How soon the log is read again for somebody who waits for what is not in it yet.
const READ_AGAIN: Duration = Duration::from_millis(50);

/// Looks at and nudges a hot-reload loop. Clones are the same handle; it outlives the loop.
#[derive(Clone)]
pub struct Handle {
    pub(crate) core: Arc<Core>,
    pub(crate) mode: &'static str,
}

/// This node could not catch up to the revision that was demanded.
#[derive(Debug, thiserror::Error)]
#[error("this node is at revision {reached}, not yet at {demanded}")]
pub struct BehindError {
    /// What was demanded.
    pub demanded: Revision,
    /// Where this node is.
    pub reached: Revision,
    /// Why it could not read further, if that is the reason.
    pub source: Option<Error>,
}

impl Handle {
    /// How far this node follows the registry.
    pub fn freshness(&self) -> Freshness {
        self.core.freshness()
    }

    /// The mode of the loop, as a word.
    pub fn mode(&self) -> &'static str {
        self.mode
    }

    /// Has the log read at another interval from now on, where it is read at one; answers whether it is.
    pub fn poll_every(&self, every: Duration) -> bool {
        self.core.poll_every(every)
    }

    /// Sees every step forward: for those who wait for changes.
    pub fn reached(&self) -> watch::Receiver<Revision> {
        self.core.reached()
    }

    /// Reads the log now, whatever the mode. Answers the head.
    pub async fn sync(&self) -> Result<Revision, Error> {
        self.core.sync().await
    }

    /// Makes sure that everything up to a revision is told, reading the log if need be. Waits at most `timeout`, for
    /// the revision may come from elsewhere before this node's registry shows it.
    pub async fn catch_up(&self, demanded: Revision, timeout: Duration) -> Result<(), BehindError> {
        let mut reached = self.core.reached();
        let mut last_error = None;
        let reading = async {
            loop {
                match self.core.sync().await {
                    Ok(_) => last_error = None,
                    Err(error) => last_error = Some(error),
                }
                tokio::time::sleep(READ_AGAIN).await;
            }
        };
        let caught_up = async {
            tokio::select! {
                biased;
                // Whoever gets there first; a read may get past what is demanded and hang further on.
                _ = reached.wait_for(|reached| *reached >= demanded) => {}
                () = reading => {}
            }
        };
        let timely = tokio::time::timeout(timeout, caught_up).await;
        let reached = *self.core.reached().borrow();
        if timely.is_ok() || reached >= demanded {
            return Ok(());
        }
        Err(BehindError {
            demanded,
            reached,
            source: last_error,
        })
    }

    /// Builds one id anew, in every target that builds. The answer is that of the first.
    pub async fn reload(&self, id: &Id) -> Option<Reloaded> {
        let mut first = None;
        for target in &self.core.targets {
            let reloaded = target.reload(id).await;
            first = first.or(reloaded);
        }
        first
    }

    /// Catches up with the log, then builds everything that is held anew.
    pub async fn reload_all(&self) -> Result<ReloadReport, Error> {
        self.core.sync().await?;
        let held: BTreeSet<Id> = self
            .core
            .targets
            .iter()
            .flat_map(|target| target.held())
            .map(|held| held.id)
            .collect();
        let reloads = stream::iter(held).map(async |id| {
            let reloaded = self.reload(&id).await;
            (id, reloaded)
        });
        let mut report = ReloadReport::default();
        let mut reloads = reloads.buffered(CONCURRENT_RELOADS);
        while let Some((id, reloaded)) = reloads.next().await {
            if let Some(reloaded) = reloaded {
                report.note(id, reloaded);
            }
        }
        Ok(report)
    }

    /// What the targets hold.
    pub fn held(&self) -> Vec<Held> {
        self.core
            .targets
            .iter()
            .flat_map(|target| target.held())
            .collect()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

//! When a configuration directory is worth reading.

use nix::sys::signal::{Signal as Kind, raise};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::io::{IsTerminal, stdin};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// How long nothing happens before a burst of changes is over.
const QUIET: Duration = Duration::from_millis(300);
/// How long a burst may last before what there is is looked at.
const BURST: Duration = Duration::from_secs(10);
/// How often it is looked without a sign: some file systems give none.
const LOOK: Duration = Duration::from_secs(5);
/// What git holds while it writes a work tree.
const GIT_LOCK: &str = ".git/index.lock";

/// Says when a directory is worth reading: its files have changed and are at rest, or somebody asks by `SIGHUP`.
#[derive(Debug)]
pub(crate) struct Trigger {
    changed: Arc<Notify>,
    hangups: Signal,
    /// Whether there was a terminal that may hang up.
    had_terminal: bool,
    /// Where git may be at work.
    git_locks: Vec<PathBuf>,
    /// Ends with this.
    _watcher: Option<RecommendedWatcher>,
}

impl Trigger {
    /// Watches a directory and all that is in it. Where the system does not tell of changes, they are found by looking.
    pub(crate) fn of(dir: &Path) -> std::io::Result<Self> {
        let changed = Arc::new(Notify::new());
        let ring = Arc::clone(&changed);
        let heard = move |event: notify::Result<notify::Event>| {
            // To read it is no change, and reading is what follows.
            if event.is_ok_and(|event| event.kind.is_access()) {
                return;
            }
            ring.notify_one();
        };
        let watcher = notify::recommended_watcher(heard).and_then(|mut watcher| {
            watcher.watch(dir, RecursiveMode::Recursive)?;
            Ok(watcher)
        });
        let watcher = watcher
            .inspect_err(|error| {
                tracing::warn!(%error, "changes of {} are not told: it is looked at every {LOOK:?}", dir.display());
            })
            .ok();
        let real = dir.canonicalize()?;
        Ok(Self {
            changed,
            hangups: signal(SignalKind::hangup())?,
            had_terminal: stdin().is_terminal(),
            git_locks: real.ancestors().map(|dir| dir.join(GIT_LOCK)).collect(),
            _watcher: watcher,
        })
    }

    /// Waits for the next reason to read the directory; true if somebody asked by hand.
    pub(crate) async fn pulled(&mut self) -> bool {
        let by_hand = tokio::select! {
            Some(()) = self.hangups.recv() => {
                if self.had_terminal && !stdin().is_terminal() {
                    // Nobody asks: the terminal of this server is gone, and the server is to go with it.
                    if let Err(error) = raise(Kind::SIGTERM) {
                        tracing::warn!(%error, "terminal is gone, and this server cannot end itself");
                    }
                }
                true
            }
            () = self.changed.notified() => false,
            () = tokio::time::sleep(LOOK) => return false,
        };
        self.rest().await;
        by_hand
    }

    /// Waits until a burst of changes is over, so that what is read is what its writer meant.
    async fn rest(&self) {
        let latest = Instant::now() + BURST;
        while Instant::now() < latest {
            let is_quiet = timeout(QUIET, self.changed.notified()).await.is_err();
            if is_quiet && !self.git_locks.iter().any(|lock| lock.exists()) {
                return;
            }
        }
    }
}

use super::commit;
use super::desk::Desk;
use super::fault::Fault;
use super::look::{Looks, Next, Scope};
use super::watch::Watch;
use crate::job::Job;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// Jobs that are done together at most.
const BATCH: usize = 256;
/// Bytes after which they are enough.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// How long the lock is kept while there are always more jobs: every change of hands costs others a wait.
const TURN: Duration = Duration::from_millis(20);
/// How long the lock is kept for those who were just answered and may come again.
const LINGER: Duration = Duration::from_millis(1);
/// Looks at the start, each a moment after the other: a directory that never comes to rest must not keep it from
/// being opened.
const FIRST_LOOKS: usize = 10;

/// Writes one collection, and looks after its files.
#[derive(Debug)]
pub(super) struct Keeper {
    desk: Arc<Desk>,
    watch: Watch,
    looks: Looks,
    /// When to look at what was heard, or is not believed yet.
    next: Option<Instant>,
    /// Whether the last look did not come to everything.
    unfinished: bool,
    /// When to look at everything.
    rescan: Instant,
}

impl Keeper {
    /// Begins to watch, and learns what happened to the files while nobody did.
    pub(super) async fn begin(desk: Arc<Desk>, watch: Watch) -> Result<Self, Fault> {
        desk.place.prepare()?;
        let held = desk.lock().await?;
        let working = Arc::clone(&desk);
        blocking(move || {
            working.prepare(&held)?;
            // Left by someone who died before anything was decided. Where it cannot be removed, it does no harm.
            if let Err(fault) = working.place.remove_staged() {
                tracing::debug!(reason = fault.reason(), "directory is not tidied up");
            }
            Ok(())
        })
        .await?;
        let mut keeper = Self {
            rescan: Instant::now() + desk.options.rescan,
            desk,
            watch,
            looks: Looks::default(),
            next: None,
            unfinished: false,
        };
        keeper.watch.attend();
        let (mut next, mut looks) = (keeper.look(Scope::All).await?, 1);
        while next != Next::Later && looks < FIRST_LOOKS {
            next = if next == Next::Now {
                keeper.look(Scope::Others).await?
            } else {
                tokio::time::sleep(keeper.desk.options.settle).await;
                looks += 1;
                keeper.look(Scope::All).await?
            };
        }
        keeper.note_next(next);
        Ok(keeper)
    }

    /// Does jobs and looks until there can be no more jobs.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Job>, closing: CancellationToken) {
        let heard = self.watch.heard();
        loop {
            let due = self.next.map_or(self.rescan, |next| next.min(self.rescan));
            tokio::select! {
                () = closing.cancelled(), if !queue.is_closed() => queue.close(),
                job = queue.recv() => match job {
                    Some(job) => self.transact(job, &mut queue).await,
                    None => break,
                },
                () = heard.woken(), if self.next.is_none() => {
                    self.next = Some(Instant::now() + self.desk.options.settle);
                }
                () = sleep_until(due) => self.look_again().await,
            }
        }
    }

    /// Has one turn with the lock.
    async fn transact(&mut self, first: Job, queue: &mut mpsc::Receiver<Job>) {
        let mut held = match self.desk.lock().await {
            Ok(held) => held,
            Err(fault) => return fail(gather(first, queue), &fault),
        };
        let end = Instant::now() + TURN;
        let mut next = Some(first);
        while let Some(first) = next {
            // Only now: whoever came while the lock or the disk was waited for comes along.
            let mut jobs = gather(first, queue);
            let is_crowded = jobs.len() > 1;
            let desk = Arc::clone(&self.desk);
            let done = spawn_blocking(move || {
                let outcome = commit::transact(&desk, &held, &mut jobs);
                (held, jobs, outcome)
            });
            // After a panic the callers hear that nobody answers.
            let Ok((still_held, jobs, outcome)) = done.await else {
                return;
            };
            held = still_held;
            match outcome {
                Ok(()) => jobs.into_iter().for_each(Job::answer),
                Err(fault) => return fail(jobs, &fault),
            }
            next = if Instant::now() >= end {
                None
            } else if is_crowded {
                timeout(LINGER, queue.recv()).await.ok().flatten()
            } else {
                queue.try_recv().ok()
            };
        }
    }

    async fn look_again(&mut self) {
        let now = Instant::now();
        let scope = if now >= self.rescan {
            self.rescan = now + self.desk.options.rescan;
            Scope::All
        } else if self.unfinished {
            Scope::Others
        } else {
            self.watch.heard().take()
        };
        self.watch.attend();
        let next = self.look(scope).await.unwrap_or_else(|fault| {
            tracing::warn!(
                reason = fault.reason(),
                "files cannot be looked at; later again"
            );
            Next::Later
        });
        self.note_next(next);
    }

    fn note_next(&mut self, next: Next) {
        self.unfinished = next == Next::Now;
        let now = Instant::now();
        self.next = match next {
            Next::Now => Some(now),
            Next::Soon => Some(now + self.desk.options.settle),
            // Unless something was heard meanwhile, of which `run` takes notice.
            Next::Later => None,
        };
    }

    async fn look(&mut self, scope: Scope) -> Result<Next, Fault> {
        let (desk, mut looks) = (Arc::clone(&self.desk), std::mem::take(&mut self.looks));
        let surveyed = blocking(move || {
            let surveyed = looks.survey(&desk, scope);
            Ok((looks, surveyed))
        });
        let (mut looks, surveyed) = surveyed.await?;
        let (suspicion, next) = match surveyed {
            Ok((suspicion, next)) if !suspicion.is_empty() => (suspicion, next),
            other => {
                self.looks = looks;
                return other.map(|(_, next)| next);
            }
        };
        let held = match self.desk.lock().await {
            Ok(held) => held,
            Err(fault) => {
                self.looks = looks;
                return Err(fault);
            }
        };
        let desk = Arc::clone(&self.desk);
        let told = blocking(move || {
            let told = looks.tell(&desk, &held, suspicion);
            Ok((looks, told))
        });
        let (looks, told) = told.await?;
        self.looks = looks;
        let told = told?;
        Ok(if next == Next::Later { told } else { next })
    }
}

/// A job and those that wait behind it, as many as are done together.
fn gather(first: Job, queue: &mut mpsc::Receiver<Job>) -> Vec<Job> {
    let mut bytes = first.size();
    let mut jobs = vec![first];
    while jobs.len() < BATCH && bytes < BATCH_BYTES {
        let Ok(job) = queue.try_recv() else { break };
        bytes += job.size();
        jobs.push(job);
    }
    jobs
}

fn fail(jobs: Vec<Job>, fault: &Fault) {
    for job in jobs {
        job.fail(|operation| fault.during(operation));
    }
}

/// Does what waits for the disk where it keeps nobody else waiting.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Fault::interrupted(&error)))
}

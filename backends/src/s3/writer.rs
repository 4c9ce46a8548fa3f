use super::commit::Attempt;
use super::core::{AT_ONCE, Core};
use super::fault::Fault;
use super::link::Link;
use super::plan::{Object, Plan, Read, plan};
use super::remote::SwapFault;
use super::replica::Edit;
use crate::job::Job;
use crate::stored::Unreadable;
use futures::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};
use hotbed_registry::{Error, Id};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Jobs that one replacement of the index takes at most.
const BATCH: usize = 1024;
/// Bytes after which it takes no further job.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// Does all writes of this process to one collection.
pub(super) struct Writer {
    core: Arc<Core>,
}

impl Writer {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Does jobs until there can be no more.
    pub(super) async fn run(self, mut queue: mpsc::Receiver<Job>, closing: CancellationToken) {
        loop {
            let first = tokio::select! {
                biased;
                () = closing.cancelled(), if !queue.is_closed() => {
                    queue.close();
                    continue;
                }
                job = queue.recv() => job,
            };
            let Some(first) = first else { break };
            self.transact(first, &mut queue).await;
        }
    }

    async fn transact(&self, first: Job, queue: &mut mpsc::Receiver<Job>) {
        let _pen = self.core.pen.lock().await;
        let mut bytes = first.size();
        let mut jobs = vec![first];
        while jobs.len() < BATCH && bytes < BATCH_BYTES {
            let Ok(job) = queue.try_recv() else { break };
            bytes += job.size();
            jobs.push(job);
        }
        let Err(fault) = self.write(&mut jobs).await else {
            jobs.into_iter().for_each(Job::answer);
            return;
        };
        let (fault, passing) = match fault {
            SwapFault::Unknown(fault) => (fault.clone().at_commit(), fault),
            SwapFault::NotDone(fault) => (fault.clone(), fault),
        };
        for job in jobs {
            job.fail(|operation| fault.during(operation));
        }
        // They waited for the store as well. Should each wait for it again?
        while let Ok(job) = queue.try_recv() {
            job.fail(|operation| passing.during(operation));
        }
    }

    /// Decides the jobs and makes it true. When this succeeds every job is settled.
    async fn write(&self, jobs: &mut [Job]) -> Result<(), SwapFault> {
        let core = &self.core;
        let deadline = Instant::now() + 4 * core.remote.patience();
        let mut read = Read::new();
        // Whether the replica knows all that was written before these jobs came.
        let mut fresh = core.replica.read().basis.version.is_none();
        if fresh {
            self.refresh().await?;
        }
        while Instant::now() < deadline {
            let (planned, basis) = {
                let copy = core.replica.read();
                let planned = plan(&copy.state, jobs, &read, &core.shelf, &core.marks);
                (planned, copy.basis.clone())
            };
            let plan = match planned {
                Ok(plan) => plan,
                Err(missing) => {
                    self.read(missing, &mut read).await?;
                    continue;
                }
            };
            if plan.ops.is_empty() && fresh {
                return Ok(());
            }
            if !plan.ops.is_empty() {
                // Whoever reads the index must find them.
                self.put(&plan.objects).await.map_err(SwapFault::NotDone)?;
                let edit = Edit {
                    ops: plan.ops.clone(),
                    ..Edit::default()
                };
                if core.commit(&basis, edit).await? == Attempt::Committed {
                    self.shelve(plan);
                    return Ok(());
                }
            }
            self.refresh().await?;
            fresh = true;
        }
        Err(SwapFault::NotDone(Fault::said(format!(
            "others write to {} without a pause: try again",
            core.remote.url()
        ))))
    }

    async fn refresh(&self) -> Result<(), SwapFault> {
        self.core
            .replica
            .refresh()
            .await
            .map_err(SwapFault::NotDone)
    }

    /// Reads versions; one that cannot be understood concerns only those who write over it.
    async fn read(&self, missing: Vec<(Id, Link)>, read: &mut Read) -> Result<(), SwapFault> {
        let core = &self.core;
        let reads: Vec<_> = missing
            .into_iter()
            .map(|(id, link)| async move { (core.version(&id, &link).await, link) }.boxed())
            .collect();
        let mut versions = stream::iter(reads).buffer_unordered(AT_ONCE);
        let mut forgotten = false;
        while let Some((version, link)) = versions.next().await {
            match version.map_err(|fault| (fault.during("read a registration"), fault)) {
                Ok(Some(version)) => {
                    read.insert(link, Ok(version));
                }
                Ok(None) => forgotten = true,
                Err((Error::Corrupt { place, reason }, _)) => {
                    read.insert(link, Err(Unreadable { place, reason }));
                }
                Err((_, fault)) => return Err(SwapFault::NotDone(fault)),
            }
        }
        if forgotten {
            // Somebody wrote something newer.
            self.refresh().await?;
        }
        Ok(())
    }

    async fn put(&self, objects: &[Object]) -> Result<(), Fault> {
        let remote = &self.core.remote;
        let puts: Vec<_> = objects
            .iter()
            .map(|object| remote.put(&object.key, object.body.clone()).boxed())
            .collect();
        stream::iter(puts)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    fn shelve(&self, plan: Plan) {
        for object in plan.objects {
            self.core.shelf.put(object.key, object.version);
        }
    }
}

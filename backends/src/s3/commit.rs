//! The replacement of the index: the moment at which writes become true.

use super::core::Core;
use super::fault::{Arrived, Fault};
use super::index::{Index, encode_base};
use super::remote::{Swap, SwapFault};
use super::replica::{Basis, Edit, INDEX, base_key};
use hotbed_registry::Revision;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    Committed,
    /// Somebody else was quicker; the replica may not know of it yet.
    Lost,
}

impl Core {
    /// Replaces the index by one that tells an edit too. Only for who holds the pen.
    pub(super) async fn commit(
        self: &Arc<Self>,
        basis: &Basis,
        edit: Edit,
    ) -> Result<Attempt, SwapFault> {
        let (writer, number) = (self.marks.writer(), self.marks.next());
        let edit = Arc::new(edit);
        let mut index = Index::clone(&basis.index);
        index.generation += 1;
        index.ops.extend(edit.ops.iter().cloned());
        index.forgotten = index.forgotten.max(edit.forgotten);
        index.sign(writer, number);
        if index.lineage.is_empty() {
            index.lineage = self.marks.mark().to_string();
        }
        let replaced = match self.rebase(basis, &mut index, &edit).await {
            Ok(Some(replaced)) => replaced,
            Ok(None) => return Ok(Attempt::Lost),
            Err(fault) => return Err(SwapFault::NotDone(fault)),
        };
        let swapped = self
            .remote
            .swap(INDEX, index.encode(), basis.version.as_ref())
            .await;
        match swapped? {
            Swap::Done(version) => {
                let to = Basis {
                    index: Arc::new(index),
                    version: Some(version),
                };
                self.replica.advance(basis, to, &edit);
                self.sweep_base(replaced).await;
                Ok(Attempt::Committed)
            }
            Swap::Lost(Arrived::No) => Ok(Attempt::Lost),
            Swap::Lost(Arrived::Perhaps) => self.find_out(number).await,
        }
    }

    /// Whether the index shows an attempt of ours whose answer was lost.
    async fn find_out(&self, number: u64) -> Result<Attempt, SwapFault> {
        self.replica.refresh().await.map_err(SwapFault::Unknown)?;
        let copy = self.replica.read();
        match copy.basis.index.last_attempt(self.marks.writer()) {
            Some(last) if last == number => Ok(Attempt::Committed),
            Some(_) => Ok(Attempt::Lost),
            None => Err(SwapFault::Unknown(Fault::said(format!(
                "{} was replaced by too many others since",
                self.remote.place(INDEX)
            )))),
        }
    }

    /// Puts a new base under an index that tells too many writes, or that forgets what only the base remembers.
    /// Answers the base that nobody needs any more once that index stands; nothing if it never will, for the replica
    /// has a newer one.
    async fn rebase(
        self: &Arc<Self>,
        basis: &Basis,
        index: &mut Index,
        edit: &Arc<Edit>,
    ) -> Result<Option<Option<String>>, Fault> {
        let limit = {
            let copy = self.replica.read();
            ops_limit(copy.state.entries.len())
        };
        let forgets = !edit.purged.is_empty();
        if index.ops.len() <= limit && !forgets {
            return Ok(Some(None));
        }
        let (core, generation, edit) = (Arc::clone(self), basis.index.generation, Arc::clone(edit));
        // A large one takes a while.
        let encode = spawn_blocking(move || {
            let mut state = {
                let copy = core.replica.read();
                if copy.basis.index.generation != generation {
                    return None;
                }
                copy.state.clone()
            };
            edit.apply(&mut state);
            Some(encode_base(&state))
        });
        let body = encode
            .await
            .map_err(|error| Fault::said(error.to_string()))?;
        let Some(body) = body else { return Ok(None) };
        let base = format!("{:x}-{}", index.generation, self.marks.mark());
        self.remote.put(&base_key(&base), body).await?;
        // Who is not far behind needs no base.
        let kept = if forgets {
            index.lineage = self.marks.mark().to_string();
            0
        } else {
            limit / 2
        };
        let head = index.head();
        let surplus = index.ops.len().saturating_sub(kept);
        index.ops.drain(..surplus);
        index.since = index
            .ops
            .first()
            .map_or(head, |op| Revision(op.link.revision.0 - 1));
        let old = index.base.replace(base);
        Ok(Some(std::mem::replace(&mut index.retired, old)))
    }

    async fn sweep_base(&self, name: Option<String>) {
        if let Some(name) = name
            && let Err(fault) = self.remote.delete(&[base_key(&name)]).await
        {
            // A compaction finds it.
            tracing::debug!(?fault, "a base that nobody needs is left");
        }
    }
}

/// How many writes an index tells before there is a new base: the more there is to write into that, the more.
fn ops_limit(entries: usize) -> usize {
    256 + entries / 256
}

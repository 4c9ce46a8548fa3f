use super::copier::Copier;
use super::{ImportReport, Mode, MoveError, OnDifference, Record};
use crate::RegistryBackend;
use std::sync::Arc;

/// Brings records into a collection that may hold others, which it leaves alone.
///
/// Each write is atomic, and conditional on what was just read. What is equal is not written, so that a second run goes
/// on where an interrupted one stopped. With [`Mode::DryRun`] and [`OnDifference::Tell`] it compares: what is counted
/// as the same is in the target as it was brought.
#[derive(Debug)]
pub struct Import(Copier);

impl Import {
    /// Begins to bring records into a target.
    pub async fn begin(
        target: Arc<dyn RegistryBackend>,
        on_difference: OnDifference,
        mode: Mode,
    ) -> Result<Self, MoveError> {
        Ok(Self(Copier::new(target, on_difference, mode).await?))
    }

    /// Brings one record, no id twice. Returns once it is under way; [`finish`](Self::finish) tells how it went.
    pub async fn bring(&mut self, record: Record) -> Result<(), MoveError> {
        self.0.bring(record).await
    }

    /// Waits until everything is written.
    pub async fn finish(mut self) -> Result<ImportReport, MoveError> {
        self.0.finish().await?;
        Ok(ImportReport {
            tally: self.0.tally,
            failures: self.0.into_failures(),
        })
    }
}

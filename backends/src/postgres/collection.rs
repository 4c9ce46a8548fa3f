use super::Shared;
use super::arguments::{Bound, clamp};
use super::batch::storable;
use super::history::Archive;
use super::listing;
use super::row::{self, Extent};
use crate::prune::Progress;
use async_trait::async_trait;
use chrono::Utc;
use hotbed_registry::{
    Access, ChangeNote, Changes, CollectionName, Draft, Error, Id, Page, Past, Precondition, Query,
    Registration, RegistryBackend, Retention, Revision,
};
use sqlx::Row;
use std::fmt;
use std::sync::Arc;

/// One collection of a PostgreSQL database.
pub(super) struct PostgresCollection {
    shared: Arc<Shared>,
    name: CollectionName,
    pruned: Progress,
}

impl PostgresCollection {
    pub(super) fn new(shared: Arc<Shared>, name: CollectionName) -> Self {
        Self {
            shared,
            name,
            pruned: Progress::default(),
        }
    }

    fn archive(&self) -> Archive<'_> {
        Archive {
            shared: &self.shared,
            collection: &self.name,
        }
    }

    /// The parameters of a statement whose first is the collection.
    fn bound(&self) -> Bound {
        Bound::default().and(self.name.as_str())
    }

    async fn extent(&self, operation: &'static str) -> Result<Extent, Error> {
        let sql = self.shared.statements.head.clone();
        let rows = self
            .shared
            .readers
            .rows(operation, sql, self.bound())
            .await?;
        rows.first()
            .map_or(Ok(Extent::NONE), |row| Ok(Extent::of(row)?))
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl RegistryBackend for PostgresCollection {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        let sql = self.shared.statements.get.clone();
        let bound = self.bound().and(id.as_str());
        let rows = self
            .shared
            .readers
            .rows("read a registration", sql, bound)
            .await?;
        rows.first().map(row::registration).transpose()
    }

    async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Registration, Error> {
        self.shared.jobs.put(&self.name, id, draft, when).await
    }

    async fn delete(
        &self,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error> {
        self.shared.jobs.delete(&self.name, id, when, note).await
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        let (sql, bound) = listing::select(self.shared.connector.url().table(), &self.name, query);
        let rows = self
            .shared
            .readers
            .rows("list registrations", sql, bound)
            .await?;
        let items = rows
            .iter()
            .map(row::registration)
            .collect::<Result<_, _>>()?;
        Ok(Page::new(items, query))
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        let (sql, bound) = listing::count(self.shared.connector.url().table(), &self.name, query);
        let rows = self
            .shared
            .readers
            .rows("count registrations", sql, bound)
            .await?;
        let count: Option<i64> = rows.first().and_then(|row| row.try_get(0).ok());
        Ok(count.unwrap_or_default().cast_unsigned())
    }

    async fn head(&self) -> Result<Revision, Error> {
        Ok(self.extent("read its revision").await?.head)
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        let sql = self.shared.statements.heads.clone();
        // No id is empty, so every id is greater than nothing.
        let bound = self
            .bound()
            .and(after.map_or("", Id::as_str))
            .and(clamp(limit as u64));
        let rows = self
            .shared
            .readers
            .rows("list its heads", sql, bound)
            .await?;
        rows.iter().map(row::head).collect()
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        const READ: &str = "read its log";
        // Most polls find nothing. The log is asked only if there is something: how such a question is best answered
        // the server considers anew each time, which in a long log takes longer than the answer.
        let Extent { head, .. } = self.extent(READ).await?;
        if after == head {
            return Ok(Changes::Log {
                changes: Vec::new(),
                head,
            });
        }
        let sql = self.shared.statements.changes.clone();
        let bound = self.bound().and(clamp(after.0)).and(clamp(limit as u64));
        let rows = self.shared.readers.rows(READ, sql, bound).await?;
        let Extent { head, forgotten } = rows.first().map_or(Ok(Extent::NONE), Extent::of)?;
        if after > head || after < forgotten {
            return Ok(Changes::Compacted {
                oldest: forgotten.next(),
                head,
            });
        }
        let told = rows.iter().filter(|row| row::is_there(row));
        Ok(Changes::Log {
            changes: told.map(row::change).collect::<Result<_, _>>()?,
            head,
        })
    }

    async fn touch(&self, accesses: &[Access]) -> Result<(), Error> {
        self.shared.jobs.touch(&self.name, accesses).await
    }

    async fn compact(&self, keep: Retention) -> Result<Revision, Error> {
        const COMPACT: &str = "compact its log";
        let Extent { head, forgotten } = self.extent(COMPACT).await?;
        let sql = self.shared.statements.oldest_since.clone();
        let bound = self.bound().and(storable(keep.horizon(Utc::now())));
        let young = self.shared.readers.rows(COMPACT, sql, bound).await?;
        let first_young = match young.first() {
            Some(row) => row::revision(row)?,
            None => head.next(),
        };
        let first_kept = Revision(head.next().0.saturating_sub(keep.entries)).max(first_young);
        let jobs = &self.shared.jobs;
        let oldest = jobs
            .forget(&self.name, forgotten.next(), first_kept)
            .await?;
        self.pruned
            .prune(&self.archive(), jobs, &self.name, keep.history)
            .await?;
        Ok(oldest)
    }

    async fn history(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        let before = before.unwrap_or(Revision(u64::MAX));
        self.archive().before(id, before, limit).await
    }

    async fn past(&self, id: &Id, revision: Revision) -> Result<Option<Past>, Error> {
        let after = Revision(revision.0.saturating_add(1));
        let newest = self.archive().before(id, after, 1).await?.pop();
        Ok(newest.filter(|past| past.revision() == revision))
    }
}

impl fmt::Debug for PostgresCollection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresCollection")
            .field("url", self.shared.connector.url())
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

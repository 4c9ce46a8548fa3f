use super::Shared;
use super::history::Archive;
use super::listing;
use super::row::{self, columns};
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

/// One collection of a SQLite file.
pub(super) struct SqliteCollection {
    shared: Arc<Shared>,
    name: CollectionName,
    pruned: Progress,
}

impl SqliteCollection {
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

    /// Head and oldest entry of the log.
    async fn extent(&self) -> Result<(Revision, Revision), Error> {
        let row = sqlx::query(
            "SELECT head, (SELECT min(revision) FROM changes WHERE collection = ?1) AS oldest
             FROM collections WHERE name = ?1",
        )
        .bind(self.name.as_str())
        .fetch_optional(&self.shared.readers)
        .await
        .map_err(self.shared.fault("compact its log"))?;
        row.map_or(Ok((Revision::ZERO, Revision(1))), |row| extent(&row))
    }

    /// The oldest entry of the log that is not too old, if there is one.
    async fn oldest_since(&self, horizon: i64) -> Result<Option<Revision>, Error> {
        let oldest: Option<i64> = sqlx::query_scalar(
            "SELECT revision FROM changes WHERE collection = ?1 AND at >= ?2 ORDER BY revision LIMIT 1",
        )
        .bind(self.name.as_str())
        .bind(horizon)
        .fetch_optional(&self.shared.readers)
        .await
        .map_err(self.shared.fault("compact its log"))?;
        Ok(oldest.map(|oldest| Revision(oldest.cast_unsigned())))
    }
}

/// Head and oldest entry of the log from a row that has both.
fn extent(row: &sqlx::sqlite::SqliteRow) -> Result<(Revision, Revision), Error> {
    let read = || -> Result<_, String> {
        let head = Revision(row::counter(row, "head")?);
        let oldest: Option<i64> = row.try_get("oldest").map_err(|error| error.to_string())?;
        Ok((
            head,
            oldest.map_or(head.next(), |oldest| Revision(oldest.cast_unsigned())),
        ))
    };
    read().map_err(|reason| Error::Corrupt {
        place: "table collections".into(),
        reason,
    })
}

/// Head, oldest entry and the entries after a revision, as one statement and so as one moment. Without entries
/// it is one row of NULLs beside the head.
pub(super) const CHANGES: &str = "\
    SELECT head, (SELECT min(revision) FROM changes WHERE collection = ?1) AS oldest,
           later.revision, later.id, later.kind, later.at
    FROM collections
    LEFT JOIN (SELECT revision, id, kind, at FROM changes
               WHERE collection = ?1 AND revision > ?2 ORDER BY revision LIMIT ?3) AS later
    WHERE name = ?1
    ORDER BY later.revision";

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl RegistryBackend for SqliteCollection {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        let row = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM registrations WHERE collection = ?1 AND id = ?2"
        ))
        .bind(self.name.as_str())
        .bind(id.as_str())
        .fetch_optional(&self.shared.readers)
        .await
        .map_err(self.shared.fault("read a registration"))?;
        row.as_ref().map(row::registration).transpose()
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
        let rows = listing::select(&self.name, query)
            .build()
            .fetch_all(&self.shared.readers)
            .await
            .map_err(self.shared.fault("list registrations"))?;
        let items = rows
            .iter()
            .map(row::registration)
            .collect::<Result<_, _>>()?;
        Ok(Page::new(items, query))
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        let count: i64 = listing::count(&self.name, query)
            .build_query_scalar()
            .fetch_one(&self.shared.readers)
            .await
            .map_err(self.shared.fault("count registrations"))?;
        Ok(count.cast_unsigned())
    }

    async fn head(&self) -> Result<Revision, Error> {
        let head: Option<i64> = sqlx::query_scalar("SELECT head FROM collections WHERE name = ?1")
            .bind(self.name.as_str())
            .fetch_optional(&self.shared.readers)
            .await
            .map_err(self.shared.fault("read its revision"))?;
        Ok(Revision(head.unwrap_or_default().cast_unsigned()))
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        // No id is empty, so every id is greater than nothing.
        let rows = sqlx::query(
            "SELECT id, revision FROM registrations WHERE collection = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        )
        .bind(self.name.as_str())
        .bind(after.map_or("", Id::as_str))
        .bind(listing::clamp(limit as u64))
        .fetch_all(&self.shared.readers)
        .await
        .map_err(self.shared.fault("list its heads"))?;
        rows.iter().map(row::head).collect()
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        let rows = sqlx::query(CHANGES)
            .bind(self.name.as_str())
            .bind(listing::clamp(after.0))
            .bind(listing::clamp(limit as u64))
            .fetch_all(&self.shared.readers)
            .await
            .map_err(self.shared.fault("read its log"))?;
        let (head, oldest) = rows
            .first()
            .map_or(Ok((Revision::ZERO, Revision(1))), extent)?;
        if after > head || after.next() < oldest {
            return Ok(Changes::Compacted { oldest, head });
        }
        let told = rows.iter().filter(|row| {
            row.try_get::<Option<i64>, _>("revision")
                .is_ok_and(|it| it.is_some())
        });
        Ok(Changes::Log {
            changes: told.map(row::change).collect::<Result<_, _>>()?,
            head,
        })
    }

    async fn touch(&self, accesses: &[Access]) -> Result<(), Error> {
        self.shared.jobs.touch(&self.name, accesses).await
    }

    async fn compact(&self, keep: Retention) -> Result<Revision, Error> {
        let (head, oldest) = self.extent().await?;
        let young = self
            .oldest_since(keep.horizon(Utc::now()).timestamp_micros())
            .await?;
        let first_young = young.unwrap_or(head.next());
        let first_kept = Revision(head.next().0.saturating_sub(keep.entries)).max(first_young);
        let jobs = &self.shared.jobs;
        let oldest = jobs.forget(&self.name, oldest, first_kept).await?;
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

impl fmt::Debug for SqliteCollection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteCollection")
            .field("path", &self.shared.connector.path())
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

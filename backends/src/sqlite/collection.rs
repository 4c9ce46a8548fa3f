use super::Shared;
use super::job::{Answer, Job, Task};
use super::listing;
use super::row::{self, Texts, columns};
use async_trait::async_trait;
use chrono::Utc;
use hotbed_registry::{
    Access, Changes, CollectionName, Draft, Error, Id, Page, Precondition, Query, Registration,
    RegistryBackend, Retention, Revision,
};
use serde_json::json;
use sqlx::Row;
use std::fmt;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Accesses that are noted by one job, so that no other waits long for it.
const TOUCH: usize = 1000;

/// One collection of a SQLite file.
pub(super) struct SqliteCollection {
    shared: Arc<Shared>,
    name: CollectionName,
}

impl SqliteCollection {
    pub(super) fn new(shared: Arc<Shared>, name: CollectionName) -> Self {
        Self { shared, name }
    }

    /// Has the writer do something.
    async fn ask<T>(
        &self,
        operation: &'static str,
        task: Task,
        answer: oneshot::Receiver<Result<T, Error>>,
    ) -> Result<T, Error> {
        let job = Job {
            collection: self.name.clone(),
            task,
        };
        let ended = || Error::Unavailable {
            operation,
            reason: "it is closed".into(),
            source: None,
        };
        self.shared.jobs.send(job).await.map_err(|_| ended())?;
        answer.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Says what a failed read means.
    fn fault(&self, operation: &'static str) -> impl Fn(sqlx::Error) -> Error {
        move |error| self.shared.connector.fault(error).during(operation)
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
        .map_err(self.fault("compact its log"))?;
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
        .map_err(self.fault("compact its log"))?;
        Ok(oldest.map(|oldest| Revision(oldest.cast_unsigned())))
    }
}

/// Head and oldest entry of the log from a row that has both.
fn extent(row: &sqlx::sqlite::SqliteRow) -> Result<(Revision, Revision), Error> {
    let read = || -> Result<_, row::Unreadable> {
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
        .map_err(self.fault("read a registration"))?;
        row.as_ref().map(row::registration).transpose()
    }

    async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Registration, Error> {
        let texts = Texts::of(id, &draft)?;
        let (answer, answered) = Answer::channel();
        let task = Task::Put {
            id: id.clone(),
            draft: Some(Box::new((draft, texts))),
            when,
            answer,
        };
        self.ask("write a registration", task, answered).await
    }

    async fn delete(&self, id: &Id, when: Precondition) -> Result<Revision, Error> {
        let (answer, answered) = Answer::channel();
        let task = Task::Delete {
            id: id.clone(),
            when,
            answer,
        };
        self.ask("delete a registration", task, answered).await
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        let rows = listing::select(&self.name, query)
            .build()
            .fetch_all(&self.shared.readers)
            .await
            .map_err(self.fault("list registrations"))?;
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
            .map_err(self.fault("count registrations"))?;
        Ok(count.cast_unsigned())
    }

    async fn head(&self) -> Result<Revision, Error> {
        let head: Option<i64> = sqlx::query_scalar("SELECT head FROM collections WHERE name = ?1")
            .bind(self.name.as_str())
            .fetch_optional(&self.shared.readers)
            .await
            .map_err(self.fault("read its revision"))?;
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
        .map_err(self.fault("list its heads"))?;
        rows.iter().map(row::head).collect()
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        let rows = sqlx::query(CHANGES)
            .bind(self.name.as_str())
            .bind(listing::clamp(after.0))
            .bind(listing::clamp(limit as u64))
            .fetch_all(&self.shared.readers)
            .await
            .map_err(self.fault("read its log"))?;
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
        for chunk in accesses.chunks(TOUCH) {
            let pairs: Vec<_> = chunk
                .iter()
                .map(|it| json!([it.id.as_str(), it.at.timestamp_micros()]))
                .collect();
            let (answer, answered) = Answer::channel();
            let task = Task::Touch {
                accesses: json!(pairs).to_string(),
                answer,
            };
            self.ask("note accesses", task, answered).await?;
        }
        Ok(())
    }

    async fn compact(&self, keep: Retention) -> Result<Revision, Error> {
        let (head, mut oldest) = self.extent().await?;
        let young = self
            .oldest_since(keep.horizon(Utc::now()).timestamp_micros())
            .await?;
        let first_young = young.unwrap_or(head.next());
        let first_kept = Revision(head.next().0.saturating_sub(keep.entries)).max(first_young);
        while oldest < first_kept {
            let (answer, answered) = Answer::channel();
            let task = Task::Forget {
                before: first_kept,
                answer,
            };
            oldest = self.ask("compact its log", task, answered).await?;
        }
        Ok(oldest)
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

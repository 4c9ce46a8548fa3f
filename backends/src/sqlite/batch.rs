//! The jobs of one transaction. The number of statements depends on the collections, not on the jobs.

use super::history::{FORGET_PAST, REMEMBER};
use super::row;
use crate::job::{Job, Task, by_collection};
use crate::ledger::{Gone, Ledger, PastWrite};
use chrono::Utc;
use hotbed_registry::{Access, Id, Revision};
use serde_json::{Value, json};
use sqlx::{Row, SqliteConnection};
use std::collections::BTreeSet;

/// Log entries that one transaction forgets at most, so that no writer waits long for a compaction.
const FORGET: i64 = 1000;

/// Does the jobs, within a transaction that the caller began and will commit. After an error the caller must
/// roll back and fail them all, those already decided too.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    jobs: &mut [Job],
) -> Result<(), sqlx::Error> {
    for (collection, mut tasks) in by_collection(jobs) {
        Transaction {
            connection,
            collection: collection.as_str(),
        }
        .run(&mut tasks)
        .await?;
    }
    Ok(())
}

/// One collection's part of a transaction.
struct Transaction<'c> {
    connection: &'c mut SqliteConnection,
    collection: &'c str,
}

impl Transaction<'_> {
    async fn run(&mut self, tasks: &mut [&mut Task]) -> Result<(), sqlx::Error> {
        let ids: BTreeSet<&str> = tasks
            .iter()
            .filter_map(|task| task.written_id())
            .map(Id::as_str)
            .collect();
        if !ids.is_empty() {
            let ids = json!(ids).to_string();
            let mut ledger = self.read(ids).await?;
            for task in &mut *tasks {
                ledger.decide(task);
            }
            if !ledger.log.is_empty() {
                self.write(&ledger).await?;
            }
        }
        for task in tasks {
            match task {
                Task::Put { .. } | Task::Delete { .. } => {}
                Task::Touch { accesses, answer } => {
                    self.touch(accesses).await?;
                    answer.settle(Ok(()));
                }
                Task::Forget { before, answer } => {
                    let oldest = self.forget(*before).await?;
                    answer.settle(Ok(oldest));
                }
                Task::ForgetPast { versions, answer } => {
                    self.forget_past(versions).await?;
                    answer.settle(Ok(()));
                }
            }
        }
        Ok(())
    }

    /// What is stored of these ids, a JSON array. One row at least, so that the head is told in any case.
    async fn read(&mut self, ids: String) -> Result<Ledger, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT (SELECT head FROM collections WHERE name = ?1) AS head,
                    id, revision, version, status, created_at, updated_at, last_accessed_at, metadata
             FROM (SELECT 1)
             LEFT JOIN registrations
                 ON collection = ?1 AND id IN (SELECT value FROM json_each(?2))",
        )
        .bind(self.collection)
        .bind(ids)
        .fetch_all(&mut *self.connection)
        .await?;
        let head: Option<i64> = rows.first().map_or(Ok(None), |row| row.try_get("head"))?;
        let head = Revision(head.unwrap_or_default().cast_unsigned());
        let mut ledger = Ledger::new(head, Utc::now());
        for row in rows {
            let Some(id) = row.try_get("id")? else {
                continue;
            };
            // Asked for by a well-formed id, so it is one.
            let Ok(id) = Id::new(id) else { continue };
            let revision = Revision(row.try_get::<i64, _>("revision")?.cast_unsigned());
            let stored = row::without_config(&row);
            ledger.found(id, revision, stored);
        }
        Ok(ledger)
    }

    async fn write(&mut self, ledger: &Ledger) -> Result<(), sqlx::Error> {
        let rows: Vec<_> = ledger
            .written()
            .map(|row| {
                let it = row.registration;
                let [created, updated, accessed] =
                    [it.created_at, it.updated_at, it.last_accessed_at]
                        .map(|at| at.timestamp_micros());
                json!([
                    it.id.as_str(),
                    it.revision.0,
                    it.version,
                    it.status.as_str(),
                    created,
                    updated,
                    accessed,
                    row.metadata,
                    row.config,
                ])
            })
            .collect();
        // First, since it copies what the next statements write over.
        self.remember(&ledger.past).await?;
        if !rows.is_empty() {
            sqlx::query(
                "INSERT INTO registrations
                     (collection, id, revision, version, status, created_at, updated_at, last_accessed_at,
                      metadata, config)
                 SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
                        value ->> 6, value ->> 7, value ->> 8
                 FROM json_each(?2) WHERE true
                 ON CONFLICT (collection, id) DO UPDATE SET
                     revision = excluded.revision, version = excluded.version, status = excluded.status,
                     created_at = excluded.created_at, updated_at = excluded.updated_at,
                     last_accessed_at = excluded.last_accessed_at, metadata = excluded.metadata,
                     config = excluded.config",
            )
            .bind(self.collection)
            .bind(json!(rows).to_string())
            .execute(&mut *self.connection)
            .await?;
        }
        let log = ledger.log.iter().map(|it| {
            json!([
                it.revision.0,
                it.id.as_str(),
                it.kind.as_str(),
                it.at.timestamp_micros()
            ])
        });
        let rest = json!({
            "head": ledger.head.0,
            "log": log.collect::<Vec<_>>(),
            "deleted": ledger.deleted().map(Id::as_str).collect::<Vec<_>>(),
        });
        // Sent as one, since each way to the connection's thread and back costs as much as the statement.
        sqlx::query(
            "DELETE FROM registrations
                 WHERE collection = ?1 AND id IN (SELECT value FROM json_each(?2, '$.deleted'));
             INSERT INTO changes (collection, revision, id, kind, at)
                 SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?2, '$.log');
             INSERT INTO collections (name, head) VALUES (?1, ?2 ->> '$.head')
                 ON CONFLICT (name) DO UPDATE SET head = excluded.head",
        )
        .bind(self.collection)
        .bind(rest.to_string())
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    async fn remember(&mut self, past: &[PastWrite]) -> Result<(), sqlx::Error> {
        if past.is_empty() {
            return Ok(());
        }
        let (mut stored, mut given) = (Vec::new(), Vec::new());
        for PastWrite { what, by, at } in past {
            let (by, at) = (by.0, at.timestamp_micros());
            match what {
                Gone::Stored(id) => stored.push(json!([id.as_str(), by, at])),
                Gone::Deleted { id, metadata } => {
                    let none = Value::Null;
                    given.push(json!([
                        id.as_str(),
                        by,
                        by,
                        at,
                        none,
                        none,
                        none,
                        none,
                        metadata
                    ]));
                }
                Gone::Written {
                    registration: it,
                    metadata,
                    config,
                } => given.push(json!([
                    it.id.as_str(),
                    it.revision.0,
                    by,
                    at,
                    it.version,
                    it.status.as_str(),
                    it.created_at.timestamp_micros(),
                    it.updated_at.timestamp_micros(),
                    metadata,
                    config,
                ])),
            }
        }
        sqlx::query(REMEMBER)
            .bind(self.collection)
            .bind(json!({"stored": stored, "given": given}).to_string())
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }

    async fn forget_past(&mut self, versions: &[(String, Revision)]) -> Result<(), sqlx::Error> {
        let versions: Vec<_> = versions.iter().map(|(id, it)| json!([id, it.0])).collect();
        sqlx::query(FORGET_PAST)
            .bind(self.collection)
            .bind(json!(versions).to_string())
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }

    async fn touch(&mut self, accesses: &[Access]) -> Result<(), sqlx::Error> {
        let pairs: Vec<_> = accesses
            .iter()
            .map(|it| json!([it.id.as_str(), it.at.timestamp_micros()]))
            .collect();
        sqlx::query(
            "UPDATE registrations SET last_accessed_at = accessed.at
             FROM (SELECT value ->> 0 AS id, max(value ->> 1) AS at FROM json_each(?2) GROUP BY 1) AS accessed
             WHERE collection = ?1 AND registrations.id = accessed.id AND last_accessed_at < accessed.at",
        )
        .bind(self.collection)
        .bind(json!(pairs).to_string())
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    async fn forget(&mut self, before: Revision) -> Result<Revision, sqlx::Error> {
        sqlx::query(
            "DELETE FROM changes WHERE collection = ?1
             AND revision < min(?2, (SELECT min(revision) FROM changes WHERE collection = ?1) + ?3)",
        )
        .bind(self.collection)
        .bind(before.0.cast_signed())
        .bind(FORGET)
        .execute(&mut *self.connection)
        .await?;
        let oldest: Option<i64> = sqlx::query_scalar(
            "SELECT coalesce((SELECT min(revision) FROM changes WHERE collection = ?1),
                             (SELECT head + 1 FROM collections WHERE name = ?1))",
        )
        .bind(self.collection)
        .fetch_one(&mut *self.connection)
        .await?;
        Ok(oldest.map_or(Revision::ZERO.next(), |oldest| {
            Revision(oldest.cast_unsigned())
        }))
    }
}

//! The jobs of one transaction. The number of statements depends on the collections, not on the jobs.

mod past;

use super::arguments::{Bound, clamp};
use super::connector::Connector;
use super::row::{self, Extent};
use super::search::searchable;
use super::statements::Statements;
use crate::job::{Job, Task, by_collection};
use crate::ledger::Ledger;
use chrono::{DateTime, Utc};
use hotbed_registry::{Access, CollectionName, Id, Revision};
use serde_json::json;
use sqlx::postgres::PgQueryResult;
use sqlx::{PgConnection, Row, SqlStr};
use std::collections::{BTreeMap, BTreeSet};

/// Log entries that one transaction forgets at most, so that no writer waits long for a compaction.
const FORGET: u64 = 1000;

/// How far each collection reaches whose counter a transaction has locked.
pub(super) type Locked = BTreeMap<CollectionName, Extent>;

/// Begins a transaction and locks the counters of some collections: from then on nobody else writes to them, and
/// what is read is the newest. Nothing is begun after an error.
pub(super) async fn begin(
    connection: &mut PgConnection,
    connector: &Connector,
    statements: &Statements,
    collections: &BTreeSet<CollectionName>,
) -> Result<Locked, sqlx::Error> {
    // The names have no character that means anything to SQL.
    let names: Vec<_> = collections.iter().map(|it| format!("'{it}'")).collect();
    // An advisory lock is given to whoever waits longest, so that busy nodes take turns. A row's goes to whoever is
    // quickest, which is often whoever has just let go of it.
    let turns: Vec<_> = names
        .iter()
        .map(|name| {
            format!(
                "pg_advisory_xact_lock('{{collections}}'::regclass::oid::int, hashtext({name}))"
            )
        })
        .collect();
    // One message rather than three. After the turn has come, so that what is read is what the last one left.
    let lock = connector.sql(&format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE;
         SELECT {};
         SELECT name, head, forgotten FROM {{collections}} WHERE name IN ({}) ORDER BY name FOR NO KEY UPDATE",
        turns.join(", "),
        names.join(", ")
    ));
    let found = locked(connection, lock.clone()).await?;
    if found.len() == collections.len() {
        return Ok(found);
    }
    // Outside of the transaction, which would otherwise lock them in another order than other nodes.
    sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await?;
    let names: Vec<&str> = collections.iter().map(CollectionName::as_str).collect();
    sqlx::query(statements.new_collections.clone())
        .bind(names)
        .execute(&mut *connection)
        .await?;
    locked(connection, lock).await
}

async fn locked(connection: &mut PgConnection, lock: SqlStr) -> Result<Locked, sqlx::Error> {
    let rows = sqlx::raw_sql(lock).fetch_all(connection).await?;
    // The turns are told too, as a row of another kind.
    rows.iter()
        .skip(1)
        .map(|row| {
            let name = CollectionName::new(row.try_get("name")?)
                .map_err(|error| sqlx::Error::Decode(error.into()))?;
            let extent = Extent::of(row).map_err(|bad| sqlx::Error::Decode(bad.reason.into()))?;
            Ok((name, extent))
        })
        .collect()
}

/// Does the jobs, within the transaction. After an error the caller must roll back and fail them all, those already
/// decided too.
pub(super) async fn apply(
    connection: &mut PgConnection,
    statements: &Statements,
    channel: &str,
    locked: &Locked,
    jobs: &mut [Job],
) -> Result<(), sqlx::Error> {
    for (collection, mut tasks) in by_collection(jobs) {
        let part = Part {
            connection,
            statements,
            channel,
            collection: collection.as_str(),
            extent: locked.get(&collection).copied().unwrap_or(Extent::NONE),
        };
        part.run(&mut tasks).await?;
    }
    Ok(())
}

pub(super) async fn commit(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("COMMIT").execute(connection).await?;
    Ok(())
}

/// One collection's part of a transaction.
struct Part<'c> {
    connection: &'c mut PgConnection,
    statements: &'c Statements,
    channel: &'c str,
    collection: &'c str,
    extent: Extent,
}

impl Part<'_> {
    async fn run(mut self, tasks: &mut [&mut Task]) -> Result<(), sqlx::Error> {
        let ids: BTreeSet<&str> = tasks
            .iter()
            .filter_map(|task| task.written_id())
            .map(Id::as_str)
            .collect();
        if !ids.is_empty() {
            let mut ledger = self.read(ids.into_iter().collect()).await?;
            for task in &mut *tasks {
                ledger.decide(task);
            }
            if !ledger.log.is_empty() {
                self.write(&ledger).await?;
                self.extent.head = ledger.head;
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
                    self.forget(*before).await?;
                    answer.settle(Ok(self.extent.forgotten.next()));
                }
                Task::ForgetPast { versions, answer } => {
                    self.forget_past(versions).await?;
                    answer.settle(Ok(()));
                }
            }
        }
        Ok(())
    }

    async fn execute(&mut self, sql: SqlStr, bound: Bound) -> Result<PgQueryResult, sqlx::Error> {
        sqlx::query_with(sql, bound.into_arguments())
            .execute(&mut *self.connection)
            .await
    }

    async fn read(&mut self, ids: Vec<&str>) -> Result<Ledger, sqlx::Error> {
        let rows = sqlx::query(self.statements.found.clone())
            .bind(self.collection)
            .bind(ids)
            .fetch_all(&mut *self.connection)
            .await?;
        let mut ledger = Ledger::new(self.extent.head, Utc::now());
        for row in rows {
            // Asked for by a well-formed id, so it is one.
            let Ok(id) = Id::new(row.try_get("id")?) else {
                continue;
            };
            let revision = Revision(row.try_get::<i64, _>("revision")?.cast_unsigned());
            ledger.found(id, revision, row::without_config(&row));
        }
        Ok(ledger)
    }

    async fn write(&mut self, ledger: &Ledger) -> Result<(), sqlx::Error> {
        let rows: Vec<_> = ledger.written().collect();
        let all = || rows.iter().map(|row| row.registration);
        let log = || ledger.log.iter();
        let payload = json!({"collection": self.collection, "revision": ledger.head.0});
        let bound = Bound::default()
            .and(self.collection)
            .and(all().map(|it| it.id.as_str()).collect::<Vec<_>>())
            .and(all().map(|it| clamp(it.revision.0)).collect::<Vec<_>>())
            .and(all().map(|it| clamp(it.version)).collect::<Vec<_>>())
            .and(all().map(|it| it.status.as_str()).collect::<Vec<_>>())
            .and(all().map(|it| it.created_at).collect::<Vec<_>>())
            .and(all().map(|it| it.updated_at).collect::<Vec<_>>())
            .and(all().map(|it| it.last_accessed_at).collect::<Vec<_>>())
            .and(rows.iter().map(|it| &*it.metadata).collect::<Vec<_>>())
            .and(rows.iter().map(|it| it.config).collect::<Vec<_>>())
            .and(all().map(|it| searchable(&it.metadata)).collect::<Vec<_>>())
            .and(ledger.deleted().map(Id::as_str).collect::<Vec<_>>())
            .and(log().map(|it| clamp(it.revision.0)).collect::<Vec<_>>())
            .and(log().map(|it| it.id.as_str()).collect::<Vec<_>>())
            .and(log().map(|it| it.kind.as_str()).collect::<Vec<_>>())
            .and(log().map(|it| it.at).collect::<Vec<_>>())
            .and(clamp(ledger.head.0))
            .and(self.channel)
            .and(payload.to_string());
        let bound = past::bind(bound, &ledger.past);
        self.execute(self.statements.write.clone(), bound).await?;
        Ok(())
    }

    async fn touch(&mut self, accesses: &[Access]) -> Result<(), sqlx::Error> {
        let ids: Vec<_> = accesses.iter().map(|it| it.id.as_str()).collect();
        let times: Vec<_> = accesses.iter().map(|it| storable(it.at)).collect();
        let bound = Bound::default().and(self.collection).and(ids).and(times);
        self.execute(self.statements.touch.clone(), bound).await?;
        Ok(())
    }

    async fn forget(&mut self, before: Revision) -> Result<(), sqlx::Error> {
        let Extent { head, forgotten } = self.extent;
        let last = Revision(
            before
                .0
                .saturating_sub(1)
                .min(forgotten.0.saturating_add(FORGET)),
        );
        let last = last.min(head);
        if last > forgotten {
            let bound = Bound::default().and(self.collection).and(clamp(last.0));
            self.execute(self.statements.forget.clone(), bound).await?;
            self.extent.forgotten = last;
        }
        Ok(())
    }

    async fn forget_past(&mut self, versions: &[(String, Revision)]) -> Result<(), sqlx::Error> {
        let ids: Vec<_> = versions.iter().map(|(id, _)| id.as_str()).collect();
        let revisions: Vec<_> = versions.iter().map(|(_, it)| clamp(it.0)).collect();
        let bound = Bound::default()
            .and(self.collection)
            .and(ids)
            .and(revisions);
        self.execute(self.statements.forget_past.clone(), bound)
            .await?;
        Ok(())
    }
}

/// No time that this program notes is earlier, and the database knows none as early as some that chrono knows.
pub(super) fn storable(at: DateTime<Utc>) -> DateTime<Utc> {
    at.max(DateTime::UNIX_EPOCH)
}

//! The past of registrations: the versions that were replaced, behind the one that stands.

use super::Shared;
use super::listing::clamp;
use super::row;
use crate::prune::{PastVersions, Replaced, STEP};
use hotbed_registry::{CollectionName, Error, Id, Past, Revision};
use serde_json::json;
use std::collections::BTreeSet;

/// The writes of an id before a revision. What stands may have been written by a process that knows no history.
pub(super) const HISTORY: &str = "\
    SELECT id, revision, version, status, created_at, updated_at, updated_at AS last_accessed_at, metadata, config,
           NULL AS replaced_at
    FROM registrations WHERE collection = ?1 AND id = ?2 AND revision < ?3
    UNION ALL
    SELECT id, revision, version, status, created_at, updated_at, updated_at, metadata, config, replaced_at
    FROM history WHERE collection = ?1 AND id = ?2 AND revision < ?3
    ORDER BY revision DESC LIMIT ?4";

pub(super) const REPLACED: &str = "\
    SELECT id, revision, replaced_by, replaced_at FROM history
    WHERE collection = ?1 AND replaced_by > ?2 ORDER BY replaced_by LIMIT ?3";

// `CROSS JOIN` below has SQLite look up each id that it is given; left to itself it reads all rows of the collection.

/// From the first one that has so many newer ones.
pub(super) const SURPLUS: &str = "\
    SELECT past.id, past.revision FROM json_each(?2) AS given
    CROSS JOIN history AS past ON past.collection = ?1 AND past.id = given.value AND past.revision <= (
        SELECT revision FROM history WHERE collection = ?1 AND id = given.value
        ORDER BY revision DESC LIMIT 1 OFFSET ?3)
    LIMIT ?4";

/// Copies the rows that are about to be written over, then adds what never became a row, and deletions.
pub(super) const REMEMBER: &str = "\
    INSERT INTO history (collection, id, revision, replaced_by, replaced_at, version, status, created_at, updated_at,
                         metadata, config)
        SELECT ?1, row.id, revision, value ->> 1, value ->> 2, version, status, created_at, updated_at, metadata, config
        FROM json_each(?2, '$.stored')
        CROSS JOIN registrations AS row ON collection = ?1 AND row.id = value ->> 0;
    INSERT INTO history (collection, id, revision, replaced_by, replaced_at, version, status, created_at, updated_at,
                         metadata, config)
        SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
               value ->> 7, value ->> 8, value ->> 9
        FROM json_each(?2, '$.given')";

pub(super) const FORGET_PAST: &str = "\
    DELETE FROM history WHERE rowid IN (
        SELECT history.rowid FROM json_each(?2)
        CROSS JOIN history ON collection = ?1 AND history.id = value ->> 0 AND revision = value ->> 1)";

/// The past of one collection.
pub(super) struct Archive<'s> {
    pub(super) shared: &'s Shared,
    pub(super) collection: &'s CollectionName,
}

impl Archive<'_> {
    pub(super) async fn before(
        &self,
        id: &Id,
        before: Revision,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        let rows = sqlx::query(HISTORY)
            .bind(self.collection.as_str())
            .bind(id.as_str())
            .bind(clamp(before.0))
            .bind(clamp(limit as u64))
            .fetch_all(&self.shared.readers)
            .await
            .map_err(self.shared.fault("tell the past of a registration"))?;
        rows.iter().map(row::past).collect()
    }
}

impl PastVersions for Archive<'_> {
    async fn replaced(&self, after: Revision) -> Result<Vec<Replaced>, Error> {
        let rows = sqlx::query(REPLACED)
            .bind(self.collection.as_str())
            .bind(clamp(after.0))
            .bind(clamp(STEP as u64))
            .fetch_all(&self.shared.readers)
            .await
            .map_err(self.shared.fault("compact its history"))?;
        rows.iter().map(row::replaced).collect()
    }

    async fn surplus(
        &self,
        ids: &BTreeSet<String>,
        versions: u32,
    ) -> Result<Vec<(String, Revision)>, Error> {
        let rows: Vec<(String, i64)> = sqlx::query_as(SURPLUS)
            .bind(self.collection.as_str())
            .bind(json!(ids).to_string())
            .bind(i64::from(versions))
            .bind(clamp(STEP as u64))
            .fetch_all(&self.shared.readers)
            .await
            .map_err(self.shared.fault("compact its history"))?;
        let revision = |(id, revision): (_, i64)| (id, Revision(revision.cast_unsigned()));
        Ok(rows.into_iter().map(revision).collect())
    }
}

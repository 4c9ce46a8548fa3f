//! The past of registrations: the versions that were replaced, behind the one that stands.

use super::Shared;
use super::arguments::{Bound, clamp};
use super::row;
use crate::prune::{PastVersions, Replaced, STEP};
use hotbed_registry::{CollectionName, Error, Id, Past, Revision};
use sqlx::SqlStr;
use sqlx::postgres::PgRow;
use std::collections::BTreeSet;

const COMPACT: &str = "compact its history";

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
        let bound = Bound::default()
            .and(self.collection.as_str())
            .and(id.as_str())
            .and(clamp(before.0))
            .and(clamp(limit as u64));
        let sql = self.shared.statements.history.clone();
        let rows = self
            .rows("tell the past of a registration", sql, bound)
            .await?;
        rows.iter().map(row::past).collect()
    }

    async fn rows(
        &self,
        operation: &'static str,
        sql: SqlStr,
        bound: Bound,
    ) -> Result<Vec<PgRow>, Error> {
        self.shared.readers.rows(operation, sql, bound).await
    }
}

impl PastVersions for Archive<'_> {
    async fn replaced(&self, after: Revision) -> Result<Vec<Replaced>, Error> {
        let bound = Bound::default()
            .and(self.collection.as_str())
            .and(clamp(after.0))
            .and(clamp(STEP as u64));
        let sql = self.shared.statements.replaced.clone();
        let rows = self.rows(COMPACT, sql, bound).await?;
        rows.iter().map(row::replaced).collect()
    }

    async fn surplus(
        &self,
        ids: &BTreeSet<String>,
        versions: u32,
    ) -> Result<Vec<(String, Revision)>, Error> {
        let bound = Bound::default()
            .and(self.collection.as_str())
            .and(ids.iter().map(String::as_str).collect::<Vec<_>>())
            .and(i64::from(versions))
            .and(clamp(STEP as u64));
        let sql = self.shared.statements.surplus.clone();
        let rows = self.rows(COMPACT, sql, bound).await?;
        rows.iter().map(row::version).collect()
    }
}

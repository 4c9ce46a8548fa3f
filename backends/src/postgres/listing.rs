//! A [`Query`] as SQL. Texts of the user are only ever bound, never part of the statement.

use super::arguments::{Bound, clamp};
use super::search;
use super::statements::columns;
use super::tables::TableName;
use hotbed_registry::{CollectionName, Direction, Query, SortField, SortSpec};
use sqlx::SqlStr;

/// A statement in the making, with the values of its parameters.
struct Listing {
    sql: String,
    bound: Bound,
}

pub(super) fn select(
    tables: &TableName,
    collection: &CollectionName,
    query: &Query,
) -> (SqlStr, Bound) {
    let mut listing = Listing::of(
        concat!("SELECT ", columns!(), " FROM {registrations}"),
        collection,
        query,
    );
    listing.push(" ORDER BY ");
    for spec in &query.sort {
        listing.criterion(spec);
    }
    listing.push("id LIMIT ");
    listing.bind(clamp(query.limit.unwrap_or(u64::MAX)));
    listing.push(" OFFSET ");
    listing.bind(clamp(query.offset));
    (tables.sql(&listing.sql), listing.bound)
}

pub(super) fn count(
    tables: &TableName,
    collection: &CollectionName,
    query: &Query,
) -> (SqlStr, Bound) {
    let listing = Listing::of("SELECT count(*) FROM {registrations}", collection, query);
    (tables.sql(&listing.sql), listing.bound)
}

impl Listing {
    fn of(select: &str, collection: &CollectionName, query: &Query) -> Self {
        let mut listing = Self {
            sql: select.to_owned(),
            bound: Bound::default(),
        };
        listing.push(" WHERE collection = ");
        listing.bind(collection.as_str());
        if let Some(after) = &query.after {
            listing.push(" AND id > ");
            listing.bind(after.as_str());
        }
        if let Some(status) = query.status {
            listing.push(" AND status = ");
            listing.bind(status.as_str());
        }
        if !query.metadata.is_empty() {
            listing.push(" AND search @> ");
            listing.bind(search::searchable(&query.metadata));
            listing.push("::text::jsonb");
        }
        listing
    }

    fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn bind<'q, T: sqlx::Encode<'q, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>>(
        &mut self,
        value: T,
    ) {
        let number = self.bound.add(value);
        self.push(&format!("${number}"));
    }

    fn criterion(&mut self, SortSpec { field, direction }: &SortSpec) {
        let way = match direction {
            Direction::Ascending => " ASC NULLS LAST, ",
            Direction::Descending => " DESC NULLS FIRST, ",
        };
        let column = match field {
            SortField::Id => "id",
            SortField::Status => "status",
            SortField::Revision => "revision",
            SortField::Version => "version",
            SortField::CreatedAt => "created_at",
            SortField::UpdatedAt => "updated_at",
            SortField::LastAccessedAt => "last_accessed_at",
            SortField::Metadata(key) => {
                let number = self.bound.add(search::key(key).as_ref());
                let value = format!("(search -> ${number})");
                let text = format!("(search ->> ${number})");
                // What is no number comes after all numbers, and what is no text after all texts.
                self.push(&format!(
                    "CASE jsonb_typeof{value} WHEN 'number' THEN {text}::float8 \
                     WHEN 'boolean' THEN {text}::boolean::int END{way}\
                     CASE jsonb_typeof{value} WHEN 'string' THEN {text} \
                     WHEN 'array' THEN {value} ->> 0 END COLLATE \"C\"{way}"
                ));
                return;
            }
            // A field that this version does not know orders nothing; ties go by id.
            _ => return,
        };
        self.push(column);
        self.push(way);
    }
}

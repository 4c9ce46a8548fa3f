//! A [`Query`] as SQL. Texts of the user are only ever bound, never part of the statement.

use super::row::columns;
use crate::texts::canonical;
use hotbed_registry::{CollectionName, Direction, Query, SortField, SortSpec};
use serde_json::Value;
use sqlx::{QueryBuilder, Sqlite};

pub(super) fn select(collection: &CollectionName, query: &Query) -> QueryBuilder<Sqlite> {
    let mut sql = QueryBuilder::new(concat!("SELECT ", columns!(), " FROM registrations"));
    filter(&mut sql, collection, query);
    sql.push(" ORDER BY ");
    for SortSpec { field, direction } in &query.sort {
        sort_key(&mut sql, field);
        // SQLite itself puts numbers before texts, and compares texts by bytes.
        sql.push(match direction {
            Direction::Ascending => " ASC NULLS LAST, ",
            Direction::Descending => " DESC NULLS FIRST, ",
        });
    }
    sql.push("id LIMIT ")
        .push_bind(clamp(query.limit.unwrap_or(u64::MAX)));
    sql.push(" OFFSET ").push_bind(clamp(query.offset));
    sql
}

pub(super) fn count(collection: &CollectionName, query: &Query) -> QueryBuilder<Sqlite> {
    let mut sql = QueryBuilder::new("SELECT count(*) FROM registrations");
    filter(&mut sql, collection, query);
    sql
}

/// The largest number that SQLite knows is as good as any larger one.
pub(super) fn clamp(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn filter(sql: &mut QueryBuilder<Sqlite>, collection: &CollectionName, query: &Query) {
    sql.push(" WHERE collection = ")
        .push_bind(collection.as_str().to_owned());
    if let Some(after) = &query.after {
        sql.push(" AND id > ").push_bind(after.as_str().to_owned());
    }
    if let Some(status) = query.status {
        sql.push(" AND status = ").push_bind(status.as_str());
    }
    for (key, wanted) in &query.metadata {
        sql.push(" AND EXISTS (SELECT 1 FROM json_each(metadata) AS noted WHERE noted.key = ");
        sql.push_bind(key.clone()).push(" AND ");
        equals(sql, wanted);
        sql.push(")");
    }
}

fn equals(sql: &mut QueryBuilder<Sqlite>, wanted: &Value) {
    match wanted {
        Value::Null => sql.push("noted.type = 'null'"),
        Value::Bool(true) => sql.push("noted.type = 'true'"),
        Value::Bool(false) => sql.push("noted.type = 'false'"),
        Value::String(text) => sql
            .push("noted.type = 'text' AND noted.value = ")
            .push_bind(text.clone()),
        Value::Number(number) => {
            // SQLite reads some decimal fractions wrongly in the last bit, so fractions are compared as they are
            // written, and only integers by value.
            let value = number.as_f64().unwrap_or(f64::NAN);
            sql.push("(metadata -> noted.fullkey IN (")
                .push_bind(wanted.to_string());
            sql.push(", ").push_bind(Value::from(value).to_string());
            sql.push(") OR noted.type = 'integer' AND CAST(noted.value AS REAL) = ")
                .push_bind(value)
                .push(")")
        }
        Value::Array(_) => sql
            .push("noted.type = 'array' AND noted.value = ")
            .push_bind(canonical(wanted)),
        Value::Object(_) => sql
            .push("noted.type = 'object' AND noted.value = ")
            .push_bind(canonical(wanted)),
    };
}

fn sort_key(sql: &mut QueryBuilder<Sqlite>, field: &SortField) {
    let column = match field {
        SortField::Id => "id",
        SortField::Status => "status",
        SortField::Revision => "revision",
        SortField::Version => "version",
        SortField::CreatedAt => "created_at",
        SortField::UpdatedAt => "updated_at",
        SortField::LastAccessedAt => "last_accessed_at",
        SortField::Metadata(key) => {
            // As numbers go elsewhere: what is the same floating-point number is the same number.
            sql.push(
                "(SELECT CASE noted.type WHEN 'integer' THEN CAST(noted.value AS REAL) ELSE noted.value END \
                 FROM json_each(metadata) AS noted WHERE noted.key = ",
            );
            sql.push_bind(key.clone()).push(")");
            return;
        }
        // A field that this version does not know orders nothing; ties go by id.
        _ => "NULL",
    };
    sql.push(column);
}

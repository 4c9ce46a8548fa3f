//! Filter and order of a [`Query`] on registrations in memory: the reference that stores which evaluate them
//! elsewhere are held to.

use crate::{Direction, Page, Query, Registration, SortField};
use serde_json::Value;
use std::cmp::Ordering;

/// Whether a registration passes the filters of a query: status, metadata and cursor.
pub fn matches(query: &Query, registration: &Registration) -> bool {
    query
        .status
        .is_none_or(|status| status == registration.status)
        && query
            .after
            .as_ref()
            .is_none_or(|after| registration.id > *after)
        && query.metadata.iter().all(|(key, wanted)| {
            registration
                .metadata
                .get(key)
                .is_some_and(|actual| equal(wanted, actual))
        })
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

/// The order of two registrations under a query.
pub fn compare(query: &Query, a: &Registration, b: &Registration) -> Ordering {
    let by_criteria = query.sort.iter().map(|spec| {
        let ascending = compare_field(&spec.field, a, b);
        match spec.direction {
            Direction::Ascending => ascending,
            Direction::Descending => ascending.reverse(),
        }
    });
    by_criteria
        .fold(Ordering::Equal, Ordering::then)
        .then_with(|| a.id.cmp(&b.id))
}

/// What a query finds among registrations that are all in memory, handed over in id order.
pub fn page<'r>(query: &Query, all: impl Iterator<Item = &'r Registration>) -> Page {
    let mut found: Vec<&Registration> = all.filter(|it| matches(query, it)).collect();
    if !query.sort.is_empty() {
        found.sort_by(|a, b| compare(query, a, b));
    }
    let offset = usize::try_from(query.offset).unwrap_or(usize::MAX);
    let limit = query
        .limit
        .map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let items = found
        .into_iter()
        .skip(offset)
        .take(limit)
        .cloned()
        .collect();
    Page::new(items, query)
}

fn compare_field(field: &SortField, a: &Registration, b: &Registration) -> Ordering {
    match field {
        SortField::Id => a.id.cmp(&b.id),
        SortField::Status => a.status.as_str().cmp(b.status.as_str()),
        SortField::Revision => a.revision.cmp(&b.revision),
        SortField::Version => a.version.cmp(&b.version),
        SortField::CreatedAt => a.created_at.cmp(&b.created_at),
        SortField::UpdatedAt => a.updated_at.cmp(&b.updated_at),
        SortField::LastAccessedAt => a.last_accessed_at.cmp(&b.last_accessed_at),
        SortField::Metadata(key) => compare_values(a.metadata.get(key), b.metadata.get(key)),
    }
}

/// Numbers and booleans, then texts (arrays and objects as their JSON), then what is null or absent.
fn compare_values(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (rank(a), rank(b)) {
        (Rank::Number(a), Rank::Number(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        (Rank::Text(a), Rank::Text(b)) => a.cmp(&b),
        (a, b) => a.class().cmp(&b.class()),
    }
}

enum Rank {
    Number(f64),
    Text(String),
    Nothing,
}

impl Rank {
    fn class(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Text(_) => 1,
            Self::Nothing => 2,
        }
    }
}

fn rank(value: Option<&Value>) -> Rank {
    match value {
        None | Some(Value::Null) => Rank::Nothing,
        Some(Value::Bool(b)) => Rank::Number(f64::from(u8::from(*b))),
        Some(Value::Number(n)) => n.as_f64().map_or(Rank::Nothing, Rank::Number),
        Some(Value::String(s)) => Rank::Text(s.clone()),
        Some(other) => Rank::Text(other.to_string()),
    }
}

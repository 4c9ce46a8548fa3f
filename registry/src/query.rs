use crate::{Error, Id, Registration, Status};
use serde_json::{Map, Value};
use std::fmt;

/// Which registrations to list, in which order. Backends evaluate all of it where the data lives.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Only this status.
    pub status: Option<Status>,
    /// Only registrations whose metadata holds each of these top-level keys with an equal value. Numbers are
    /// equal when their values are; arrays and objects when their JSON is.
    pub metadata: Map<String, Value>,
    /// The order, most significant first; ties, and no order at all, go by id.
    pub sort: Vec<SortSpec>,
    /// Skips so many.
    pub offset: u64,
    /// At most so many; `None` for all.
    pub limit: Option<u64>,
    /// Only ids greater than this: the cursor of a listing in id order, which no concurrent write disturbs.
    pub after: Option<Id>,
}

/// What a [`Query`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The registrations.
    pub items: Vec<Registration>,
    /// With a limit and in id order: the `after` of the next page, if there may be one.
    pub next: Option<Id>,
}

impl Page {
    /// The page of what a backend found for a query: works out whether there may be another.
    pub fn new(items: Vec<Registration>, query: &Query) -> Self {
        let full = query
            .limit
            .is_some_and(|limit| limit > 0 && items.len() as u64 == limit);
        let next = if full && query.sort.is_empty() {
            items.last().map(|last| last.id.clone())
        } else {
            None
        };
        Self { items, next }
    }
}

/// One criterion of an order. A registration that lacks the field comes last ascending and first descending;
/// numbers (and booleans, as 0 and 1) come before texts, texts compare by bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortSpec {
    /// By what.
    pub field: SortField,
    /// Which way.
    pub direction: Direction,
}

/// What a listing can be ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SortField {
    /// The id.
    Id,
    /// The status, as text.
    Status,
    /// The revision.
    Revision,
    /// The version.
    Version,
    /// The time of creation.
    CreatedAt,
    /// The time of the last write.
    UpdatedAt,
    /// The time of the last noted access.
    LastAccessedAt,
    /// A top-level key of the metadata.
    Metadata(String),
}

/// Which way an order runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

impl SortSpec {
    /// Parses `field`, `field:asc` or `field:desc`; `metadata.KEY` is a field too.
    pub fn parse(text: &str) -> Result<Self, Error> {
        // A metadata key may itself hold a colon, so only a known direction is cut off.
        let (name, direction) = match text.rsplit_once(':') {
            Some((name, "asc")) => (name, Direction::Ascending),
            Some((name, "desc")) => (name, Direction::Descending),
            Some((name, other)) if !name.starts_with("metadata.") => {
                return Err(invalid(format!(
                    "sort direction {other:?} is neither \"asc\" nor \"desc\""
                )));
            }
            _ => (text, Direction::Ascending),
        };
        let field = match name {
            "bot_id" | "id" => SortField::Id,
            "status" => SortField::Status,
            "revision" => SortField::Revision,
            "version" => SortField::Version,
            "created_at" => SortField::CreatedAt,
            "updated_at" => SortField::UpdatedAt,
            "last_accessed_at" => SortField::LastAccessedAt,
            other => match other.strip_prefix("metadata.") {
                // An empty key must be meant: `metadata.` alone is a text that was cut off.
                Some(key) if !key.is_empty() || text != name => SortField::Metadata(key.to_owned()),
                _ => {
                    return Err(invalid(format!(
                        "cannot sort by {other:?}: use bot_id, status, revision, version, created_at, \
                         updated_at, last_accessed_at or metadata.KEY"
                    )));
                }
            },
        };
        Ok(Self { field, direction })
    }
}

/// As [`SortSpec::parse`] reads it.
impl fmt::Display for SortSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.direction {
            Direction::Ascending => "asc",
            Direction::Descending => "desc",
        };
        let field = match &self.field {
            SortField::Id => "id",
            SortField::Status => "status",
            SortField::Revision => "revision",
            SortField::Version => "version",
            SortField::CreatedAt => "created_at",
            SortField::UpdatedAt => "updated_at",
            SortField::LastAccessedAt => "last_accessed_at",
            SortField::Metadata(key) => return write!(f, "metadata.{key}:{direction}"),
        };
        write!(f, "{field}:{direction}")
    }
}

fn invalid(reason: String) -> Error {
    Error::InvalidQuery { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sort_is_a_field_with_an_optional_direction() {
        let spec = |text| {
            SortSpec::parse(text)
                .map(|s| (s.field, s.direction))
                .map_err(|e| e.to_string())
        };
        assert_eq!(spec("bot_id"), Ok((SortField::Id, Direction::Ascending)));
        assert_eq!(
            spec("created_at:desc"),
            Ok((SortField::CreatedAt, Direction::Descending))
        );
        assert_eq!(
            spec("metadata.a:b"),
            Ok((SortField::Metadata("a:b".into()), Direction::Ascending))
        );
        assert_eq!(
            spec("status:up"),
            Err("sort direction \"up\" is neither \"asc\" nor \"desc\"".into())
        );
        assert!(spec("").is_err());
        assert!(spec(":asc").is_err());
        assert!(spec("metadata.").is_err());
    }

    #[test]
    fn a_sort_is_read_as_it_is_shown() {
        for text in [
            "id:asc",
            "status:desc",
            "revision:asc",
            "version:desc",
            "created_at:asc",
            "updated_at:desc",
            "last_accessed_at:asc",
            "metadata.a:b:desc",
            "metadata.x:asc:asc",
            "metadata.:asc",
        ] {
            assert_eq!(SortSpec::parse(text).unwrap().to_string(), text);
        }
    }
}

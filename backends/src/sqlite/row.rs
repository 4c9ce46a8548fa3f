//! Registrations and changes as rows, and back.

use chrono::{DateTime, Utc};
use hotbed_registry::PortableConfig;
use hotbed_registry::{Change, ChangeKind, Draft, Error, Id, Registration, Revision, Status};
use serde_json::{Map, Value};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

/// What [`registration`] reads, in its order.
macro_rules! columns {
    () => {
        "id, revision, version, status, created_at, updated_at, last_accessed_at, metadata, config"
    };
}
pub(super) use columns;

/// The longest configuration, as JSON: beyond it one row would cost every reader and writer dearly.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// As deep as what is written can be read again.
const MAX_NESTING: usize = 127;

/// The texts that a draft is stored as.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) config: String,
    /// `None` where the draft keeps what is there.
    pub(super) metadata: Option<String>,
}

impl Texts {
    /// Writes a draft down; refuses what could not be read again.
    pub(super) fn of(id: &Id, draft: &Draft) -> Result<Self, Error> {
        let config = json(draft.config.as_map());
        let metadata = draft.metadata.as_ref().map(to_text);
        let mut problems = Vec::new();
        let bytes = config.len() + metadata.as_ref().map_or(0, String::len);
        if bytes > MAX_BYTES {
            problems.push(format!(
                "it is {bytes} bytes long: at most {MAX_BYTES} are stored"
            ));
        }
        if draft
            .metadata
            .iter()
            .flat_map(Map::values)
            .any(|value| is_deeper(value, MAX_NESTING - 1))
        {
            problems.push(format!(
                "its metadata is nested deeper than {MAX_NESTING} levels: flatten it"
            ));
        }
        if problems.is_empty() {
            Ok(Self { config, metadata })
        } else {
            Err(Error::Refused {
                id: id.clone(),
                problems,
            })
        }
    }

    pub(super) fn len(&self) -> usize {
        self.config.len() + self.metadata.as_ref().map_or(0, String::len)
    }
}

/// Metadata as it is stored: keys in order all the way down, so that equal objects are equal texts. A filter compares
/// texts, see `listing`.
pub(super) fn to_text(metadata: &Map<String, Value>) -> String {
    canonical(&Value::Object(metadata.clone()))
}

/// A value as the text that equal values have in common.
pub(super) fn canonical(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}

fn json(map: &Map<String, Value>) -> String {
    serde_json::to_string(map).expect("JSON values have text keys and write to memory")
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Object(_) | Value::Array(_) if levels == 0 => true,
        Value::Object(map) => map.values().any(|inner| is_deeper(inner, levels - 1)),
        Value::Array(list) => list.iter().any(|inner| is_deeper(inner, levels - 1)),
        _ => false,
    }
}

/// Why a row cannot be understood.
pub(super) type Unreadable = String;

/// Reads a registration from a row of all its columns.
pub(super) fn registration(row: &SqliteRow) -> Result<Registration, Error> {
    let config = text(row, "config")?;
    let config = serde_json::from_str::<Value>(config)
        .map_err(|error| error.to_string())
        .and_then(|value| PortableConfig::from_value(value).map_err(|error| error.to_string()))
        .map_err(|reason| unreadable(row, &format!("its config: {reason}")))?;
    Ok(Registration {
        config,
        ..without_config(row).map_err(|reason| unreadable(row, &reason))?
    })
}

/// Reads a registration from a row without its configuration, which is left empty.
pub(super) fn without_config(row: &SqliteRow) -> Result<Registration, Unreadable> {
    let at = |column| {
        let micros: i64 = get(row, column)?;
        DateTime::from_timestamp_micros(micros)
            .ok_or_else(|| format!("its {column} {micros} is no time"))
    };
    let id = Id::new(get(row, "id")?).map_err(|error| error.to_string())?;
    let status: &str = get(row, "status")?;
    let metadata = serde_json::from_str(get(row, "metadata")?);
    Ok(Registration {
        id,
        config: PortableConfig::from_map(Map::new()).expect("nothing is nested in an empty object"),
        status: status
            .parse::<Status>()
            .map_err(|error| error.to_string())?,
        metadata: metadata.map_err(|error| format!("its metadata: {error}"))?,
        revision: Revision(counter(row, "revision")?),
        version: counter(row, "version")?,
        created_at: at("created_at")?,
        updated_at: at("updated_at")?,
        last_accessed_at: at("last_accessed_at")?,
    })
}

/// Reads an entry of the log.
pub(super) fn change(row: &SqliteRow) -> Result<Change, Error> {
    let read = || -> Result<Change, Unreadable> {
        let (kind, at): (&str, i64) = (get(row, "kind")?, get(row, "at")?);
        Ok(Change {
            id: Id::new(get(row, "id")?).map_err(|error| error.to_string())?,
            revision: Revision(counter(row, "revision")?),
            kind: kind
                .parse::<ChangeKind>()
                .map_err(|()| format!("its kind {kind:?} is unknown"))?,
            at: DateTime::<Utc>::from_timestamp_micros(at)
                .ok_or_else(|| format!("its at {at} is no time"))?,
        })
    };
    read().map_err(|reason| {
        let revision = get::<i64>(row, "revision").unwrap_or_default();
        Error::Corrupt {
            place: format!("table changes, revision {revision}"),
            reason,
        }
    })
}

/// Reads an id and its revision.
pub(super) fn head(row: &SqliteRow) -> Result<(Id, Revision), Error> {
    let id = Id::new(text(row, "id")?).map_err(|error| unreadable(row, &error.to_string()))?;
    let revision = counter(row, "revision").map_err(|reason| unreadable(row, &reason))?;
    Ok((id, Revision(revision)))
}

/// What a caller is told of a registration that cannot be understood.
pub(super) fn unreadable(row: &SqliteRow, reason: &str) -> Error {
    let id = get::<&str>(row, "id").unwrap_or("?");
    corrupt(id, reason)
}

/// What a caller is told of the registration `id`.
pub(super) fn corrupt(id: &str, reason: &str) -> Error {
    Error::Corrupt {
        place: format!("table registrations, id {id:?}"),
        reason: reason.to_owned(),
    }
}

pub(super) fn counter(row: &SqliteRow, column: &str) -> Result<u64, Unreadable> {
    let stored: i64 = get(row, column)?;
    u64::try_from(stored).map_err(|_| format!("its {column} {stored} is negative"))
}

fn text<'r>(row: &'r SqliteRow, column: &str) -> Result<&'r str, Error> {
    get(row, column).map_err(|reason| unreadable(row, &reason))
}

/// Reads a column. Fails only for text that is not UTF-8: the tables are STRICT.
fn get<'r, T>(row: &'r SqliteRow, column: &str) -> Result<T, Unreadable>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(column)
        .map_err(|error| format!("its {column}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_stored_in_order_so_that_equal_objects_are_equal_texts() {
        let value = json!({"b": {"y": 1, "x": 2}, "a": 3});
        assert_eq!(
            to_text(value.as_object().unwrap()),
            r#"{"a":3,"b":{"x":2,"y":1}}"#
        );
    }

    #[test]
    fn metadata_that_could_not_be_read_again_is_refused() {
        let nested = |levels| (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }));
        let draft = |levels| {
            let config = PortableConfig::from_map(Map::new()).unwrap();
            Draft {
                metadata: nested(levels).as_object().cloned(),
                ..Draft::active(config)
            }
        };
        let id = Id::new("bot").unwrap();
        let deepest = Texts::of(&id, &draft(127)).unwrap().metadata.unwrap();
        serde_json::from_str::<Value>(&deepest).unwrap();
        let refused = Texts::of(&id, &draft(128)).unwrap_err().to_string();
        assert_eq!(
            refused,
            "configuration of \"bot\" is refused: its metadata is nested deeper than 127 levels: flatten it"
        );
    }
}

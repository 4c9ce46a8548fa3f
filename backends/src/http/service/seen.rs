//! What a service that is no hotbed shows: lists and registrations of several shapes.

use super::digest::{Digest, digest};
use chrono::{DateTime, SubsecRound, Utc};
use hotbed_registry::{Id, PortableConfig, Status};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// Under which names services keep the registrations of a list.
const ITEMS: [&str; 2] = ["items", "configs"];
/// Under which names they say that a list is only a part.
const MORE: [&str; 8] = [
    "next",
    "next_cursor",
    "next_page",
    "next_token",
    "next_page_token",
    "has_more",
    "hasMore",
    "cursor",
];

/// One registration as the service shows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) id: Id,
    /// Of what a writer decides: what equal registrations have in common, whatever the service says of times.
    pub(super) digest: Digest,
    /// What it holds, or why that means nothing.
    pub(super) content: Result<Content, String>,
    pub(super) created_at: Option<DateTime<Utc>>,
    pub(super) updated_at: Option<DateTime<Utc>>,
    pub(super) last_accessed_at: Option<DateTime<Utc>>,
}

/// What a writer decides of a registration.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Content {
    pub(super) config: PortableConfig,
    pub(super) status: Status,
    pub(super) metadata: Map<String, Value>,
}

impl Content {
    pub(super) fn digest(&self) -> Digest {
        digest_of(
            &Value::Object(self.config.as_map().clone()),
            self.status.as_str(),
            &Value::Object(self.metadata.clone()),
        )
    }
}

/// The registrations of a list, and those without an id that could be used here. An error for everything that is not
/// plainly a whole list: it must never read as if what it lacks had been deleted.
pub(super) fn list(body: Value) -> Result<(Vec<Seen>, Vec<String>), String> {
    let items = match body {
        Value::Array(items) => items,
        Value::Object(mut object) => {
            if let Some(name) = MORE.into_iter().find(|name| is_more(object.get(*name))) {
                return Err(format!(
                    "a part of a list, which goes on at {name:?}: have the service answer it whole"
                ));
            }
            let found = ITEMS.into_iter().find_map(|name| object.remove(name));
            let items = match found {
                Some(Value::Array(items)) => items,
                Some(_) => return Err("registrations that are no list".into()),
                None => return Err("an object without registrations".into()),
            };
            let total = ["total", "count"]
                .into_iter()
                .find_map(|name| object.get(name)?.as_u64());
            if total.is_some_and(|total| total > items.len() as u64) {
                return Err(format!(
                    "{} of {} registrations",
                    items.len(),
                    total.unwrap_or_default()
                ));
            }
            items
        }
        _ => return Err("neither a list nor an object".into()),
    };
    let (mut seen, mut odd) = (Vec::<Seen>::new(), Vec::new());
    let mut ids = HashSet::new();
    for item in items {
        match one(item)? {
            Ok(one) if !ids.insert(one.id.clone()) => {
                return Err(format!("registration {:?} twice", one.id));
            }
            Ok(one) => seen.push(one),
            Err(reason) => odd.push(reason),
        }
    }
    Ok((seen, odd))
}

fn is_more(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}

/// One registration; the inner error where its id cannot be used here, the outer one where it is no registration.
pub(super) fn one(item: Value) -> Result<Result<Seen, String>, String> {
    let Value::Object(mut item) = item else {
        return Err("a registration that is no object".into());
    };
    let id = ["bot_id", "id"]
        .into_iter()
        .find_map(|name| match item.get(name) {
            Some(Value::String(id)) => Some(id.clone()),
            _ => None,
        });
    let Some(id) = id else {
        return Err("a registration without bot_id".into());
    };
    let id = match Id::new(&id) {
        Ok(id) => id,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let Some(config) = item.remove("config") else {
        return Err(format!("registration {id:?} without a config"));
    };
    let status = match item.remove("status") {
        None | Some(Value::Null) => "active".to_owned(),
        Some(Value::String(status)) => status,
        Some(other) => other.to_string(),
    };
    let metadata = match item.remove("metadata") {
        None | Some(Value::Null) => json!({}),
        Some(metadata) => metadata,
    };
    let digest = digest_of(&config, &status, &metadata);
    let content = content(config, &status, metadata);
    Ok(Ok(Seen {
        id,
        digest,
        content,
        created_at: time(item.get("created_at")),
        updated_at: time(item.get("updated_at")),
        last_accessed_at: time(item.get("last_accessed_at")),
    }))
}

fn content(config: Value, status: &str, metadata: Value) -> Result<Content, String> {
    let Value::Object(metadata) = metadata else {
        return Err("its metadata is no object".into());
    };
    Ok(Content {
        config: PortableConfig::from_value(config)
            .map_err(|error| format!("its config: {error}"))?,
        // There any text is a status, and only one of them means that it is in service.
        status: status.parse().unwrap_or(Status::Inactive),
        metadata,
    })
}

fn digest_of(config: &Value, status: &str, metadata: &Value) -> Digest {
    let mut whole = json!([config, status, metadata]);
    // Objects are equal whatever the order of their keys.
    whole.sort_all_objects();
    digest(whole.to_string())
}

/// A time, if it is one: what else stands there is no reason to refuse a registration.
fn time(value: Option<&Value>) -> Option<DateTime<Utc>> {
    let text = value?.as_str()?;
    let parsed = DateTime::parse_from_rfc3339(text).ok();
    let local = || {
        text.parse::<chrono::NaiveDateTime>()
            .ok()
            .map(|time| time.and_utc())
    };
    let time = parsed.map(|time| time.to_utc()).or_else(local)?;
    // Beyond these years a time could not be written down again.
    let years = DateTime::UNIX_EPOCH..DateTime::from_timestamp(253_402_300_799, 0)?;
    years.contains(&time).then(|| time.trunc_subsecs(6))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(item: Value) -> Seen {
        one(item).unwrap().unwrap()
    }

    #[test]
    fn a_list_is_an_array_or_stands_under_a_known_name() {
        let item = json!({"bot_id": "a", "config": {}});
        for body in [
            json!([item]),
            json!({"items": [item]}),
            json!({"configs": [item], "next": null, "total": 1, "has_more": false}),
        ] {
            let (seen, odd) = list(body).unwrap();
            assert_eq!((seen.len(), odd.len()), (1, 0));
        }
        assert_eq!(list(json!([])).unwrap(), (vec![], vec![]));
    }

    #[test]
    fn what_is_not_plainly_a_whole_list_is_refused() {
        for (body, reason) in [
            (json!({}), "an object without"),
            (json!({"items": null}), "registrations that are no list"),
            (json!({"items": {}}), "registrations that are no list"),
            (json!({"detail": "gone"}), "an object without"),
            (json!(null), "neither a list"),
            (json!("items"), "neither a list"),
            (json!([1]), "a registration that is no object"),
            (json!([{"config": {}}]), "a registration without bot_id"),
            (
                json!([{"bot_id": "a"}]),
                "registration \"a\" without a config",
            ),
            (
                json!([{"bot_id": "a", "config": 1}, {"bot_id": "a", "config": 2}]),
                "registration \"a\" twice",
            ),
            (json!({"items": [], "next": "b"}), "a part of a list"),
            (json!({"items": [], "has_more": true}), "a part of a list"),
            (json!({"items": [], "total": 3}), "0 of 3 registrations"),
        ] {
            let refused = list(body.clone()).unwrap_err();
            assert!(refused.starts_with(reason), "{body}: {refused}");
        }
    }

    #[test]
    fn an_id_that_cannot_be_used_is_told_and_left_out() {
        let (seen, odd) = list(json!([
            {"bot_id": "a/b", "config": {}}, {"bot_id": "", "config": {}}, {"id": "c", "config": {}}
        ]))
        .unwrap();
        assert_eq!(seen.len(), 1);
        assert!(odd[0].contains("a/b"), "{}", odd[0]);
        assert_eq!(odd.len(), 2);
    }

    #[test]
    fn content_decides_the_digest_and_times_do_not() {
        let item = json!({"bot_id": "a", "config": {"x": 1, "y": [2]}, "status": "active", "metadata": {}});
        let with = |change: Value| {
            let mut item = item.clone();
            item.as_object_mut()
                .unwrap()
                .extend(change.as_object().unwrap().clone());
            seen(item).digest
        };
        let plain = seen(item.clone()).digest;
        for same in [
            json!({"updated_at": "2026-01-02T03:04:05Z"}),
            json!({"updated_at": 1_700_000_000, "extra": true}),
            json!({"metadata": null}),
            json!({"config": {"y": [2], "x": 1}}),
        ] {
            assert_eq!(with(same.clone()), plain, "{same}");
        }
        for other in [
            json!({"status": "paused"}),
            json!({"status": "inactive"}),
            json!({"metadata": {"a": 1}}),
            json!({"config": {"x": 1}}),
            json!({"config": null}),
        ] {
            assert_ne!(with(other.clone()), plain, "{other}");
        }
        let content = seen(item).content.unwrap();
        assert_eq!(content.digest(), plain);
    }

    #[test]
    fn times_of_every_shape_are_read_or_left_out() {
        for (text, read) in [
            (json!("2026-01-02T03:04:05.123456+00:00"), true),
            (json!("2026-01-02T03:04:05.123456789Z"), true),
            (json!("2026-01-02T03:04:05.123456"), true),
            (json!("Fri, 02 Jan 2026 03:04:05 GMT"), false),
            (json!(1_767_322_245), false),
            (json!("0001-01-01T00:00:00Z"), false),
            (json!("-9999-01-01T00:00:00Z"), false),
            (json!(null), false),
        ] {
            assert_eq!(time(Some(&text)).is_some(), read, "{text}");
        }
    }

    #[test]
    fn an_unknown_status_is_out_of_service_and_odd_content_is_told() {
        let paused = seen(json!({"bot_id": "a", "config": {}, "status": "paused"}));
        assert_eq!(paused.content.unwrap().status, Status::Inactive);
        let odd = seen(json!({"bot_id": "a", "config": "text"}));
        assert!(odd.content.unwrap_err().starts_with("its config: "));
    }
}

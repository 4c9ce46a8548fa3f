//! A bounded place for what agents share.

use super::access::Groups;
use super::ask::Ask;
use crate::event::{ModEvent, Response};
use chrono::Utc;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// How much a stock takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) entries: usize,
    pub(super) bytes: usize,
    pub(super) entry_bytes: usize,
}

/// One thing in the stock.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) content: String,
    pub(super) mime_type: String,
    pub(super) groups: Groups,
    /// What agents call it, within a namespace.
    pub(super) key: Option<(String, String)>,
    pub(super) filename: Option<String>,
    pub(super) size_bytes: usize,
    pub(super) created_by: String,
    /// In seconds of the wall clock, for people.
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    /// Changed by `Stock::expire` only.
    pub(super) expires_at: Option<Instant>,
}

/// Things by id, and by key where they have one. What has expired is not found, and is thrown away at the next access.
#[derive(Debug, Default)]
pub(super) struct Stock {
    items: BTreeMap<String, Item>,
    by_key: HashMap<(String, String), String>,
    expiring: BTreeSet<(Instant, String)>,
    bytes: usize,
}

impl Item {
    /// What is asked for, of a type if none is named.
    pub(super) fn new(content: String, ask: Ask<'_>, usual_type: &str) -> Result<Self, Response> {
        let now = Utc::now().timestamp();
        Ok(Self {
            size_bytes: content.len(),
            content,
            mime_type: ask.label("mime_type")?.unwrap_or(usual_type).to_owned(),
            groups: Groups::asked_for(ask)?,
            key: None,
            filename: None,
            created_by: ask.source().to_owned(),
            created_at: now,
            updated_at: now,
            expires_at: None,
        })
    }

    /// What is known of it, but its content.
    pub(super) fn describe(&self) -> Map<String, Value> {
        let mut about = Map::new();
        let mut put = |key: &str, value: Value| about.insert(key.to_owned(), value);
        put("mime_type", json!(self.mime_type));
        put("allowed_agent_groups", json!(self.groups.0));
        put("created_by", json!(self.created_by));
        put("created_at", json!(self.created_at));
        put("updated_at", json!(self.updated_at));
        about
    }
}

impl Stock {
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Throws away what has expired.
    pub(super) fn tidy(&mut self) {
        let now = Instant::now();
        while let Some((at, id)) = self.expiring.first().cloned() {
            if at > now {
                return;
            }
            self.remove(&id);
        }
    }

    /// Puts a thing in and answers its id, or says what it does not fit.
    pub(super) fn add(
        &mut self,
        item: Item,
        ttl: Option<Duration>,
        limits: Limits,
    ) -> Result<String, Response> {
        if let Some((namespace, key)) = &item.key
            && self.id_of(namespace, key).is_some()
        {
            return Err(Response::refused(format!(
                "{key:?} is in namespace {namespace:?} already"
            )));
        }
        if self.items.len() >= limits.entries {
            return Err(Response::refused(format!(
                "there are {} entries, and no more are allowed: delete some",
                limits.entries
            )));
        }
        self.fit(0, item.content.len(), limits)?;
        let id = Uuid::new_v4().to_string();
        self.bytes += item.content.len();
        if let Some(key) = &item.key {
            self.by_key.insert(key.clone(), id.clone());
        }
        self.items.insert(id.clone(), item);
        self.expire(&id, ttl);
        Ok(id)
    }

    /// Gives a thing another content.
    pub(super) fn update(
        &mut self,
        id: &str,
        content: String,
        size_bytes: usize,
        limits: Limits,
    ) -> Result<(), Response> {
        let before = self.items.get(id).map_or(0, |item| item.content.len());
        self.fit(before, content.len(), limits)?;
        if let Some(item) = self.items.get_mut(id) {
            self.bytes = self.bytes - before + content.len();
            item.content = content;
            item.size_bytes = size_bytes;
            item.updated_at = Utc::now().timestamp();
        }
        Ok(())
    }

    /// Gives a thing the type and the groups that are named, and answers it.
    pub(super) fn relabel(
        &mut self,
        id: &str,
        mime_type: Option<&str>,
        groups: Option<Groups>,
    ) -> Result<Item, Response> {
        let item = self.items.get_mut(id).ok_or_else(missing)?;
        if let Some(mime_type) = mime_type {
            mime_type.clone_into(&mut item.mime_type);
        }
        if let Some(groups) = groups {
            item.groups = groups;
        }
        Ok(item.clone())
    }

    /// Has a thing expire after so long from now, or not at all.
    pub(super) fn expire(&mut self, id: &str, ttl: Option<Duration>) {
        let Some(item) = self.items.get_mut(id) else {
            return;
        };
        if let Some(at) = item.expires_at.take() {
            self.expiring.remove(&(at, id.to_owned()));
        }
        item.expires_at = ttl.and_then(|ttl| Instant::now().checked_add(ttl));
        if let Some(at) = item.expires_at {
            self.expiring.insert((at, id.to_owned()));
        }
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Item> {
        let item = self.items.remove(id)?;
        self.bytes -= item.content.len();
        if let Some(key) = &item.key {
            self.by_key.remove(key);
        }
        if let Some(at) = item.expires_at {
            self.expiring.remove(&(at, id.to_owned()));
        }
        Some(item)
    }

    /// A thing that the sender of an event may see.
    pub(super) fn get(&self, id: &str, event: &ModEvent) -> Result<&Item, Response> {
        let item = self.items.get(id).ok_or_else(missing)?;
        if item.groups.admit(event) {
            Ok(item)
        } else {
            Err(Response::refused(
                "you are in none of the groups that may see this entry",
            ))
        }
    }

    pub(super) fn id_of(&self, namespace: &str, key: &str) -> Option<&str> {
        let id = self.by_key.get(&(namespace.to_owned(), key.to_owned()));
        id.map(String::as_str)
    }

    /// What the sender of an event may see, by id.
    pub(super) fn seen_by<'a>(
        &'a self,
        event: &'a ModEvent,
    ) -> impl Iterator<Item = (&'a str, &'a Item)> {
        let items = self
            .items
            .iter()
            .filter(move |(_, item)| item.groups.admit(event));
        items.map(|(id, item)| (id.as_str(), item))
    }

    fn fit(&self, before: usize, after: usize, limits: Limits) -> Result<(), Response> {
        if after > limits.entry_bytes {
            return Err(Response::refused(format!(
                "the content is of {after} bytes, and {} are allowed",
                limits.entry_bytes
            )));
        }
        if self.bytes - before + after > limits.bytes {
            return Err(Response::refused(format!(
                "all entries together may have {} bytes: delete some",
                limits.bytes
            )));
        }
        Ok(())
    }
}

pub(super) fn missing() -> Response {
    Response::refused("there is no such entry")
}

/// How many bytes a text in Base64 stands for; `None` if it is none.
pub(super) fn decoded_len(text: &str) -> Option<usize> {
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let fits = text.len().is_multiple_of(4) && padding <= 2 && body.bytes().all(plain);
    fits.then(|| text.len() / 4 * 3 - padding)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Caught: more padding than text (it fell below zero).
    #[test]
    fn base64_is_measured_and_what_is_none_is_told() {
        for (text, len) in [
            ("", Some(0)),
            ("aGk=", Some(2)),
            ("aA==", Some(1)),
            ("aGkh", Some(3)),
        ] {
            assert_eq!(decoded_len(text), len, "{text}");
        }
        for bad in [
            "a", "aGk", "a===", "aG k", "ä===", "=aGk", "aG=k", "=", "====", "========",
        ] {
            assert_eq!(decoded_len(bad), None, "{bad}");
        }
    }
}

//! `shared_cache`: values that agents share, by id or by namespace and key, for a while.

use super::access::Groups;
use super::ask::Ask;
use super::patterns;
use super::stock::{Item, Limits, Stock, decoded_len, missing};
use crate::context::Context;
use crate::event::{ModEvent, Response};
use crate::health::Health;
use crate::manifest::Manifest;
use crate::mod_trait::{BoxError, Mod};
use crate::priority::Priority;
use crate::scopes::Scopes;
use crate::settings_form::{Field, FieldKind, SettingsForm};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// The namespace of a key that names none.
const DEFAULT_NAMESPACE: &str = "default";

#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
struct Config {
    default_ttl_seconds: u64,
    max_entries: usize,
    max_value_bytes: usize,
    max_total_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default_ttl_seconds: 0,
            max_entries: 10_000,
            max_value_bytes: 1 << 20,
            max_total_bytes: 64 << 20,
        }
    }
}

pub(super) fn manifest() -> Manifest {
    let bytes = |max| FieldKind::Integer { min: 1, max };
    Manifest {
        name: "Shared cache".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        description: "Values that agents share, by id or by namespace and key, for as long as they are told to last"
            .into(),
        license: "MIT OR Apache-2.0".into(),
        capabilities: vec!["shared_cache".into()],
        priority: Priority::BUSINESS,
        events: patterns(&["shared_cache.*"]),
        scopes: Scopes::none(),
        form: Some(SettingsForm::of(
            "Shared cache",
            vec![
                Field::new("default_ttl_seconds", "Default lifetime", FieldKind::Integer { min: 0, max: 315_360_000 })
                    .described("In seconds, of values that name none; 0 is for ever.")
                    .defaulting_to(0),
                Field::new("max_entries", "Most entries", bytes(10_000_000)).defaulting_to(10_000),
                Field::new("max_value_bytes", "Largest value", bytes(1 << 30))
                    .described("In bytes.")
                    .defaulting_to(1 << 20),
                Field::new("max_total_bytes", "Most of all values", bytes(1 << 40))
                    .described("In bytes.")
                    .defaulting_to(64 << 20),
            ],
        )),
        ..Manifest::default()
    }
}

/// The mod. What it holds survives a reload.
#[derive(Default)]
pub(super) struct SharedCache {
    open: OnceLock<Open>,
}

struct Open {
    context: Context,
    config: Config,
    stock: Arc<Mutex<Stock>>,
}

#[async_trait]
impl Mod for SharedCache {
    async fn initialize(&self, context: &Context) -> Result<bool, BoxError> {
        let open = Open {
            config: context.config().deserialize()?,
            stock: context.keep(Mutex::<Stock>::default),
            context: context.clone(),
        };
        Ok(self.open.set(open).is_ok())
    }

    async fn handle(&self, event: &ModEvent) -> Result<Option<Response>, BoxError> {
        let open = self.open.get().ok_or("it was not initialized")?;
        let ask = Ask(event);
        let answer = match event.name.as_str() {
            "shared_cache.create" => open.create(ask),
            "shared_cache.set" => open.set(ask),
            "shared_cache.get" => open.get(ask),
            "shared_cache.update" => open.update(ask),
            "shared_cache.delete" => open.delete(ask),
            "shared_cache.list" => open.list(ask),
            "shared_cache.file.upload" => open.upload(ask),
            "shared_cache.file.download" => open.download(ask),
            _ => return Ok(None),
        };
        Ok(Some(answer.unwrap_or_else(|refused| refused)))
    }

    async fn health(&self) -> Health {
        let Some(open) = self.open.get() else {
            return Health::unhealthy("it was not initialized");
        };
        let stock = open.stock();
        Health::healthy()
            .with("entries", stock.len())
            .with("bytes", stock.bytes())
    }
}

type Answer = Result<Response, Response>;

impl Open {
    fn create(&self, ask: Ask<'_>) -> Answer {
        let item = new_item(ask)?;
        let id = self.put_in(&mut self.stock(), ask, &item)?;
        Ok(self.created(&id, &item, ask))
    }

    /// Puts a value under a key, whether there is one or not.
    fn set(&self, ask: Ask<'_>) -> Answer {
        ask.required_label("key")?;
        let item = new_item(ask)?;
        let mut stock = self.stock();
        if let Ok(id) = id(&stock, ask) {
            let item = self.put_over(&mut stock, ask, &id)?;
            drop(stock);
            return Ok(self.updated(&id, &item, ask));
        }
        let id = self.put_in(&mut stock, ask, &item)?;
        drop(stock);
        Ok(self.created(&id, &item, ask))
    }

    fn get(&self, ask: Ask<'_>) -> Answer {
        let stock = self.stock();
        let id = id(&stock, ask)?;
        let item = stock.get(&id, ask.0)?;
        let mut data = item.describe();
        data.insert("success".into(), json!(true));
        data.insert("cache_id".into(), json!(id));
        data.insert("value".into(), json!(item.content));
        data.insert("is_file".into(), json!(item.filename.is_some()));
        if let Some(filename) = &item.filename {
            data.insert("filename".into(), json!(filename));
            data.insert("file_size".into(), json!(item.size_bytes));
        }
        if let Some((namespace, key)) = &item.key {
            data.insert("namespace".into(), json!(namespace));
            data.insert("key".into(), json!(key));
        }
        Ok(Response::ok("here is the entry", Value::Object(data)))
    }

    fn update(&self, ask: Ask<'_>) -> Answer {
        let mut stock = self.stock();
        let id = id(&stock, ask)?;
        let item = self.put_over(&mut stock, ask, &id)?;
        drop(stock);
        Ok(self.updated(&id, &item, ask))
    }

    fn delete(&self, ask: Ask<'_>) -> Answer {
        let (id, item) = {
            let mut stock = self.stock();
            let id = id(&stock, ask)?;
            stock.get(&id, ask.0)?;
            let item = stock.remove(&id);
            (id, item.ok_or_else(missing)?)
        };
        self.tell("deleted", &id, &item, ask.0);
        Ok(Response::ok(
            "the entry is deleted",
            json!({"success": true, "cache_id": id}),
        ))
    }

    fn list(&self, ask: Ask<'_>) -> Answer {
        let namespace = ask.text("namespace");
        let limit = ask.limit(100)?;
        let stock = self.stock();
        let seen = stock.seen_by(ask.0).filter(|(_, item)| {
            let own = item.key.as_ref().map(|(namespace, _)| namespace.as_str());
            namespace.is_none() || namespace == own
        });
        let entries: Vec<Value> = seen
            .take(limit)
            .map(|(id, item)| {
                let mut entry = item.describe();
                entry.insert("cache_id".into(), json!(id));
                if let Some((namespace, key)) = &item.key {
                    entry.insert("namespace".into(), json!(namespace));
                    entry.insert("key".into(), json!(key));
                }
                Value::Object(entry)
            })
            .collect();
        let message = format!("{} entries", entries.len());
        Ok(Response::ok(
            message,
            json!({"success": true, "entries": entries}),
        ))
    }

    fn upload(&self, ask: Ask<'_>) -> Answer {
        let content = ask.required("file_data")?;
        let filename = ask.required_label("filename")?;
        let size_bytes =
            decoded_len(content).ok_or_else(|| Response::refused("file_data is not Base64"))?;
        let item = Item::new(content.to_owned(), ask, "application/octet-stream")?;
        let filename = filename
            .rsplit(['/', '\\'])
            .next()
            .unwrap_or(filename)
            .to_owned();
        let item = Item {
            filename: Some(filename.clone()),
            size_bytes,
            ..item
        };
        let id = self.put_in(&mut self.stock(), ask, &item)?;
        let mut answer = self.created(&id, &item, ask);
        answer.data["filename"] = json!(filename);
        answer.data["file_size"] = json!(size_bytes);
        answer.data["mime_type"] = json!(item.mime_type);
        Ok(answer)
    }

    fn download(&self, ask: Ask<'_>) -> Answer {
        let stock = self.stock();
        let id = id(&stock, ask)?;
        let item = stock.get(&id, ask.0)?;
        let filename = item
            .filename
            .as_ref()
            .ok_or_else(|| Response::refused("the entry is not a file"))?;
        Ok(Response::ok(
            "here is the file",
            json!({
                "success": true,
                "cache_id": id,
                "filename": filename,
                "file_size": item.size_bytes,
                "mime_type": item.mime_type,
                "file_data": item.content,
            }),
        ))
    }

    fn put_in(&self, stock: &mut Stock, ask: Ask<'_>, item: &Item) -> Result<String, Response> {
        let seconds = ask
            .number("ttl_seconds")?
            .unwrap_or(self.config.default_ttl_seconds);
        stock.add(item.clone(), lifetime(seconds), self.limits())
    }

    /// Gives an entry another value, and the groups and the type that are named. Its lifetime begins anew if one is named.
    fn put_over(&self, stock: &mut Stock, ask: Ask<'_>, id: &str) -> Result<Item, Response> {
        let value = ask.written("value")?;
        let ttl = ask.number("ttl_seconds")?;
        let mime_type = ask.label("mime_type")?;
        let groups = Groups::asked_for(ask)?;
        let groups = ask.names("allowed_agent_groups").then_some(groups);
        let is_file = stock.get(id, ask.0)?.filename.is_some();
        let size = if is_file {
            decoded_len(&value)
                .ok_or_else(|| Response::refused("value is not Base64, and the entry is a file"))?
        } else {
            value.len()
        };
        stock.update(id, value, size, self.limits())?;
        if let Some(seconds) = ttl {
            stock.expire(id, lifetime(seconds));
        }
        stock.relabel(id, mime_type, groups)
    }

    fn created(&self, id: &str, item: &Item, ask: Ask<'_>) -> Response {
        self.tell("created", id, item, ask.0);
        Response::ok(
            "the entry is created",
            json!({"success": true, "cache_id": id}),
        )
    }

    fn updated(&self, id: &str, item: &Item, ask: Ask<'_>) -> Response {
        self.tell("updated", id, item, ask.0);
        Response::ok(
            "the entry is updated",
            json!({"success": true, "cache_id": id}),
        )
    }

    fn tell(&self, what: &str, id: &str, item: &Item, cause: &ModEvent) {
        let payload = json!({
            "cache_id": id,
            "mime_type": item.mime_type,
            "created_by": item.created_by,
            "allowed_agent_groups": item.groups.0,
        });
        let payload = payload.as_object().cloned().unwrap_or_default();
        item.groups.tell(&self.context, what, &payload, cause);
    }

    fn limits(&self) -> Limits {
        Limits {
            entries: self.config.max_entries,
            bytes: self.config.max_total_bytes,
            entry_bytes: self.config.max_value_bytes,
        }
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        // No step on the way of an operation panics.
        let mut stock = self.stock.lock().unwrap_or_else(PoisonError::into_inner);
        stock.tidy();
        stock
    }
}

fn new_item(ask: Ask<'_>) -> Result<Item, Response> {
    let item = Item::new(ask.written("value")?, ask, "text/plain")?;
    Ok(Item {
        key: key(ask)?,
        ..item
    })
}

fn lifetime(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

fn key(ask: Ask<'_>) -> Result<Option<(String, String)>, Response> {
    let namespace = ask.label("namespace")?.unwrap_or(DEFAULT_NAMESPACE);
    let key = ask.label("key")?;
    Ok(key.map(|key| (namespace.to_owned(), key.to_owned())))
}

/// The entry that is meant, by its id or by its namespace and key.
fn id(stock: &Stock, ask: Ask<'_>) -> Result<String, Response> {
    match (ask.text("cache_id"), key(ask)?) {
        (Some(id), _) => Ok(id.to_owned()),
        (None, Some((namespace, key))) => {
            let id = stock.id_of(&namespace, &key);
            id.map(str::to_owned).ok_or_else(missing)
        }
        (None, None) => Err(Response::refused("cache_id is required, or a key")),
    }
}

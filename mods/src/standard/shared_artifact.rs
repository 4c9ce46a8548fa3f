//! `shared_artifact`: documents and files that agents share.

use super::ask::Ask;
use super::patterns;
use super::stock::{Item, Limits, Stock, decoded_len, missing};
use crate::context::Context;
use crate::event::{ModEvent, Response};
use crate::health::Health;
use crate::manifest::Manifest;
use crate::mod_trait::{BoxError, Mod};
use crate::settings_form::{Field, FieldKind, SettingsForm};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
struct Config {
    max_file_size: usize,
    max_artifacts: usize,
    max_total_bytes: usize,
    allowed_mime_types: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_file_size: 50 << 20,
            max_artifacts: 10_000,
            max_total_bytes: 256 << 20,
            allowed_mime_types: Vec::new(),
        }
    }
}

pub(super) fn manifest() -> Manifest {
    let bytes = |max| FieldKind::Integer { min: 1, max };
    Manifest {
        name: "Shared artifacts".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        description: "Documents and files that agents share with everybody or with groups".into(),
        license: "MIT OR Apache-2.0".into(),
        capabilities: vec!["shared_artifact".into()],
        events: patterns(&["shared_artifact.*"]),
        form: Some(SettingsForm::of(
            "Shared artifacts",
            vec![
                Field::new("max_file_size", "Largest artifact", bytes(1 << 30))
                    .described("In bytes, as it is sent.")
                    .defaulting_to(50 << 20),
                Field::new("max_artifacts", "Most artifacts", bytes(10_000_000))
                    .defaulting_to(10_000),
                Field::new("max_total_bytes", "Most of all artifacts", bytes(1 << 40))
                    .described("In bytes.")
                    .defaulting_to(256 << 20),
                Field::new("allowed_mime_types", "Allowed types", FieldKind::List)
                    .described("All, if there are none.")
                    .defaulting_to(Vec::<String>::new()),
            ],
        )),
        ..Manifest::default()
    }
}

/// The mod. What it holds survives a reload.
#[derive(Default)]
pub(super) struct SharedArtifact {
    open: OnceLock<Open>,
}

struct Open {
    context: Context,
    config: Config,
    stock: Arc<Mutex<Stock>>,
}

#[async_trait]
impl Mod for SharedArtifact {
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
            "shared_artifact.create" => open.create(ask),
            "shared_artifact.get" => open.get(ask),
            "shared_artifact.update" => open.update(ask),
            "shared_artifact.delete" => open.delete(ask),
            "shared_artifact.list" => open.list(ask),
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
            .with("artifacts", stock.len())
            .with("bytes", stock.bytes())
    }
}

type Answer = Result<Response, Response>;

impl Open {
    fn create(&self, ask: Ask<'_>) -> Answer {
        let content = ask.written("content")?;
        let item = Item::new(content, ask, "text/plain")?;
        let allowed = &self.config.allowed_mime_types;
        if !allowed.is_empty() && !allowed.contains(&item.mime_type) {
            return Err(Response::refused(format!(
                "mime_type must be one of {}",
                allowed.join(", ")
            )));
        }
        let item = Item {
            size_bytes: size(&item.mime_type, &item.content),
            filename: ask.label("name")?.map(str::to_owned),
            ..item
        };
        let id = self.stock().add(item.clone(), None, self.limits())?;
        self.tell("created", &id, &item, ask.0);
        Ok(Response::ok(
            "the artifact is created",
            json!({"success": true, "artifact_id": id}),
        ))
    }

    fn get(&self, ask: Ask<'_>) -> Answer {
        let id = ask.required("artifact_id")?;
        let stock = self.stock();
        let item = stock.get(id, ask.0)?;
        let mut data = describe(id, item);
        data.insert("success".into(), json!(true));
        data.insert("content".into(), json!(item.content));
        Ok(Response::ok("here is the artifact", Value::Object(data)))
    }

    fn update(&self, ask: Ask<'_>) -> Answer {
        let id = ask.required("artifact_id")?;
        let content = ask.written("content")?;
        let item = {
            let mut stock = self.stock();
            let size = size(&stock.get(id, ask.0)?.mime_type, &content);
            stock.update(id, content, size, self.limits())?;
            stock.get(id, ask.0)?.clone()
        };
        self.tell("updated", id, &item, ask.0);
        Ok(Response::ok(
            "the artifact is updated",
            json!({"success": true, "artifact_id": id}),
        ))
    }

    fn delete(&self, ask: Ask<'_>) -> Answer {
        let id = ask.required("artifact_id")?;
        let item = {
            let mut stock = self.stock();
            stock.get(id, ask.0)?;
            stock.remove(id).ok_or_else(missing)?
        };
        self.tell("deleted", id, &item, ask.0);
        Ok(Response::ok(
            "the artifact is deleted",
            json!({"success": true, "artifact_id": id}),
        ))
    }

    fn list(&self, ask: Ask<'_>) -> Answer {
        let mime_type = ask.text("mime_type");
        let limit = ask.limit(100)?;
        let stock = self.stock();
        let seen = stock.seen_by(ask.0);
        let wanted =
            seen.filter(|(_, item)| mime_type.is_none_or(|wanted| wanted == item.mime_type));
        let artifacts: Vec<Value> = wanted
            .take(limit)
            .map(|(id, item)| Value::Object(describe(id, item)))
            .collect();
        let message = format!("{} artifacts", artifacts.len());
        Ok(Response::ok(
            message,
            json!({"success": true, "artifacts": artifacts}),
        ))
    }

    fn tell(&self, what: &str, id: &str, item: &Item, cause: &ModEvent) {
        let mut payload = describe(id, item);
        payload.retain(|key, _| {
            [
                "artifact_id",
                "name",
                "mime_type",
                "created_by",
                "allowed_agent_groups",
            ]
            .contains(&&**key)
        });
        item.groups.tell(&self.context, what, &payload, cause);
    }

    fn limits(&self) -> Limits {
        Limits {
            entries: self.config.max_artifacts,
            bytes: self.config.max_total_bytes,
            entry_bytes: self.config.max_file_size,
        }
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        // No step on the way of an operation panics.
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn describe(id: &str, item: &Item) -> Map<String, Value> {
    let mut about = item.describe();
    about.insert("artifact_id".into(), json!(id));
    about.insert("name".into(), json!(item.filename));
    about.insert("file_size".into(), json!(item.size_bytes));
    about
}

/// The size of what is meant: what is no text is sent in Base64.
fn size(mime_type: &str, content: &str) -> usize {
    let is_text = mime_type.starts_with("text/") || mime_type == "application/json";
    let decoded = if is_text { None } else { decoded_len(content) };
    decoded.unwrap_or(content.len())
}

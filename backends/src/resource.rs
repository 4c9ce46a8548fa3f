//! A registry as an environment file names it: `{backend: postgres, host: …, database: …}`.

mod fields;
mod kinds;
#[cfg(test)]
mod tests;

use crate::bus::BusUrl;
use crate::store::{OpenError, Store};
use crate::url::RegistryUrl;
use hotbed_registry::{CollectionName, RegistryBackend};
use serde_json::Value;
use std::sync::Arc;

/// Says where a registry is stored and which of its collections is meant, as the resource of an environment does.
///
/// | `backend` | keys |
/// |---|---|
/// | `file` | `path` |
/// | `http` | `base_url`, `auth_token`, `auth_header` (its name), `timeout` (seconds), `read_only`, `verify_ssl` |
/// | `memory` | |
/// | `postgres`, `postgresql` | `connection_string`, or `host` (localhost), `port` (5432), `database`, `user` (postgres), `password`, `sslmode`; `table` (registrations) |
/// | `s3` | `bucket`, `prefix`, `region`, `endpoint_url`, `aws_access_key_id`, `aws_secret_access_key` |
/// | `sqlite` | `path` |
///
/// `collection` goes with each of them, and is `bots` if it is not given. What is null or an empty text is not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryResource {
    /// Where it is stored.
    pub url: RegistryUrl,
    /// Which collection.
    pub collection: CollectionName,
}

/// Why a value names no registry: all that is wrong with it. Shows keys, never values that could be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("; "))]
pub struct InvalidResource {
    problems: Vec<String>,
}

impl RegistryResource {
    /// Understands the text of a URL, or an object as above.
    pub fn from_value(value: &Value) -> Result<Self, InvalidResource> {
        let one = |problem: String| InvalidResource {
            problems: vec![problem],
        };
        match value {
            Value::String(url) => Ok(Self {
                url: url
                    .parse::<RegistryUrl>()
                    .map_err(|it| one(it.to_string()))?,
                collection: CollectionName::bots(),
            }),
            Value::Object(map) => {
                let (kind, mut fields) = kinds::registry(map).map_err(one)?;
                let url = (kind.url)(&mut fields);
                let named = fields.text("collection");
                let named = named.as_deref().map(CollectionName::new);
                let collection = match named.unwrap_or_else(|| Ok(CollectionName::bots())) {
                    Ok(collection) => collection,
                    Err(error) => {
                        fields.refuse(&error.to_string());
                        CollectionName::bots()
                    }
                };
                fields.finish()?;
                let url = url.parse::<RegistryUrl>();
                let url =
                    url.map_err(|it| one(format!("{} registry {}", kind.name, it.reason())))?;
                Ok(Self { url, collection })
            }
            _ => Err(one("neither the URL of a registry nor an object".into())),
        }
    }
}

/// Understands the event bus that a resource of an environment names: the text of a URL, or an object.
///
/// | `backend` | keys |
/// |---|---|
/// | `memory` | |
/// | `nats` | `host` (localhost), `port` (4222), `user` and `password` or `token`, `ssl`, `ssl_ca_certs` |
/// | `postgres`, `postgresql` | `connection_string`, or `host` (localhost), `port` (5432), `database`, `user` (postgres), `password`, `sslmode` |
/// | `redis` | `host` (localhost), `port` (6379), `db`, `user`, `password`, `ssl`, `ssl_ca_certs` |
///
/// `channel_prefix` goes with each of them but `memory`, and is `events` if it is not given.
pub fn bus_resource(value: &Value) -> Result<BusUrl, InvalidResource> {
    let one = |problem: String| InvalidResource {
        problems: vec![problem],
    };
    let url = match value {
        Value::String(url) => url.clone(),
        Value::Object(map) => {
            let (kind, mut fields) = kinds::bus(map).map_err(one)?;
            let url = (kind.url)(&mut fields);
            fields.finish()?;
            url
        }
        _ => return Err(one("neither the URL of an event bus nor an object".into())),
    };
    url.parse::<BusUrl>().map_err(|it| one(it.to_string()))
}

/// Opens the collection that a resource names: the text of a URL, or an object with a `backend` as
/// [`RegistryResource`] lists them. Creates the store if there is none.
///
/// The handle keeps the store open. Use [`open`](crate::open) for several collections of one store, or to wait for
/// its end.
pub async fn create_registry_backend(
    resource: &Value,
) -> Result<Arc<dyn RegistryBackend>, OpenError> {
    let RegistryResource { url, collection } = RegistryResource::from_value(resource)?;
    let store = Store::open(&url).await?;
    Ok(store.collection(&collection).await?)
}

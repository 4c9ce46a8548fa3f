use hotbed_backends::Store;
use hotbed_registry::{CollectionName, Id, PortableConfig, RegistryBackend};
use hotbed_testkit::PostgresServer;
use serde_json::Value;
use std::sync::Arc;
use tempfile::TempDir;

/// An empty store that several processes can open, gone with this.
pub(crate) struct Place {
    pub(crate) url: String,
    _folder: Option<TempDir>,
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            url: format!("sqlite:{}", folder.path().join("hotbed.db").display()),
            _folder: Some(folder),
        }
    }

    pub(crate) fn file() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            url: format!("file:{}", folder.path().join("registry").display()),
            _folder: Some(folder),
        }
    }

    pub(crate) fn postgres() -> Self {
        Self {
            url: PostgresServer::shared().database().url(),
            _folder: None,
        }
    }
}

/// The bots of a store, and the store itself, which must be kept.
pub(crate) async fn open(url: &str) -> (Store, Arc<dyn RegistryBackend>) {
    let store = hotbed_backends::open(url).await.expect("a store");
    let bots = store.collection(&CollectionName::bots()).await;
    (store, bots.expect("its bots"))
}

pub(crate) fn id(name: &str) -> Id {
    Id::new(name).expect("a good id")
}

pub(crate) fn config(value: Value) -> PortableConfig {
    PortableConfig::from_value(value).expect("an object")
}

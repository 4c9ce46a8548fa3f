//! A database over a directory does what every backend must do.

use hotbed_backends::open;
use hotbed_registry::conformance::{Fixture, History};
use hotbed_registry::{CollectionName, RegistryBackend, conformance_tests};
use std::sync::Arc;
use tempfile::TempDir;

/// Layers that are opened anew for each handle: what another process would do.
struct InLayers {
    directory: TempDir,
}

#[async_trait::async_trait]
impl Fixture for InLayers {
    async fn open(&self) -> Arc<dyn RegistryBackend> {
        let path = self.directory.path().display();
        let url = format!("layered:sqlite:{path}/overlay.db,file:{path}");
        let store = open(&url).await.expect("a store");
        store
            .collection(&CollectionName::bots())
            .await
            .expect("a collection")
    }

    fn keeps_history(&self) -> History {
        History::Kept
    }
}

async fn in_layers() -> InLayers {
    InLayers {
        directory: tempfile::tempdir().expect("a directory"),
    }
}

conformance_tests!(in_layers);

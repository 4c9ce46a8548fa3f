//! The SQLite backend does what every backend must do.

use hotbed_backends::{SqliteOptions, SqliteStore};
use hotbed_registry::conformance::{Fixture, History};
use hotbed_registry::{CollectionName, RegistryBackend, conformance_tests};
use std::sync::Arc;
use tempfile::TempDir;

/// A file that is opened anew for each handle: what another process would do.
struct InFile {
    directory: TempDir,
}

#[async_trait::async_trait]
impl Fixture for InFile {
    async fn open(&self) -> Arc<dyn RegistryBackend> {
        let path = self.directory.path().join("registry.db");
        let store = SqliteStore::open(&path, SqliteOptions::default())
            .await
            .expect("a store");
        store.collection(&CollectionName::bots())
    }

    fn keeps_history(&self) -> History {
        History::Kept
    }
}

async fn in_file() -> InFile {
    InFile {
        directory: tempfile::tempdir().expect("a directory"),
    }
}

conformance_tests!(in_file);

//! The file backend does what every backend must do.

use hotbed_backends::{FileOptions, FileStore};
use hotbed_registry::conformance::Fixture;
use hotbed_registry::{CollectionName, RegistryBackend, conformance_tests};
use std::sync::Arc;
use tempfile::TempDir;

/// A directory that is opened anew for each handle: what another process would do.
struct InDirectory {
    directory: TempDir,
}

#[async_trait::async_trait]
impl Fixture for InDirectory {
    async fn open(&self) -> Arc<dyn RegistryBackend> {
        let path = self.directory.path().join("registry");
        let store = FileStore::open(&path, FileOptions::default())
            .await
            .expect("a store");
        store
            .collection(&CollectionName::bots())
            .await
            .expect("a collection")
    }
}

async fn in_directory() -> InDirectory {
    InDirectory {
        directory: tempfile::tempdir().expect("a directory"),
    }
}

conformance_tests!(in_directory);

//! A service of the contract of the Python package is one too, as seen by all who use one process.

use crate::hotbed::{bots_of, store_at};
use hotbed_backends::HttpStore;
use hotbed_registry::conformance::Fixture;
use hotbed_registry::{RegistryBackend, conformance_tests};
use hotbed_testkit::ConfigService;
use std::sync::Arc;
use tempfile::TempDir;

/// One registry of the service, and the one store of this process: two would keep two books of it.
struct AtAService {
    store: HttpStore,
    _state: TempDir,
}

#[async_trait::async_trait]
impl Fixture for AtAService {
    async fn open(&self) -> Arc<dyn RegistryBackend> {
        bots_of(&self.store).await
    }
}

async fn at_a_service() -> AtAService {
    let service = ConfigService::shared();
    let state = tempfile::tempdir().unwrap();
    // Revisions begin at 1 where they are kept.
    let options = format!("state={}", state.path().display());
    AtAService {
        store: store_at(service.port(), &service.registry(), &options).await,
        _state: state,
    }
}

conformance_tests!(at_a_service);

//! A service that has `ETag`s and honours `If-Match`: a hotbed that is taken for one, for it keeps the same contract.

use crate::hotbed::{Hotbed, bots_of};
use hotbed_backends::HttpStore;
use hotbed_registry::conformance::Fixture;
use hotbed_registry::{RegistryBackend, conformance_tests};
use std::sync::Arc;
use tempfile::TempDir;

struct AsService {
    store: HttpStore,
    _server: Hotbed,
    _state: TempDir,
}

#[async_trait::async_trait]
impl Fixture for AsService {
    async fn open(&self) -> Arc<dyn RegistryBackend> {
        bots_of(&self.store).await
    }
}

async fn as_service() -> AsService {
    let server = Hotbed::start().await;
    let state = tempfile::tempdir().unwrap();
    let options = format!("peer=service&state={}", state.path().display());
    AsService {
        store: server.store(&options).await,
        _server: server,
        _state: state,
    }
}

conformance_tests!(as_service);

//! The memory backend does what every backend must do.

use hotbed_registry::conformance::{Fixture, History};
use hotbed_registry::{MemoryBackend, RegistryBackend, conformance_tests};
use std::sync::Arc;

struct InMemory(Arc<MemoryBackend>);

#[async_trait::async_trait]
impl Fixture for InMemory {
    async fn open(&self) -> Arc<dyn RegistryBackend> {
        Arc::<MemoryBackend>::clone(&self.0)
    }

    fn keeps_history(&self) -> History {
        History::Kept
    }
}

async fn in_memory() -> InMemory {
    InMemory(Arc::default())
}

conformance_tests!(in_memory);

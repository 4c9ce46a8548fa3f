//! The bus in memory does what every bus must do.

use hotbed_events::conformance::Fixture;
use hotbed_events::{EventBus, MemoryBus, conformance_tests};
use std::sync::Arc;

struct InMemory(MemoryBus);

#[async_trait::async_trait]
impl Fixture for InMemory {
    async fn open(&self) -> Arc<dyn EventBus> {
        Arc::new(self.0.clone())
    }
}

async fn in_memory() -> InMemory {
    InMemory(MemoryBus::new())
}

conformance_tests!(in_memory);

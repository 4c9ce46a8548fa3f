//! Two layers do what every backend must do.

use hotbed_registry::conformance::{Fixture, History};
use hotbed_registry::{LayeredBackend, MemoryBackend, RegistryBackend, conformance_tests};
use std::sync::Arc;

/// Layers in memory, of which every handle is another node.
#[derive(Default)]
struct InLayers {
    overlay: Arc<MemoryBackend>,
    hidden: Arc<MemoryBackend>,
    base: Arc<MemoryBackend>,
}

#[async_trait::async_trait]
impl Fixture for InLayers {
    async fn open(&self) -> Arc<dyn RegistryBackend> {
        Arc::new(LayeredBackend::new(
            self.overlay.clone(),
            self.hidden.clone(),
            self.base.clone(),
        ))
    }

    fn keeps_history(&self) -> History {
        History::Kept
    }
}

async fn in_layers() -> InLayers {
    InLayers::default()
}

conformance_tests!(in_layers);

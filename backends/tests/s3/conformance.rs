use crate::place::Place;
use hotbed_registry::conformance::{Fixture, History};
use hotbed_registry::{RegistryBackend, conformance_tests};
use std::sync::Arc;

/// Each handle has a store of its own: what another node would do.
#[async_trait::async_trait]
impl Fixture for Place {
    async fn open(&self) -> Arc<dyn RegistryBackend> {
        self.bots().await
    }

    fn keeps_history(&self) -> History {
        History::Kept
    }
}

async fn in_bucket() -> Place {
    Place::new()
}

conformance_tests!(in_bucket);

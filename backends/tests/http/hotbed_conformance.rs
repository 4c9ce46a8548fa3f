//! Another hotbed is a backend like any other.

use crate::hotbed::{CompactedBehind, Hotbed};
use hotbed_registry::conformance::{Fixture, History};
use hotbed_registry::{RegistryBackend, conformance_tests};
use std::sync::Arc;

#[async_trait::async_trait]
impl Fixture for Hotbed {
    async fn open(&self) -> Arc<dyn RegistryBackend> {
        Arc::new(CompactedBehind {
            http: self.bots().await,
            behind: Arc::clone(&self.behind),
        })
    }

    fn keeps_history(&self) -> History {
        History::Kept
    }
}

async fn at_a_hotbed() -> Hotbed {
    Hotbed::start().await
}

conformance_tests!(at_a_hotbed);

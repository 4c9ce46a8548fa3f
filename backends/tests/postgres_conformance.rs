//! The PostgreSQL backend does what every backend must do, on a real server.

use hotbed_backends::{PostgresOptions, PostgresStore, RegistryUrl};
use hotbed_registry::conformance::{Fixture, History};
use hotbed_registry::{CollectionName, RegistryBackend, conformance_tests};
use hotbed_testkit::PostgresServer;
use std::sync::Arc;

/// A database that is opened anew for each handle: what another node would do.
struct OnServer {
    url: String,
}

#[async_trait::async_trait]
impl Fixture for OnServer {
    async fn open(&self) -> Arc<dyn RegistryBackend> {
        let Ok(RegistryUrl::Postgres(url)) = self.url.parse() else {
            panic!("a good URL")
        };
        let store = PostgresStore::open(&url, PostgresOptions::default())
            .await
            .expect("a store");
        store.collection(&CollectionName::bots())
    }

    fn keeps_history(&self) -> History {
        History::Kept
    }
}

async fn on_server() -> OnServer {
    OnServer {
        url: PostgresServer::shared().database().url(),
    }
}

conformance_tests!(on_server);

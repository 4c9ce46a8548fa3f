//! What every bus must do, and what every bus must that has a server which can fail.

use crate::bus;
use crate::faults::through;
use hotbed_events::conformance::{Fixture, Outage, Outages};
use hotbed_events::{EventBus, conformance_tests, outage_tests};
use hotbed_testkit::{Database, FaultProxy, NetworkFault, PostgresServer};
use std::sync::Arc;
use tokio::task::block_in_place;

/// A database of its own on a server that runs.
struct InDatabase(Database);

#[async_trait::async_trait]
impl Fixture for InDatabase {
    async fn open(&self) -> Arc<dyn EventBus> {
        bus(&self.0.url())
    }
}

async fn in_database() -> InDatabase {
    InDatabase(PostgresServer::shared().database())
}

/// A server of its own, and a way to it that can be made a bad one.
struct Failing {
    server: PostgresServer,
    database: Database,
    proxy: FaultProxy,
}

#[async_trait::async_trait]
impl Fixture for Failing {
    async fn open(&self) -> Arc<dyn EventBus> {
        bus(&through(&self.proxy, &self.database))
    }
}

#[async_trait::async_trait]
impl Outages for Failing {
    async fn begin(&self, outage: Outage) {
        block_in_place(|| match outage {
            Outage::Killed => self.server.kill(),
            Outage::Stopped => self.server.stop(),
            Outage::Cut => self.proxy.cut(),
            Outage::Silent => self.proxy.set(NetworkFault::Silence),
        });
    }

    async fn end(&self) {
        self.proxy.set(NetworkFault::None);
        block_in_place(|| self.server.resume());
    }
}

async fn failing() -> Failing {
    let server = PostgresServer::start(&[]);
    let database = server.database();
    let proxy = FaultProxy::to(database.port());
    Failing {
        server,
        database,
        proxy,
    }
}

conformance_tests!(in_database);
outage_tests!(failing);

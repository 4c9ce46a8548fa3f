//! It gets over whatever happens to its server.

use hotbed_backends::open_bus;
use hotbed_events::conformance::{Fixture, Outage, Outages};
use hotbed_events::{EventBus, outage_tests};
use hotbed_testkit::{FaultProxy, NetworkFault, RedisServer};
use std::sync::Arc;

/// A server behind a wire that can be cut.
struct BehindProxy {
    server: RedisServer,
    proxy: FaultProxy,
}

#[async_trait::async_trait]
impl Fixture for BehindProxy {
    async fn open(&self) -> Arc<dyn EventBus> {
        let url = format!("redis://127.0.0.1:{}", self.proxy.port());
        open_bus(&url.parse().expect("a good URL"))
    }

    async fn listened_to(&self) -> Option<usize> {
        let channels = self.server.ask(&["PUBSUB", "CHANNELS"]);
        Some(channels.split_whitespace().count())
    }
}

#[async_trait::async_trait]
impl Outages for BehindProxy {
    async fn begin(&self, outage: Outage) {
        match outage {
            Outage::Killed => self.server.kill(),
            Outage::Stopped => self.server.stop(),
            Outage::Cut => self.proxy.cut(),
            Outage::Silent => self.proxy.set(NetworkFault::Silence),
        }
    }

    async fn end(&self) {
        self.proxy.set(NetworkFault::None);
        self.server.resume();
    }
}

async fn behind_proxy() -> BehindProxy {
    let server = RedisServer::start(&[]);
    BehindProxy {
        proxy: FaultProxy::to(server.port()),
        server,
    }
}

outage_tests!(behind_proxy);

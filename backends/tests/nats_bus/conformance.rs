//! What every bus must do, and what every bus must that has a server which can fail.

use crate::{bus, url};
use hotbed_events::conformance::{Fixture, Outage, Outages};
use hotbed_events::{EventBus, conformance_tests, outage_tests};
use hotbed_testkit::{FaultProxy, NatsServer, NetworkFault};
use std::sync::Arc;
use tokio::task::block_in_place;

/// A prefix of its own on a server that runs.
struct BelowPrefix(String);

#[async_trait::async_trait]
impl Fixture for BelowPrefix {
    async fn open(&self) -> Arc<dyn EventBus> {
        bus(&self.0)
    }
}

async fn below_prefix() -> BelowPrefix {
    BelowPrefix(url())
}

/// A server of its own, and a way to it that can be made a bad one.
struct Failing {
    server: NatsServer,
    proxy: FaultProxy,
}

#[async_trait::async_trait]
impl Fixture for Failing {
    async fn open(&self) -> Arc<dyn EventBus> {
        bus(&format!("nats://127.0.0.1:{}", self.proxy.port()))
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
    let server = NatsServer::start(&[]);
    let proxy = FaultProxy::to(server.port());
    Failing { server, proxy }
}

conformance_tests!(below_prefix);
outage_tests!(failing);

//! It gets over whatever happens to its server.

use hotbed_backends::open_bus;
use hotbed_events::conformance::{Fixture, Outage, Outages};
use hotbed_events::{Event, EventBus, EventKind, Topic, outage_tests};
use hotbed_testkit::{FaultProxy, NetworkFault, RedisServer};
use serde_json::Map;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

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

/// Mutation it catches: forgetting a connection only when it was waited for as long as it may take.
#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_in_a_hurry_does_not_keep_a_dead_connection() {
    let fixture = behind_proxy().await;
    let bus = fixture.open().await;
    let topic = Topic::new("a").unwrap();
    let sent = [Event::new(topic, EventKind::Updated, Map::new())];
    bus.publish(&sent).await.unwrap();
    fixture.begin(Outage::Silent).await;
    let hurried = timeout(Duration::from_millis(100), bus.publish(&sent)).await;
    assert!(hurried.is_err(), "nobody answers: {hurried:?}");
    fixture.end().await;
    let published = timeout(Duration::from_secs(2), bus.publish(&sent)).await;
    published.expect("it is published at once").unwrap();
}

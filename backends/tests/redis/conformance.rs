//! It does what every bus must do.

use hotbed_backends::open_bus;
use hotbed_events::conformance::Fixture;
use hotbed_events::{EventBus, conformance_tests};
use hotbed_testkit::RedisServer;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Channels of one prefix, on the server that all cases share.
struct OnServer {
    prefix: String,
}

#[async_trait::async_trait]
impl Fixture for OnServer {
    async fn open(&self) -> Arc<dyn EventBus> {
        let url = format!("{}?prefix={}", RedisServer::shared().url(), self.prefix);
        open_bus(&url.parse().expect("a good URL"))
    }

    async fn listened_to(&self) -> Option<usize> {
        let pattern = format!("{}:*", self.prefix);
        let channels = RedisServer::shared().ask(&["PUBSUB", "CHANNELS", &pattern]);
        Some(channels.split_whitespace().count())
    }
}

async fn on_server() -> OnServer {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    OnServer {
        prefix: format!("test-{number}"),
    }
}

conformance_tests!(on_server);

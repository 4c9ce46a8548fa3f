//! The backend for buckets does what every backend must do, on a real Ceph RADOS Gateway.

use hotbed_backends::{RegistryUrl, S3Options, S3Store};
use hotbed_registry::conformance::Fixture;
use hotbed_registry::{CollectionName, RegistryBackend, conformance_tests};
use hotbed_testkit::{Bucket, RgwServer};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

/// A prefix of a bucket that is opened anew for each handle: what another node would do.
struct InBucket {
    url: String,
}

#[async_trait::async_trait]
impl Fixture for InBucket {
    async fn open(&self) -> Arc<dyn RegistryBackend> {
        let Ok(RegistryUrl::S3(url)) = self.url.parse() else {
            panic!("a good URL")
        };
        let store = S3Store::open(&url, S3Options::default())
            .await
            .expect("a store");
        store.collection(&CollectionName::bots())
    }
}

async fn in_bucket() -> InBucket {
    static BUCKET: OnceLock<Bucket> = OnceLock::new();
    static PREFIXES: AtomicU32 = AtomicU32::new(0);
    let bucket = BUCKET.get_or_init(|| RgwServer::shared().bucket());
    let number = PREFIXES.fetch_add(1, Ordering::Relaxed);
    InBucket {
        url: bucket.url(&format!("case-{number}")),
    }
}

conformance_tests!(in_bucket);

//! What the tests have in common: a place in a bucket, and nodes that keep their registry there.

use hotbed_backends::{RegistryUrl, S3Options, S3Store, S3Url};
use hotbed_registry::{
    Change, Changes, CollectionName, Draft, Error, Id, PortableConfig, Precondition, Registration,
    RegistryBackend, Revision,
};
use hotbed_testkit::{Bucket, RgwServer};
use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

/// A prefix that nobody else uses.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) bucket: Bucket,
    pub(crate) prefix: String,
}

impl Place {
    /// On the server that all tests share.
    pub(crate) fn new() -> Self {
        static BUCKET: OnceLock<Bucket> = OnceLock::new();
        Self::of(BUCKET.get_or_init(|| RgwServer::shared().bucket()))
    }

    pub(crate) fn of(bucket: &Bucket) -> Self {
        static PREFIXES: AtomicU32 = AtomicU32::new(0);
        let number = PREFIXES.fetch_add(1, Ordering::Relaxed);
        Self {
            bucket: bucket.clone(),
            prefix: format!("case/{number}"),
        }
    }

    pub(crate) fn url(&self) -> String {
        self.bucket.url(&self.prefix)
    }

    /// The way through a proxy.
    pub(crate) fn url_through(&self, port: u16) -> String {
        self.bucket.url_through(port, &self.prefix)
    }

    /// A node's handle on the bots.
    pub(crate) async fn bots(&self) -> Arc<dyn RegistryBackend> {
        bots(&self.url(), S3Options::default()).await
    }

    /// The bucket itself.
    pub(crate) fn raw(&self) -> impl ObjectStore + use<> {
        let (key, secret) = self.bucket.keys();
        AmazonS3Builder::new()
            .with_endpoint(format!("http://127.0.0.1:{}", self.bucket.port()))
            .with_allow_http(true)
            .with_bucket_name(self.bucket.name())
            .with_access_key_id(key)
            .with_secret_access_key(secret)
            .build()
            .expect("a client")
    }
}

pub(crate) fn parse(url: &str) -> S3Url {
    match url.parse() {
        Ok(RegistryUrl::S3(url)) => url,
        other => panic!("{other:?} is no URL of a bucket"),
    }
}

pub(crate) async fn bots(url: &str, options: S3Options) -> Arc<dyn RegistryBackend> {
    let store = S3Store::open(&parse(url), options).await.expect("a store");
    store.collection(&CollectionName::bots())
}

pub(crate) fn id(text: &str) -> Id {
    Id::new(text).expect("a good id")
}

pub(crate) fn draft(config: Value) -> Draft {
    Draft::active(PortableConfig::from_value(config).expect("an object"))
}

/// Writes a number, whatever is there.
pub(crate) async fn put(
    backend: &Arc<dyn RegistryBackend>,
    name: &str,
    n: u64,
) -> Result<Revision, Error> {
    let written = backend
        .put(&id(name), draft(json!({ "n": n })), Precondition::Any)
        .await?;
    Ok(written.revision)
}

/// The number that was written.
pub(crate) async fn read(backend: &Arc<dyn RegistryBackend>, name: &str) -> Option<u64> {
    let found = backend.get(&id(name)).await.expect("a read is answered")?;
    Some(number(&found))
}

pub(crate) fn number(registration: &Registration) -> u64 {
    registration.config.as_map()["n"]
        .as_u64()
        .expect("a number")
}

/// The whole log, which has every revision once.
pub(crate) async fn log(backend: &Arc<dyn RegistryBackend>) -> Vec<Change> {
    let told = backend.changes(Revision::ZERO, usize::MAX).await;
    let Ok(Changes::Log { changes, head }) = told else {
        panic!("nothing was compacted: {told:?}")
    };
    let revisions: Vec<u64> = changes.iter().map(|change| change.revision.0).collect();
    assert_eq!(revisions, (1..=head.0).collect::<Vec<_>>());
    changes
}

//! Nodes that are paused between reading the base and writing to the overlay.

use super::*;
use tokio::sync::Semaphore;

/// A base that tells what it read only when it may.
#[derive(Debug)]
struct Slow {
    base: Arc<MemoryBackend>,
    reading: Semaphore,
    may_tell: Semaphore,
}

impl Slow {
    /// A node that reads the base slowly.
    fn node(layers: &Layers) -> (Arc<Self>, LayeredBackend) {
        let slow = Arc::new(Self {
            base: layers.base.clone(),
            reading: Semaphore::new(0),
            may_tell: Semaphore::new(0),
        });
        let (overlay, hidden) = (layers.overlay.clone(), layers.hidden.clone());
        (slow.clone(), LayeredBackend::new(overlay, hidden, slow))
    }

    async fn is_reading(&self) {
        self.reading.acquire().await.unwrap().forget();
    }
}

#[async_trait]
impl RegistryBackend for Slow {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        let found = self.base.get(id).await;
        self.reading.add_permits(1);
        self.may_tell.acquire().await.unwrap().forget();
        found
    }

    async fn put(&self, _: &Id, _: Draft, _: Precondition) -> Result<Registration, Error> {
        panic!("the base is never written to")
    }

    async fn delete(&self, _: &Id, _: Precondition, _: &ChangeNote) -> Result<Revision, Error> {
        panic!("the base is never written to")
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        self.base.list(query).await
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        self.base.count(query).await
    }

    async fn head(&self) -> Result<Revision, Error> {
        self.base.head().await
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        self.base.heads(after, limit).await
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        self.base.changes(after, limit).await
    }

    async fn touch(&self, _: &[Access]) -> Result<(), Error> {
        panic!("the base is never written to")
    }

    async fn compact(&self, _: Retention) -> Result<Revision, Error> {
        panic!("the base is never written to")
    }
}

#[tokio::test]
async fn what_was_read_long_ago_is_not_written_over_what_is_newer() {
    let layers = Layers::with_base(&["bot"]).await;
    let quick = layers.node();
    quick.head().await.unwrap();
    put(&*layers.base, "bot", json!({"n": 1})).await;
    let (slow, node) = Slow::node(&layers);
    let mut reading = JoinSet::new();
    reading.spawn(async move { config(&node, "bot").await });
    slow.is_reading().await;
    put(&*layers.base, "bot", json!({"n": 2})).await;
    assert_eq!(config(&quick, "bot").await, Some(json!({"n": 2})));
    slow.may_tell.add_permits(10);
    assert_eq!(
        reading.join_next().await.unwrap().unwrap(),
        Some(json!({"n": 2}))
    );
    assert_eq!(told(&quick).await, ["bot:created", "bot:updated"]);
}

#[tokio::test]
async fn what_was_hidden_meanwhile_is_copied_for_no_longer_than_a_moment() {
    let layers = Layers::with_base(&["bot"]).await;
    let (slow, node) = Slow::node(&layers);
    let mut reading = JoinSet::new();
    reading.spawn(async move { config(&node, "bot").await });
    slow.is_reading().await;
    let quick = layers.node();
    delete(&quick, "bot").await;
    slow.may_tell.add_permits(10);
    assert_eq!(reading.join_next().await.unwrap().unwrap(), None);
    assert_eq!(config(&quick, "bot").await, None);
    assert_eq!(layers.overlay.get(&id("bot")).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_written_while_a_copy_is_made_stands() {
    let layers = Layers::with_base(&["bot"]).await;
    let (slow, node) = Slow::node(&layers);
    let mut reading = JoinSet::new();
    reading.spawn(async move { config(&node, "bot").await });
    slow.is_reading().await;
    put(&*layers.overlay, "bot", json!({"from": "here"})).await;
    slow.may_tell.add_permits(10);
    let read = reading.join_next().await.unwrap().unwrap();
    assert_eq!(read, Some(json!({"from": "here"})));
}

/// A caller that goes away cuts nothing in two.
#[tokio::test]
async fn a_base_is_followed_to_the_end_even_if_nobody_waits() {
    let layers = Layers::with_base(&["bot"]).await;
    let (slow, node) = Slow::node(&layers);
    let impatient = timeout(Duration::from_millis(1), node.head()).await;
    assert!(impatient.is_err());
    slow.is_reading().await;
    slow.may_tell.add_permits(1);
    let followed = async {
        while layers.overlay.head().await.unwrap() == Revision::ZERO {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(30), followed).await.unwrap();
}

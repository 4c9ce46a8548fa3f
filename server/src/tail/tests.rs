use super::*;
use hotbed_configs::PortableConfig;
use hotbed_registry::{Draft, Id, MemoryBackend, Precondition, RegistryBackend, Status};

struct Log {
    backend: Arc<MemoryBackend>,
    reached: watch::Sender<Revision>,
    tail: Tail,
}

impl Log {
    fn new() -> Self {
        let backend = Arc::new(MemoryBackend::new());
        let (reached, receiver) = watch::channel(Revision::ZERO);
        Self {
            tail: Tail::new(Reader::new(Arc::clone(&backend) as _), receiver),
            backend,
            reached,
        }
    }

    async fn write(&self, count: u64) {
        for _ in 0..count {
            let draft = Draft {
                config: PortableConfig::from_map(serde_json::Map::new()).unwrap(),
                status: Status::Active,
                metadata: None,
                created_at: None,
            };
            let id = Id::new("a").unwrap();
            self.backend
                .put(&id, draft, Precondition::Any)
                .await
                .unwrap();
        }
    }

    fn reach(&self, revision: u64) {
        self.reached.send_replace(Revision(revision));
    }

    /// What is told after a revision, and where the tail ends; `None` where it is not kept.
    async fn after(&self, after: u64) -> Option<(Vec<u64>, u64)> {
        let found = self.tail.after(Revision(after), 5).await.unwrap()?;
        let told: Vec<_> = found.changes.iter().map(|c| c.revision.0).collect();
        assert_eq!(found.next.0, told.last().copied().unwrap_or(after));
        Some((told, found.head.0))
    }

    fn kept(&self) -> usize {
        self.tail.recent().entries.len()
    }
}

#[tokio::test]
async fn nothing_is_told_that_the_node_has_not_reached() {
    let log = Log::new();
    log.write(9).await;
    assert_eq!(log.after(0).await, Some((vec![], 0)));
    log.reach(2);
    assert_eq!(log.after(0).await, Some((vec![1, 2], 2)));
    assert_eq!(log.after(1).await, Some((vec![2], 2)));
    assert_eq!(log.after(3).await, None, "not known yet");
    log.reach(9);
    assert_eq!(log.after(2).await, Some((vec![3, 4, 5, 6, 7], 9)));
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let log = Log::new();
    let mut reached = 0;
    for _ in 0..3 {
        log.write(3_000).await;
        reached += 3_000;
        log.reach(reached);
        assert!(log.after(reached).await.is_some());
        assert!(log.kept() <= KEPT, "{}", log.kept());
    }
    let oldest = reached - KEPT as u64;
    assert_eq!(log.after(oldest - 1).await, None);
    assert_eq!(log.after(oldest).await.unwrap().0[0], oldest + 1);
}

#[tokio::test]
async fn a_leap_is_not_read() {
    let log = Log::new();
    log.write(6_000).await;
    log.reach(6_000);
    assert_eq!(log.after(6_000).await, Some((vec![], 6_000)));
    assert_eq!((log.after(5_999).await, log.kept()), (None, 0));
    log.write(1).await;
    log.reach(6_001);
    assert_eq!(log.after(6_000).await, Some((vec![6_001], 6_001)));
}

#[tokio::test]
async fn another_registry_in_the_place_of_this_one_begins_a_new_tail() {
    let log = Log::new();
    log.write(5).await;
    log.reach(5);
    assert_eq!(log.after(3).await, Some((vec![4, 5], 5)));
    log.reach(2);
    assert_eq!(log.after(1).await, None, "it may be another change");
    assert_eq!(log.after(2).await, Some((vec![], 2)));
    assert_eq!(log.after(5).await, None);
}

/// Without an end to it, a watcher would ask for ever for what is not there.
#[tokio::test]
async fn a_log_that_is_shorter_than_it_was_is_given_up() {
    let log = Log::new();
    log.write(3).await;
    log.reach(3);
    assert_eq!(log.after(0).await, Some((vec![1, 2, 3], 3)));
    log.reach(7);
    assert_eq!((log.after(3).await, log.kept()), (None, 0));
    assert_eq!(log.after(7).await, Some((vec![], 7)));
}

//! Nodes whose base does not answer, or says that it cannot.

use super::*;
use crate::Reader;
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// A base that answers, or does not.
#[derive(Debug)]
struct Fragile {
    base: Arc<MemoryBackend>,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Up,
    Down,
    Silent,
}

impl Fragile {
    fn node(layers: &Layers) -> (Arc<Self>, Arc<LayeredBackend>) {
        let fragile = Arc::new(Self {
            base: layers.base.clone(),
            state: Mutex::new(State::Up),
        });
        let (overlay, hidden) = (layers.overlay.clone(), layers.hidden.clone());
        let node = LayeredBackend::new(overlay, hidden, fragile.clone());
        (fragile, Arc::new(node))
    }

    fn is(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    async fn answers(&self) -> Result<&MemoryBackend, Error> {
        let state = *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state {
            State::Up => Ok(&self.base),
            State::Down => Err(Error::Unavailable {
                operation: "answer",
                reason: "it is down".into(),
                source: None,
            }),
            State::Silent => std::future::pending().await,
        }
    }
}

#[async_trait]
impl RegistryBackend for Fragile {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        self.answers().await?.get(id).await
    }

    async fn put(&self, _: &Id, _: Draft, _: Precondition) -> Result<Registration, Error> {
        panic!("the base is never written to")
    }

    async fn delete(&self, _: &Id, _: Precondition, _: &ChangeNote) -> Result<Revision, Error> {
        panic!("the base is never written to")
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        self.answers().await?.list(query).await
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        self.answers().await?.count(query).await
    }

    async fn head(&self) -> Result<Revision, Error> {
        self.answers().await?.head().await
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        self.answers().await?.heads(after, limit).await
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        self.answers().await?.changes(after, limit).await
    }

    async fn touch(&self, _: &[Access]) -> Result<(), Error> {
        panic!("the base is never written to")
    }

    async fn compact(&self, _: Retention) -> Result<Revision, Error> {
        panic!("the base is never written to")
    }
}

fn is_down<T: std::fmt::Debug>(answer: Result<T, Error>) {
    match answer {
        Err(Error::Unavailable { .. }) => {}
        other => panic!("it cannot be told, and yet: {other:?}"),
    }
}

/// Caught: a union that needs the base for everything; one that reads a base that is down as one that is empty.
#[tokio::test]
async fn what_the_overlay_holds_is_read_and_written_over_while_the_base_is_down() {
    let layers = Layers::with_base(&["copied", "overridden", "gone"]).await;
    let (base, node) = Fragile::node(&layers);
    put(&*node, "overridden", json!({"from": "here"})).await;
    let before = node.head().await.unwrap();

    base.is(State::Down);
    for name in ["copied", "changed"] {
        put(&*layers.base, name, json!({"from": "base", "n": 2})).await;
    }
    delete(&*layers.base, "gone").await;
    let here = json!({"from": "here"});
    assert_eq!(config(&*node, "overridden").await, Some(here));
    for name in ["copied", "gone"] {
        let last_known = json!({"from": "base"});
        assert_eq!(config(&*node, name).await, Some(last_known), "{name}");
    }
    let stands = node.get(&id("overridden")).await.unwrap().unwrap();
    let when = Precondition::At(stands.revision);
    let wanted = draft(json!({"from": "here", "n": 2}));
    let written = node.put(&id("overridden"), wanted.clone(), when).await;
    assert_eq!(written.unwrap().revision, before.next());
    let again = node.put(&id("overridden"), wanted.clone(), when).await;
    assert!(matches!(again, Err(Error::Conflict { .. })));

    // What the base may have, or may not have any more.
    let any = Precondition::Any;
    is_down(node.get(&id("changed")).await);
    is_down(node.list(&Query::default()).await);
    is_down(node.count(&Query::default()).await);
    is_down(node.head().await);
    is_down(node.heads(None, 10).await);
    is_down(node.changes(Revision::ZERO, 10).await);
    is_down(node.put(&id("changed"), wanted, any).await);
    for name in ["overridden", "copied", "changed"] {
        is_down(node.delete(&id(name), any, &ChangeNote::NONE).await);
    }

    base.is(State::Up);
    let mut after = told(&*node)
        .await
        .split_off(usize::try_from(before.0).unwrap());
    after[1..].sort();
    let expected = [
        "overridden:updated",
        "changed:created",
        "copied:updated",
        "gone:deleted",
    ];
    assert_eq!(after, expected);
}

/// What an earlier run has copied is known, and what it has not is not.
#[tokio::test]
async fn a_node_that_never_saw_the_base_knows_what_the_overlay_holds() {
    let layers = Layers::with_base(&["copied"]).await;
    layers.node().head().await.unwrap();
    let (base, node) = Fragile::node(&layers);
    base.is(State::Down);
    let last_known = json!({"from": "base"});
    assert_eq!(config(&*node, "copied").await, Some(last_known));
    is_down(node.get(&id("unknown")).await);
    is_down(node.list(&Query::default()).await);
}

/// Caught: a base that is waited for until whoever reads gives up.
#[tokio::test(start_paused = true)]
async fn a_base_that_says_nothing_is_not_waited_for_longer_than_readers_wait() {
    let layers = Layers::with_base(&["copied"]).await;
    let (base, node) = Fragile::node(&layers);
    node.head().await.unwrap();
    base.is(State::Silent);
    let reader = Reader::new(node);
    let began = Instant::now();
    let found = reader.peek(&id("copied")).await.unwrap().unwrap();
    assert_eq!(found.config.into_value(), json!({"from": "base"}));
    assert!(began.elapsed() < Duration::from_secs(3));
    let refused = reader.peek(&id("unknown")).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "registry cannot ask its base: it did not answer within 2 s"
    );
}

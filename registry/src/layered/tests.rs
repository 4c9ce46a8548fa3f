mod down;
mod slow;

use super::*;
use crate::{Change, ChangeNote, MemoryBackend, SortSpec, Status};
use hotbed_configs::PortableConfig;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::task::JoinSet;

/// A base, an overlay, and nodes on them.
#[derive(Debug, Default, Clone)]
struct Layers {
    base: Arc<MemoryBackend>,
    overlay: Arc<MemoryBackend>,
    hidden: Arc<MemoryBackend>,
}

impl Layers {
    fn node(&self) -> LayeredBackend {
        LayeredBackend::new(self.overlay.clone(), self.hidden.clone(), self.base.clone())
    }

    async fn with_base(names: &[&str]) -> Self {
        let layers = Self::default();
        for name in names {
            put(&*layers.base, name, json!({"from": "base"})).await;
        }
        layers
    }
}

fn id(name: &str) -> Id {
    Id::new(name).unwrap()
}

fn draft(config: Value) -> Draft {
    Draft::active(PortableConfig::from_value(config).unwrap())
}

async fn put(to: &dyn RegistryBackend, name: &str, config: Value) -> Registration {
    to.put(&id(name), draft(config), Precondition::Any)
        .await
        .unwrap()
}

async fn delete(from: &dyn RegistryBackend, name: &str) -> Revision {
    from.delete(&id(name), Precondition::Any, &ChangeNote::NONE)
        .await
        .unwrap()
}

async fn config(from: &dyn RegistryBackend, name: &str) -> Option<Value> {
    let found = from.get(&id(name)).await.unwrap();
    found.map(|it| it.config.into_value())
}

async fn ids(from: &dyn RegistryBackend, query: &Query) -> Vec<String> {
    let page = from.list(query).await.unwrap();
    page.items
        .iter()
        .map(|it| it.id.as_str().to_owned())
        .collect()
}

/// The log as `id:kind` words; its revisions have no gap.
async fn told(by: &dyn RegistryBackend) -> Vec<String> {
    let Changes::Log { changes, head } = by.changes(Revision::ZERO, usize::MAX).await.unwrap()
    else {
        panic!("nothing is compacted")
    };
    let revisions: Vec<_> = changes.iter().map(|change| change.revision.0).collect();
    assert_eq!(revisions, (1..=head.0).collect::<Vec<_>>());
    let word = |change: &Change| format!("{}:{}", change.id, change.kind);
    changes.iter().map(word).collect()
}

#[tokio::test]
async fn what_the_base_has_is_there_and_told() {
    let layers = Layers::with_base(&["a", "b"]).await;
    let node = layers.node();
    assert_eq!(config(&node, "a").await, Some(json!({"from": "base"})));
    let mut told = told(&node).await;
    told.sort();
    assert_eq!(told, ["a:created", "b:created"]);
    assert_eq!(node.count(&Query::default()).await.unwrap(), 2);
    let (here, there) = (
        node.get(&id("a")).await.unwrap(),
        layers.base.get(&id("a")).await.unwrap(),
    );
    assert_eq!(here.unwrap().created_at, there.unwrap().created_at);
}

#[tokio::test]
async fn what_is_written_here_stands_whole_and_the_base_stays_as_it_was() {
    let layers = Layers::default();
    let noted = Draft {
        metadata: json!({"team": "red"}).as_object().cloned(),
        ..draft(json!({"a": 1, "b": 2}))
    };
    let below = layers
        .base
        .put(&id("bot"), noted, Precondition::Any)
        .await
        .unwrap();
    let node = layers.node();
    let before = node.get(&id("bot")).await.unwrap().unwrap();
    let refused = node
        .put(&id("bot"), draft(json!({})), Precondition::Absent)
        .await;
    assert!(matches!(refused, Err(Error::Conflict { .. })));
    let when = Precondition::At(before.revision);
    let written = node
        .put(&id("bot"), draft(json!({"a": 3})), when)
        .await
        .unwrap();
    assert_eq!(written.config.clone().into_value(), json!({"a": 3}));
    // A draft without metadata keeps what is there, and no more than that.
    assert_eq!(
        Value::Object(written.metadata.clone()),
        json!({"team": "red"})
    );
    assert_eq!(written.revision, before.revision.next());
    assert_eq!(node.get(&id("bot")).await.unwrap(), Some(written));
    assert_eq!(layers.base.get(&id("bot")).await.unwrap(), Some(below));
    let kept = layers.overlay.get(&id("bot")).await.unwrap().unwrap();
    assert_eq!(Value::Object(kept.metadata), json!({"team": "red"}));
}

#[tokio::test]
async fn changes_of_the_base_are_told_where_nothing_else_was_written() {
    let layers = Layers::with_base(&["followed", "kept", "gone", "kept-and-gone"]).await;
    let node = layers.node();
    for name in ["kept", "kept-and-gone"] {
        put(&node, name, json!({"from": "here"})).await;
    }
    let before = node.head().await.unwrap();
    for name in ["followed", "kept", "new"] {
        put(&*layers.base, name, json!({"from": "base", "n": 2})).await;
    }
    for name in ["gone", "kept-and-gone"] {
        delete(&*layers.base, name).await;
    }
    let now = json!({"from": "base", "n": 2});
    assert_eq!(config(&node, "followed").await, Some(now.clone()));
    assert_eq!(config(&node, "new").await, Some(now));
    assert_eq!(config(&node, "gone").await, None);
    for name in ["kept", "kept-and-gone"] {
        assert_eq!(config(&node, name).await, Some(json!({"from": "here"})));
    }
    let all = told(&node).await;
    let mut told = all[usize::try_from(before.0).unwrap()..].to_vec();
    told.sort();
    assert_eq!(told, ["followed:updated", "gone:deleted", "new:created"]);
    // Nothing is told of what does not change what is read.
    delete(&*layers.base, "new").await;
    put(&*layers.base, "new", json!({"from": "base", "n": 2})).await;
    assert_eq!(node.head().await.unwrap().0, all.len() as u64);
}

#[tokio::test]
async fn deleting_what_was_written_here_brings_the_base_back() {
    let layers = Layers::with_base(&["bot"]).await;
    let node = layers.node();
    put(&node, "bot", json!({"from": "here"})).await;
    put(&*layers.base, "bot", json!({"from": "base", "n": 2})).await;
    assert_eq!(delete(&node, "bot").await, Revision(3));
    assert_eq!(
        config(&node, "bot").await,
        Some(json!({"from": "base", "n": 2}))
    );
    assert_eq!(
        told(&node).await,
        ["bot:created", "bot:updated", "bot:deleted", "bot:created"]
    );
    // What only this layer has is gone.
    put(&node, "ours", json!({})).await;
    delete(&node, "ours").await;
    assert_eq!(config(&node, "ours").await, None);
    assert_eq!(layers.hidden.count(&Query::default()).await.unwrap(), 0);
}

#[tokio::test]
async fn deleting_what_the_base_has_hides_it_for_good() {
    let layers = Layers::with_base(&["a", "bot"]).await;
    let node = layers.node();
    delete(&node, "bot").await;
    let again = node
        .delete(&id("bot"), Precondition::Any, &ChangeNote::NONE)
        .await;
    assert!(matches!(again, Err(Error::NotFound { .. })));
    put(&*layers.base, "bot", json!({"n": 2})).await;
    delete(&*layers.base, "bot").await;
    put(&*layers.base, "bot", json!({"n": 3})).await;
    for node in [node, layers.node()] {
        assert_eq!(config(&node, "bot").await, None);
        assert_eq!(ids(&node, &Query::default()).await, ["a"]);
        assert_eq!(node.count(&Query::default()).await.unwrap(), 1);
        assert_eq!(node.heads(None, 10).await.unwrap().len(), 1);
        assert_eq!(told(&node).await.last().unwrap(), "bot:deleted");
    }
}

#[tokio::test]
async fn writing_what_is_hidden_uncovers_the_base_below_it() {
    let layers = Layers::with_base(&["bot"]).await;
    let node = layers.node();
    delete(&node, "bot").await;
    let written = node
        .put(&id("bot"), draft(json!({"n": 1})), Precondition::Absent)
        .await;
    assert_eq!(written.unwrap().version, 1);
    delete(&node, "bot").await;
    assert_eq!(config(&node, "bot").await, Some(json!({"from": "base"})));
    assert_eq!(
        told(&node).await,
        [
            "bot:created",
            "bot:deleted",
            "bot:created",
            "bot:deleted",
            "bot:created"
        ]
    );
}

#[tokio::test]
async fn a_refused_delete_hides_nothing() {
    let layers = Layers::with_base(&["bot"]).await;
    let node = layers.node();
    let before = node.head().await.unwrap();
    for when in [Precondition::Absent, Precondition::At(Revision(99))] {
        let refused = node.delete(&id("bot"), when, &ChangeNote::NONE).await;
        assert!(matches!(refused, Err(Error::Conflict { .. })));
    }
    assert_eq!(layers.hidden.count(&Query::default()).await.unwrap(), 0);
    assert_eq!(node.head().await.unwrap(), before);
}

#[tokio::test]
async fn filters_order_and_pages_go_across_both_layers() {
    let layers = Layers::default();
    for n in 0..10 {
        let to: &dyn RegistryBackend = if n % 2 == 0 {
            &*layers.base
        } else {
            &*layers.overlay
        };
        let one = Draft {
            status: if n < 8 {
                Status::Active
            } else {
                Status::Inactive
            },
            metadata: json!({"n": 10 - n, "odd": n % 2}).as_object().cloned(),
            ..draft(json!({}))
        };
        to.put(&id(&format!("bot-{n}")), one, Precondition::Any)
            .await
            .unwrap();
    }
    let node = layers.node();
    let query = Query {
        status: Some(Status::Active),
        sort: vec![SortSpec::parse("metadata.n").unwrap()],
        offset: 1,
        limit: Some(3),
        ..Query::default()
    };
    assert_eq!(ids(&node, &query).await, ["bot-6", "bot-5", "bot-4"]);
    assert_eq!(node.count(&query).await.unwrap(), 8);
    let even = Query {
        metadata: json!({"odd": 0}).as_object().unwrap().clone(),
        ..Query::default()
    };
    assert_eq!(
        ids(&node, &even).await,
        ["bot-0", "bot-2", "bot-4", "bot-6", "bot-8"]
    );
    let mut after = None;
    let mut seen = Vec::new();
    loop {
        let query = Query {
            after,
            limit: Some(4),
            ..Query::default()
        };
        let page = node.list(&query).await.unwrap();
        assert!(page.items.iter().all(|it| it.metadata.len() == 2));
        seen.extend(page.items.into_iter().map(|it| it.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 10);
    assert!(seen.is_sorted());
}

#[tokio::test]
async fn a_restart_spends_no_revision_and_finds_what_happened_meanwhile() {
    let names: Vec<_> = (0..700).map(|n| format!("bot-{n:03}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let layers = Layers::with_base(&names).await;
    let node = layers.node();
    put(&node, "bot-001", json!({"from": "here"})).await;
    delete(&node, "bot-002").await;
    let head = node.head().await.unwrap();
    assert_eq!(head, Revision(702));
    drop(node);
    assert_eq!(layers.node().head().await.unwrap(), head);
    for name in ["bot-001", "bot-002", "bot-003"] {
        put(&*layers.base, name, json!({"n": 2})).await;
    }
    delete(&*layers.base, "bot-004").await;
    let node = layers.node();
    let mut told = told(&node).await.split_off(702);
    told.sort();
    assert_eq!(told, ["bot-003:updated", "bot-004:deleted"]);
    assert_eq!(node.count(&Query::default()).await.unwrap(), 698);
}

#[tokio::test]
async fn a_base_whose_log_is_forgotten_or_that_is_another_is_compared_whole() {
    let layers = Layers::with_base(&["a", "b"]).await;
    let node = layers.node();
    node.head().await.unwrap();
    put(&*layers.base, "a", json!({"n": 2})).await;
    delete(&*layers.base, "b").await;
    let nothing = Retention {
        entries: 0,
        age: Duration::MAX,
        ..Retention::default()
    };
    layers.base.compact(nothing).await.unwrap();
    assert_eq!(config(&node, "a").await, Some(json!({"n": 2})));
    assert_eq!(config(&node, "b").await, None);
    let other = Layers {
        base: Layers::with_base(&["c"]).await.base,
        ..layers
    };
    assert_eq!(ids(&other.node(), &Query::default()).await, ["c"]);
}

#[tokio::test]
async fn nobody_writes_a_mark_of_their_own() {
    let node = Layers::default().node();
    let marked = Draft {
        metadata: json!({"hotbed.base": "x"}).as_object().cloned(),
        ..draft(json!({}))
    };
    let refused = node
        .put(&id("bot"), marked, Precondition::Any)
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "configuration of \"bot\" is refused: its metadata holds \"hotbed.base\", which marks what was copied from \
         the base: remove the key"
    );
}

/// As somebody does who opens the overlay itself, or edits its files.
#[tokio::test]
async fn a_copy_that_is_changed_behind_our_back_is_a_copy_no_more() {
    let layers = Layers::with_base(&["bot"]).await;
    let node = layers.node();
    node.head().await.unwrap();
    put(&*layers.overlay, "bot", json!({"from": "here"})).await;
    put(&*layers.base, "bot", json!({"n": 2})).await;
    let found = node.get(&id("bot")).await.unwrap().unwrap();
    assert_eq!(found.config.into_value(), json!({"from": "here"}));
    assert!(found.metadata.is_empty());
    // To write what the base says, too, is to write it here.
    let again = layers.node();
    put(&again, "bot", json!({"n": 2})).await;
    put(&*layers.base, "bot", json!({"n": 3})).await;
    assert_eq!(config(&again, "bot").await, Some(json!({"n": 2})));
}

#[tokio::test]
async fn the_past_is_that_of_the_overlay() {
    let layers = Layers::with_base(&["bot"]).await;
    let node = layers.node();
    node.head().await.unwrap();
    let asked = layers.overlay.history(&id("bot"), None, 10).await;
    let told = node.history(&id("bot"), None, 10).await;
    assert_eq!(asked.is_ok(), told.is_ok());
    for past in told.into_iter().flatten() {
        if let Past::Written(written) = past {
            assert!(written.metadata.is_empty());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_nodes_agree_while_both_layers_change() {
    let layers = Layers::with_base(&["a", "b", "c", "d"]).await;
    let mut writers = JoinSet::new();
    for n in 0_u64..8 {
        let layers = layers.clone();
        writers.spawn(async move {
            let node = layers.node();
            for round in 0..60 {
                let name = ["a", "b", "c", "d"][usize::try_from((n + round) % 4).unwrap()];
                match (n, round % 3) {
                    (0 | 1, 0) => drop(
                        layers
                            .base
                            .delete(&id(name), Precondition::Any, &ChangeNote::NONE)
                            .await,
                    ),
                    (0 | 1, _) => drop(put(&*layers.base, name, json!({"base": round})).await),
                    (_, 0) => drop(put(&node, name, json!({"n": n, "round": round})).await),
                    (_, 1) => drop(
                        node.delete(&id(name), Precondition::Any, &ChangeNote::NONE)
                            .await,
                    ),
                    _ => drop(node.get(&id(name)).await.unwrap()),
                }
            }
        });
    }
    writers.join_all().await;
    let (one, other) = (layers.node(), layers.node());
    told(&one).await;
    assert_eq!(one.head().await.unwrap(), other.head().await.unwrap());
    for name in ["a", "b", "c", "d"] {
        let here = layers.overlay.get(&id(name)).await.unwrap();
        let is_hidden = layers.hidden.get(&id(name)).await.unwrap().is_some();
        let below = layers.base.get(&id(name)).await.unwrap();
        match here {
            Some(here) if copy::is_one(&here) => {
                assert!(!is_hidden);
                assert!(copy::is_of(&here, &below.unwrap()));
            }
            Some(_) => {}
            None => assert!(is_hidden || below.is_none(), "{name}"),
        }
    }
    // Whoever was there all along tells the same.
    assert_eq!(
        one.heads(None, 10).await.unwrap(),
        other.heads(None, 10).await.unwrap()
    );
}

//! How a long listing is read in parts.

use super::Fixture;
use super::subject::{Subject, id, numbered};
use crate::{ChangeNote, Id, Precondition, Query, Status};
use serde_json::json;
use std::collections::BTreeSet;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

async fn with_ids(fixture: &dyn Fixture, names: &[&str]) -> Subject {
    let it = Subject::open(fixture).await;
    for name in names {
        it.store(name, json!({})).await;
    }
    it
}

pub(super) async fn offset_and_limit_cut_a_listing(fixture: &dyn Fixture) {
    let it = with_ids(fixture, &["a", "b", "c", "d", "e"]).await;
    let cut = |offset, limit| Query {
        offset,
        limit,
        ..Query::default()
    };
    assert_eq!(it.ids(&cut(0, Some(2))).await, ["a", "b"]);
    assert_eq!(it.ids(&cut(2, Some(2))).await, ["c", "d"]);
    assert_eq!(it.ids(&cut(4, Some(2))).await, ["e"]);
    assert_eq!(it.ids(&cut(3, None)).await, ["d", "e"]);
    assert_eq!(it.ids(&cut(0, Some(5))).await.len(), 5);
}

pub(super) async fn a_limit_of_zero_lists_nothing(fixture: &dyn Fixture) {
    let it = with_ids(fixture, &["a"]).await;
    let page = it
        .list(&Query {
            limit: Some(0),
            ..Query::default()
        })
        .await
        .expect("a page");
    assert_eq!((page.items, page.next), (Vec::new(), None));
}

pub(super) async fn beyond_the_end_there_is_nothing(fixture: &dyn Fixture) {
    let it = with_ids(fixture, &["a", "b"]).await;
    for offset in [2, 3, u64::MAX] {
        for limit in [None, Some(1), Some(u64::MAX)] {
            assert!(
                it.ids(&Query {
                    offset,
                    limit,
                    ..Query::default()
                })
                .await
                .is_empty()
            );
        }
    }
    assert_eq!(
        it.ids(&Query {
            limit: Some(u64::MAX),
            ..Query::default()
        })
        .await,
        ["a", "b"]
    );
}

pub(super) async fn a_cursor_continues_after_its_id(fixture: &dyn Fixture) {
    let it = with_ids(fixture, &["a", "b", "c", "d", "e"]).await;
    let (mut after, mut pages) = (None, Vec::new());
    loop {
        let query = Query {
            limit: Some(2),
            after,
            ..Query::default()
        };
        let page = it.list(&query).await.expect("a page");
        pages.push(
            page.items
                .iter()
                .map(|found| found.id.as_str().to_owned())
                .collect::<String>(),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, ["ab", "cd", "e"]);
}

pub(super) async fn a_cursor_need_not_exist(fixture: &dyn Fixture) {
    let it = with_ids(fixture, &["a", "c"]).await;
    let after = |name| Query {
        after: Some(id(name)),
        ..Query::default()
    };
    assert_eq!(it.ids(&after("b")).await, ["c"]);
    assert_eq!(it.ids(&after("a!")).await, ["c"]);
    assert!(it.ids(&after("z")).await.is_empty());
    assert_eq!(it.number(&after("a")).await, 1);
}

pub(super) async fn a_cursor_joins_the_other_filters(fixture: &dyn Fixture) {
    let it = with_ids(fixture, &["a", "b", "c", "d"]).await;
    it.store_as("c", Status::Inactive).await;
    let query = Query {
        after: Some(id("a")),
        status: Some(Status::Active),
        limit: Some(1),
        offset: 1,
        ..Query::default()
    };
    assert_eq!(it.ids(&query).await, ["d"]);
}

pub(super) async fn only_a_full_page_in_id_order_has_a_next_one(fixture: &dyn Fixture) {
    let it = with_ids(fixture, &["a", "b", "c"]).await;
    let next = async |limit| {
        let query = Query {
            limit,
            ..Query::default()
        };
        it.list(&query).await.expect("a page").next
    };
    assert_eq!(next(None).await, None);
    assert_eq!(next(Some(2)).await, Some(id("b")));
    assert_eq!(next(Some(4)).await, None);
}

pub(super) async fn pages_by_cursor_miss_and_repeat_nothing_while_others_write(
    fixture: &dyn Fixture,
) {
    let it = Subject::open(fixture).await;
    let stable: BTreeSet<String> = (0..120).map(|n| format!("stable-{n:03}")).collect();
    for name in &stable {
        it.store(name, json!({})).await;
    }
    let (mut writers, done) = (JoinSet::new(), CancellationToken::new());
    for writer in 0..3 {
        let (it, done) = (Subject::open(fixture).await, done.clone());
        writers.spawn(async move {
            for n in (0..).take_while(|_| !done.is_cancelled()) {
                // Comes and goes before, between and behind the stable ones, which change too.
                let fleeting = id(&format!(
                    "{}{}-{writer}",
                    ["a", "stable-050+", "z"][n % 3],
                    n % 7
                ));
                it.put(&fleeting, numbered(n), Precondition::Any)
                    .await
                    .expect("a write is done");
                it.delete(&fleeting, Precondition::Any, &ChangeNote::NONE)
                    .await
                    .expect("a delete is done");
                let name = format!("stable-{:03}", n % 120);
                it.put(&id(&name), numbered(n), Precondition::Any)
                    .await
                    .expect("a write is done");
            }
        });
    }
    for _ in 0..5 {
        let (mut after, mut seen): (Option<Id>, Vec<String>) = (None, Vec::new());
        loop {
            let query = Query {
                limit: Some(7),
                after,
                ..Query::default()
            };
            let page = it.list(&query).await.expect("a page");
            seen.extend(
                page.items
                    .into_iter()
                    .map(|found| found.id.as_str().to_owned()),
            );
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
        let seen: BTreeSet<String> = seen
            .into_iter()
            .filter(|name| stable.contains(name))
            .collect();
        assert_eq!(seen, stable);
    }
    done.cancel();
    while let Some(ended) = writers.join_next().await {
        ended.expect("a writer ends well");
    }
}

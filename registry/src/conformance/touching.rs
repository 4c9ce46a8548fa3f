//! Accesses are noted and change nothing.

use super::Fixture;
use super::subject::{Subject, id};
use crate::{Access, Registration, Revision};
use chrono::TimeDelta;
use serde_json::json;

fn access(of: &Registration, seconds: i64) -> Access {
    Access {
        id: of.id.clone(),
        at: of.last_accessed_at + TimeDelta::seconds(seconds),
    }
}

pub(super) async fn a_touch_is_noted(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let written = it.store("a", json!({})).await;
    let other = it.store("b", json!({})).await;
    let noted = access(&written, 5);
    it.touch(std::slice::from_ref(&noted))
        .await
        .expect("an access is noted");
    assert_eq!(it.stored("a").await.last_accessed_at, noted.at);
    assert_eq!(it.stored("b").await, other);
}

pub(super) async fn a_touch_is_not_a_change(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let written = it.store_noted("a", json!({"team": "a"})).await;
    let noted = access(&written, 5);
    it.touch(std::slice::from_ref(&noted))
        .await
        .expect("an access is noted");
    assert_eq!(
        it.stored("a").await,
        Registration {
            last_accessed_at: noted.at,
            ..written
        }
    );
    assert_eq!(it.newest().await, Revision(1));
    assert_eq!(it.told().await, ["a:created"]);
}

pub(super) async fn a_touch_never_goes_back(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let written = it.store("a", json!({})).await;
    for (seconds, stands) in [(-5, 0), (10, 10), (5, 10), (10, 10), (11, 11)] {
        it.touch(&[access(&written, seconds)])
            .await
            .expect("an access is noted");
        let expected = written.last_accessed_at + TimeDelta::seconds(stands);
        assert_eq!(it.stored("a").await.last_accessed_at, expected);
    }
}

pub(super) async fn the_newest_of_one_batch_stands(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let written = it.store("a", json!({})).await;
    let batch = [1, 9, 3].map(|seconds| access(&written, seconds));
    it.touch(&batch).await.expect("accesses are noted");
    assert_eq!(it.stored("a").await.last_accessed_at, batch[1].at);
}

pub(super) async fn a_touch_of_what_is_absent_creates_nothing(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let written = it.store("a", json!({})).await;
    let unknown = Access {
        id: id("unknown"),
        at: written.updated_at,
    };
    it.touch(&[unknown, access(&written, 5)])
        .await
        .expect("unknown ids are ignored");
    assert_eq!(it.find("unknown").await, None);
    assert_eq!(
        it.stored("a").await.last_accessed_at,
        access(&written, 5).at
    );
    it.touch(&[]).await.expect("nothing is noted");
}

pub(super) async fn a_large_batch_is_noted_whole(fixture: &dyn Fixture) {
    let it = Subject::open(fixture).await;
    let mut batch = Vec::new();
    for n in 0..100 {
        batch.push(access(&it.store(&format!("bot-{n}"), json!({})).await, 5));
    }
    let at = batch[0].at;
    batch.splice(
        50..50,
        (0..9_900).map(|n| Access {
            id: id(&format!("unknown-{n}")),
            at,
        }),
    );
    it.touch(&batch)
        .await
        .expect("ten thousand accesses are noted");
    for noted in batch
        .iter()
        .filter(|access| access.id.as_str().starts_with("bot-"))
    {
        assert_eq!(
            it.stored(noted.id.as_str()).await.last_accessed_at,
            noted.at
        );
    }
    assert_eq!(it.newest().await, Revision(100));
}

//! Where the nodes on one database see each other.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and says what it saw"
)]

use chrono::Utc;
use hotbed_backends::open;
use hotbed_fleet::{NodeId, NodeReport, NodeState, Progress, Roster};
use hotbed_registry::{CollectionName, Revision};
use hotbed_testkit::PostgresServer;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::JoinSet;
use uuid::Uuid;

fn report(node: u64, beat: u64) -> NodeReport {
    let progress = Progress {
        applied: Revision(beat),
        ..Progress::default()
    };
    NodeReport {
        node: NodeId::new(&format!("node-{node}")).unwrap(),
        incarnation: Uuid::from_u64_pair(1, node),
        beat,
        next_within: Duration::from_secs(2),
        host: "host".into(),
        pid: 1,
        address: "127.0.0.1:1".into(),
        version: "0".into(),
        started_at: Utc::now(),
        environment: "test".into(),
        state: NodeState::Ready,
        collections: BTreeMap::from([(CollectionName::bots(), progress)]),
    }
}

/// The roster of a store that is opened twice, as two nodes do.
async fn two_nodes_see_each_other(url: &str) {
    let (ours, theirs) = (open(url).await.unwrap(), open(url).await.unwrap());
    let (our, their) = (ours.roster().unwrap(), theirs.roster().unwrap());
    assert_eq!(our.all().await.unwrap(), []);
    our.tell(&report(1, 1)).await.unwrap();
    their.tell(&report(2, 1)).await.unwrap();
    let newer = report(1, 2);
    our.tell(&newer).await.unwrap();
    let mut seen = their.all().await.unwrap();
    seen.sort_by(|a, b| a.node.cmp(&b.node));
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0], newer, "the newest report of each");
    their.forget(newer.incarnation).await.unwrap();
    their.forget(newer.incarnation).await.unwrap();
    let left = our.all().await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].node.as_str(), "node-2");
    many_tell_at_once(our.as_ref(), their.as_ref()).await;
    ours.close().await;
    theirs.close().await;
}

async fn many_tell_at_once(our: &dyn Roster, their: &dyn Roster) {
    let tell = async |roster: &dyn Roster, nodes: std::ops::Range<u64>| {
        for node in nodes {
            roster.tell(&report(node, 1)).await.unwrap();
        }
    };
    tokio::join!(tell(our, 100..150), tell(their, 150..200));
    assert_eq!(our.all().await.unwrap().len(), 101);
}

#[tokio::test]
async fn nodes_on_one_sqlite_file_see_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hotbed.db");
    two_nodes_see_each_other(&format!("sqlite:{}", file.display())).await;
}

#[tokio::test]
async fn nodes_on_one_postgres_database_see_each_other() {
    let database = PostgresServer::shared().database();
    two_nodes_see_each_other(&database.url()).await;
}

#[tokio::test]
async fn reports_do_not_delay_writes_of_registrations() {
    use hotbed_registry::{Draft, Id, PortableConfig, Precondition};
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("hotbed.db").display());
    let store = open(&url).await.unwrap();
    let (bots, roster) = (
        store.collection(&CollectionName::bots()).await.unwrap(),
        store.roster().unwrap(),
    );
    let mut telling = JoinSet::new();
    telling.spawn(async move {
        for beat in 1..=200 {
            roster.tell(&report(1, beat)).await.unwrap();
        }
    });
    for n in 0..200_u64 {
        let config = PortableConfig::from_value(serde_json::json!({ "n": n })).unwrap();
        let id = Id::new("a").unwrap();
        bots.put(&id, Draft::active(config), Precondition::Any)
            .await
            .unwrap();
    }
    telling.join_next().await.unwrap().unwrap();
    store.close().await;
}

#[tokio::test]
async fn what_is_no_database_has_no_roster() {
    assert!(open("memory:").await.unwrap().roster().is_none());
}

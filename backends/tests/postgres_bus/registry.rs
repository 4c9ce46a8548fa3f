//! A bus on the database that holds the registry.

use crate::{SOON, bus, hears, subscribe, topic};
use hotbed_backends::{PostgresOptions, PostgresStore, RegistryUrl};
use hotbed_events::EventBus;
use hotbed_registry::{
    Change, ChangeKind, CollectionName, Draft, Id, PortableConfig, Precondition, Registration,
    RegistryBackend, event_from_change,
};
use hotbed_testkit::{PostgresServer, sized};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio::time::timeout;

const WRITERS: u64 = 32;

async fn node(url: &str) -> (Arc<dyn RegistryBackend>, Arc<dyn EventBus>) {
    let Ok(RegistryUrl::Postgres(place)) = url.parse() else {
        panic!("{url} is no URL of PostgreSQL");
    };
    let store = PostgresStore::open(&place, PostgresOptions::default())
        .await
        .unwrap();
    // The very same text.
    (store.collection(&CollectionName::bots()), bus(url))
}

async fn write(backend: &Arc<dyn RegistryBackend>, id: &str, n: u64) -> Registration {
    let config = PortableConfig::from_value(json!({ "n": n })).unwrap();
    let id = Id::new(id).unwrap();
    backend
        .put(&id, Draft::active(config), Precondition::Any)
        .await
        .unwrap()
}

/// Both notify, and PostgreSQL lets no two transactions that do so commit at once.
///
/// Catches: a lock that registry and bus take in different orders, and one held while the other is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn registry_and_bus_share_a_database_and_32_writers_see_no_error() {
    let each = sized(20, 500);
    let database = PostgresServer::shared().database();
    let url = format!("{}&table=bots", database.url());
    let nodes = [node(&url).await, node(&url).await];
    let mut heard = subscribe(&nodes[0].1, topic("registry:bots")).await;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (backend, bus) = nodes[usize::from(writer % 2 == 1)].clone();
        writers.spawn(async move {
            for n in 0..each {
                let written = write(&backend, &format!("bot-{writer}"), n).await;
                let change = Change {
                    id: written.id,
                    revision: written.revision,
                    kind: ChangeKind::Updated,
                    at: written.updated_at,
                };
                let event = event_from_change(&change, topic("registry:bots"));
                bus.publish(&[event]).await.unwrap();
            }
        });
    }
    let mut revisions: BTreeSet<u64> = (1..=WRITERS * each).collect();
    let hearing = async {
        while !revisions.is_empty() {
            let event = hears(&mut heard).await;
            revisions.remove(&event.payload["revision"].as_u64().unwrap());
        }
    };
    let (written, heard) = tokio::join!(writers.join_all(), timeout(SOON * 6, hearing));
    heard.unwrap();
    assert_eq!(written.len() as u64, WRITERS);
}

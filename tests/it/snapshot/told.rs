//! What clients were told, and what a node that starts without its registry may say after that.

use crate::harness::Node;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

/// What the clients of a node were told of each id, by any of its processes.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<HashMap<String, Facts>>);

#[derive(Debug, Default)]
struct Facts {
    /// The newest revision that was served.
    served: u64,
    /// It was told to be gone by somebody who had been served this revision before.
    gone_after: u64,
    /// The newest deletion that was acknowledged.
    deleted: u64,
}

/// What happened in the registry, oldest first.
#[derive(Debug)]
pub(super) struct Log(Vec<Value>);

impl Told {
    /// Talks to a bot, and takes down what that tells of it. Nothing if nobody answers.
    pub(super) async fn read(&self, node: &Node, id: &str) -> Option<()> {
        let before = self.facts().get(id).map_or(0, |facts| facts.served);
        let answer = node.try_send(node.chat_request(id, "hi")).await.ok()?;
        let mut told = self.facts();
        let facts = told.entry(id.to_owned()).or_default();
        match answer.status {
            200 => facts.served = facts.served.max(answer.revision()),
            404 => facts.gone_after = facts.gone_after.max(before),
            _ => {}
        }
        Some(())
    }

    pub(super) fn deleted(&self, id: &str, revision: u64) {
        let mut told = self.facts();
        let facts = told.entry(id.to_owned()).or_default();
        facts.deleted = facts.deleted.max(revision);
    }

    /// Whether a node that has nothing but its snapshot may serve this revision of an id, or nothing. Answers 1 if
    /// it could have said something wrong.
    pub(super) fn check(&self, id: &str, served: Option<u64>, log: &Log, when: &str) -> u64 {
        let told = self.facts();
        let Some(facts) = told.get(id) else { return 0 };
        let first_after = |revision| {
            let mut deletions = log.deletions(id);
            deletions.find(|it| *it > revision)
        };
        // Who was told that it is gone was told of the first deletion after what was served, or of a later one.
        let gone = match facts.gone_after {
            0 => 0,
            before => first_after(before).expect("what is gone was deleted"),
        };
        let gone = gone.max(facts.deleted);
        match served {
            Some(revision) => {
                assert!(
                    revision >= facts.served && revision > gone,
                    "{id}@{revision} is served, {gone} deleted it, and {facts:?} was told: {when}"
                );
                assert!(log.writes(id).any(|it| it == revision), "{id}@{revision}");
            }
            None => assert!(
                facts.served == 0 || first_after(facts.served).is_some(),
                "{id} is served no more, and {facts:?} was told: {when}"
            ),
        }
        u64::from(facts.served > 0)
    }

    fn facts(&self) -> MutexGuard<'_, HashMap<String, Facts>> {
        self.0.lock().unwrap()
    }
}

impl Log {
    /// The revision at which an id stands.
    pub(super) fn newest(&self, id: &str) -> Option<u64> {
        let last = self.of(id).next_back()?;
        (last["kind"] != "deleted").then(|| revision(last))
    }

    fn of<'a>(&'a self, id: &str) -> impl DoubleEndedIterator<Item = &'a Value> {
        self.0.iter().filter(move |change| change["id"] == *id)
    }

    fn deletions(&self, id: &str) -> impl Iterator<Item = u64> {
        let deletions = self.of(id).filter(|change| change["kind"] == "deleted");
        deletions.map(revision)
    }

    fn writes(&self, id: &str) -> impl Iterator<Item = u64> {
        let writes = self.of(id).filter(|change| change["kind"] != "deleted");
        writes.map(revision)
    }
}

/// All that ever happened in a registry.
pub(super) async fn log(registry: &Node) -> Log {
    let mut changes = Vec::new();
    let mut after = 0;
    loop {
        let page = registry
            .get(&format!("/api/v1/changes?after={after}"))
            .await;
        let page = page.expect(200).json();
        changes.extend(page["changes"].as_array().unwrap().iter().cloned());
        after = page["next"].as_u64().unwrap();
        if page["next"] == page["head"] {
            return Log(changes);
        }
    }
}

fn revision(change: &Value) -> u64 {
    change["revision"].as_u64().unwrap()
}

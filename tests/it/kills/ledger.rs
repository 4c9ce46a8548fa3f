use crate::harness::{Node, echo};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// Ids that one writer has to itself.
const IDS: usize = 4;

/// What a writer wants of an id: a value that no other write has, or nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Op {
    pub(super) value: Option<u64>,
}

/// One client with ids of its own, so that at any time at most one write of an id is under way.
#[derive(Debug)]
pub(super) struct Writer {
    /// Its ids, and whether each is registered.
    pub(super) ids: Vec<(String, bool)>,
    /// The next value that nobody has used.
    pub(super) next: u64,
    /// What was acknowledged, by revision.
    pub(super) acknowledged: BTreeMap<u64, (String, Op)>,
    /// What may have happened.
    pub(super) unanswered: Option<(String, Op)>,
}

/// What must be stored, by what was acknowledged and by what the log has told since.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    head: u64,
    /// The revision and value of what is registered.
    stored: BTreeMap<String, (u64, u64)>,
    writes: u64,
}

impl Ledger {
    pub(super) fn writers(&mut self, count: usize) -> Vec<Writer> {
        (0..count)
            .map(|writer| {
                // Far more than a writer makes in its life.
                self.writes += 1_000_000;
                let ids = (0..IDS).map(|n| format!("writer-{writer}-{n}"));
                Writer {
                    ids: ids
                        .map(|id| {
                            let exists = self.stored.contains_key(&id);
                            (id, exists)
                        })
                        .collect(),
                    next: self.writes,
                    acknowledged: BTreeMap::new(),
                    unanswered: None,
                }
            })
            .collect()
    }

    /// Holds a server that has just started against what its predecessor acknowledged.
    pub(super) async fn check(&mut self, node: &Node, writers: Vec<Writer>) {
        let mut unanswered = HashMap::new();
        let mut acknowledged = BTreeMap::new();
        for writer in writers {
            acknowledged.extend(writer.acknowledged);
            unanswered.extend(writer.unanswered);
        }
        for change in self.log(node).await {
            let (id, revision) = (
                change["id"].as_str().unwrap(),
                change["revision"].as_u64().unwrap(),
            );
            assert_eq!(revision, self.head + 1, "a gap or a repetition: {change}");
            self.head = revision;
            let op = match acknowledged.remove(&revision) {
                Some((expected, op)) => {
                    assert_eq!(id, expected, "{change}");
                    op
                }
                None => unanswered
                    .remove(id)
                    .unwrap_or_else(|| panic!("nobody asked for {change}")),
            };
            let before = self.stored.remove(id);
            let kind = match (op.value, before) {
                (None, _) => "deleted",
                (Some(_), None) => "created",
                (Some(_), Some(_)) => "updated",
            };
            assert_eq!(change["kind"], kind, "{change}");
            if let Some(value) = op.value {
                self.stored.insert(id.to_owned(), (revision, value));
            }
        }
        assert!(acknowledged.is_empty(), "lost: {acknowledged:?}");

        let list = node.get("/api/v1/bots").await.expect(200).json();
        let found: BTreeMap<String, (u64, u64)> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (it["id"].as_str().unwrap().to_owned(), whole(it)))
            .collect();
        assert_eq!(found, self.stored);
    }

    /// The log since the last check.
    async fn log(&self, node: &Node) -> Vec<Value> {
        let mut changes = Vec::new();
        let mut after = self.head;
        loop {
            let page = node.get(&format!("/api/v1/changes?after={after}")).await;
            let page = page.expect(200).json();
            changes.extend(page["changes"].as_array().unwrap().iter().cloned());
            after = page["next"].as_u64().unwrap();
            if page["next"] == page["head"] {
                return changes;
            }
        }
    }
}

/// The body of a write. All of it follows from the value, so that parts of two writes do not fit together.
pub(super) fn body(value: u64) -> Value {
    let mut body = echo(&prompt(value));
    body["metadata"] = json!({"value": value});
    body
}

fn prompt(value: u64) -> String {
    let times = usize::try_from(value % 700).unwrap();
    format!("{value} ").repeat(1 + times)
}

/// Revision and value of a registration that is all of one write.
fn whole(registration: &Value) -> (u64, u64) {
    let value = registration["metadata"]["value"].as_u64().unwrap();
    let found = &registration["config"]["system_prompt"];
    assert_eq!(*found, prompt(value), "half of {value}");
    (registration["revision"].as_u64().unwrap(), value)
}

use super::*;
use crate::{NodeId, NodeState, Progress, RosterError, Seen};
use async_trait::async_trait;
use chrono::Utc;
use hotbed_events::MemoryBus;
use hotbed_registry::CollectionName;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use tokio::task::JoinHandle;

/// A node that has nothing to do but to be there.
struct Node {
    fleet: Fleet,
    steps: watch::Sender<Revision>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

struct Facts {
    node: NodeId,
    incarnation: Uuid,
    steps: watch::Receiver<Revision>,
}

impl Describe for Facts {
    fn describe(&self) -> NodeReport {
        let revision = *self.steps.borrow();
        let progress = Progress {
            applied: revision,
            head: revision,
            ..Progress::default()
        };
        NodeReport {
            node: self.node.clone(),
            incarnation: self.incarnation,
            beat: 0,
            next_within: Duration::ZERO,
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
}

impl Node {
    fn start(name: &str, bus: Arc<dyn EventBus>, roster: Option<Arc<dyn Roster>>) -> Self {
        let steps = watch::Sender::new(Revision::ZERO);
        let facts = Facts {
            node: NodeId::new(name).unwrap(),
            incarnation: Uuid::new_v4(),
            steps: steps.subscribe(),
        };
        let member = Member::new(
            bus,
            roster,
            Arc::new(facts),
            steps.subscribe(),
            Pace::default(),
        );
        let (fleet, stop) = (member.fleet(), CancellationToken::new());
        #[expect(clippy::disallowed_methods, reason = "the test aborts or awaits it")]
        let task = tokio::spawn(member.run(stop.clone()));
        Self {
            fleet,
            steps,
            stop,
            task,
        }
    }

    fn sees(&self) -> Vec<String> {
        let mut names: Vec<String> = self.fleet.nodes().iter().map(name).collect();
        names.sort();
        names
    }

    /// Waits until what is seen is so, by the clock of the test.
    async fn until(&self, what: &str, within: Duration, is: impl Fn(&[Seen]) -> bool) {
        let mut news = self.fleet.news();
        let waiting = async {
            while !is(&self.fleet.nodes()) {
                let tick = tokio::time::sleep(Duration::from_millis(50));
                tokio::select! {
                    changed = news.changed() => changed.unwrap(),
                    () = tick => {}
                }
            }
        };
        let timely = tokio::time::timeout(within, waiting).await;
        assert!(timely.is_ok(), "{what}: {:?}", self.fleet.nodes());
    }
}

fn name(seen: &Seen) -> String {
    seen.report.node.to_string()
}

fn applied(seen: &Seen) -> u64 {
    seen.report.collections[&CollectionName::bots()].applied.0
}

#[tokio::test(start_paused = true)]
async fn nodes_of_one_bus_see_each_other_and_each_step_soon() {
    let bus = Arc::new(MemoryBus::new());
    let a = Node::start("a", bus.clone(), None);
    let b = Node::start("b", bus.clone(), None);
    a.until("both", Duration::from_secs(1), |all| all.len() == 2)
        .await;
    b.until("both", Duration::from_secs(3), |all| all.len() == 2)
        .await;
    b.steps.send_replace(Revision(7));
    let soon = Duration::from_millis(300);
    a.until("the step", soon, |all| {
        all.iter().any(|it| applied(it) == 7)
    })
    .await;
    assert_eq!(a.sees(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_ends_leaves_at_once_and_a_dead_one_by_itself() {
    let bus = Arc::new(MemoryBus::new());
    let a = Node::start("a", bus.clone(), None);
    let ends = Node::start("ends", bus.clone(), None);
    let dies = Node::start("dies", bus.clone(), None);
    a.until("all", Duration::from_secs(3), |all| all.len() == 3)
        .await;
    ends.stop.cancel();
    ends.task.await.unwrap();
    let at_once = Duration::from_millis(100);
    a.until("one less", at_once, |all| {
        all.iter().all(|it| name(it) != "ends")
    })
    .await;
    dies.task.abort();
    let silent = |all: &[Seen]| {
        all.first()
            .is_some_and(|it| name(it) == "dies" && it.silent)
    };
    a.until("silence", Duration::from_secs(7), silent).await;
    a.until("nobody else", Duration::from_secs(16), |all| all.len() == 1)
        .await;
}

#[derive(Debug, Default)]
struct Table(Mutex<HashMap<Uuid, NodeReport>>);

#[async_trait]
impl Roster for Table {
    async fn tell(&self, report: &NodeReport) -> Result<(), RosterError> {
        self.0
            .lock()
            .unwrap()
            .insert(report.incarnation, report.clone());
        Ok(())
    }

    async fn all(&self) -> Result<Vec<NodeReport>, RosterError> {
        Ok(self.0.lock().unwrap().values().cloned().collect())
    }

    async fn forget(&self, incarnation: Uuid) -> Result<(), RosterError> {
        self.0.lock().unwrap().remove(&incarnation);
        Ok(())
    }
}

/// Two processes on one database whose buses do not reach each other.
#[tokio::test(start_paused = true)]
async fn nodes_without_a_common_bus_see_each_other_in_the_roster() {
    let table = Arc::new(Table::default());
    let start = |name| Node::start(name, Arc::new(MemoryBus::new()), Some(table.clone()));
    let (a, b) = (start("a"), start("b"));
    for node in [&a, &b] {
        node.until("both", Duration::from_secs(12), |all| all.len() == 2)
            .await;
    }
    // Between two looks at the roster nobody is taken for silent.
    let mut quiet = tokio::time::interval(Duration::from_millis(500));
    for _ in 0..120 {
        quiet.tick().await;
        assert!(a.fleet.nodes().iter().all(|it| !it.silent));
    }
    let c = start("c");
    a.until("three", Duration::from_secs(12), |all| all.len() == 3)
        .await;
    c.stop.cancel();
    c.task.await.unwrap();
    a.until("two again", Duration::from_secs(12), |all| all.len() == 2)
        .await;
    b.task.abort();
    a.until("one", Duration::from_secs(130), |all| all.len() == 1)
        .await;
    let rows = table.0.lock().unwrap().len();
    assert_eq!(rows, 1, "the dead are removed from the roster");
}

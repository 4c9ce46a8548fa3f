//! What people do, and what they are answered.

use super::NAMES;
use super::model::{Answer, Answered};
use crate::node::{Node, configure, id, mod_id, object, order, registration};
use hotbed_mods::{Cascade, Direction, ScopeChange};
use hotbed_registry::{MemoryBackend, Precondition, RegistryBackend, Revision};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One thing that somebody does with one mod.
#[derive(Debug, Clone)]
pub(super) struct Deed {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Load(Value),
    Unload(Cascade),
    Reload,
    ReloadChanged,
    Edit(Value),
    /// If it still is what it was when they looked.
    Put(Value),
    Enable,
    Disable,
    Bind(String),
}

impl Deed {
    pub(super) fn some(random: &mut StdRng) -> Self {
        let name = NAMES[random.random_range(0..NAMES.len())];
        let kind = match random.random_range(0..16) {
            0..=3 => Kind::Load(some_config(random)),
            4 | 5 => Kind::Unload(Cascade::Refuse),
            6 => Kind::Unload(Cascade::Dependents),
            7 => Kind::Reload,
            8 => Kind::ReloadChanged,
            9..=11 => Kind::Edit(some_config(random)),
            12 => Kind::Put(some_config(random)),
            13 => Kind::Enable,
            14 => Kind::Disable,
            _ => Kind::Bind(format!("channel{}", random.random_range(0..3))),
        };
        Self { name, kind }
    }

    /// Does it, unless the node dies before it answers.
    pub(super) async fn is_done(&self, node: &Node, store: &MemoryBackend, by: String) -> Answered {
        let began = store.head().await.unwrap();
        let ran: BTreeSet<String> = node.running().into_iter().collect();
        let faults = node.line.failures();
        let read = store
            .get(&id(self.name))
            .await
            .unwrap()
            .map(|it| it.revision);
        let answer = tokio::select! {
            answer = self.answer(node, &by, read) => answer,
            () = node.ended() => Answer::None,
        };
        Answered {
            deed: self.clone(),
            by,
            began,
            ended: store.head().await.unwrap(),
            read,
            ran,
            runs: node.running().into_iter().collect(),
            known: known(node),
            was_cut_off: node.has_ended() || node.line.failures() > faults,
            answer,
        }
    }

    async fn answer(&self, node: &Node, by: &str, read: Option<Revision>) -> Answer {
        let (name, desk) = (self.name, &node.desk);
        let by = crate::node::note(by);
        let any = Precondition::Any;
        let entry = match &self.kind {
            Kind::Load(config) => {
                let order = hotbed_desk::Order {
                    note: by,
                    ..order(name, config.clone())
                };
                desk.load(order).await
            }
            Kind::Reload => desk.reload(name, by).await,
            Kind::Edit(config) => desk.edit(name, any, by, configure(config.clone())).await,
            Kind::Put(config) => {
                let registered = object(registration(name, config.clone()));
                let when = read.map_or(Precondition::Absent, Precondition::At);
                desk.put(&id(name), registered, None, when, by).await
            }
            Kind::Enable => desk.enable(name, by).await,
            Kind::Disable => desk.disable(name, by).await,
            Kind::Unload(cascade) => {
                return match desk.unload(name, *cascade, any, by).await {
                    Ok(gone) => Answer::Gone(gone),
                    Err(error) => Answer::Error(error),
                };
            }
            Kind::ReloadChanged => {
                return match desk.reload_changed(by).await {
                    Ok(report) => Answer::Report(report),
                    Err(error) => Answer::Error(error),
                };
            }
            Kind::Bind(scope) => {
                let change = ScopeChange {
                    id: mod_id(name),
                    scope: scope.clone(),
                    direction: Direction::Bind,
                };
                return match desk.rescope(vec![change], &by).await {
                    Ok(()) => Answer::Done,
                    Err(error) => Answer::Error(error),
                };
            }
        };
        match entry {
            Ok((_, entry)) => Answer::Entry(Box::new(entry)),
            Err(error) => Answer::Error(error),
        }
    }
}

fn known(node: &Node) -> BTreeSet<String> {
    let statuses = node.host.statuses().into_iter();
    statuses.map(|status| status.id.to_string()).collect()
}

/// One of four does not come up.
fn some_config(random: &mut StdRng) -> Value {
    let x = random.random_range(0..1_000);
    let acts = ["fail", "hang"];
    let act = acts[random.random_range(0..acts.len())];
    match random.random_range(0..16) {
        0 | 1 => json!({"x": x, "initialize": act}),
        2 => json!({"x": x, "start": act}),
        3 => json!({"x": x, "health": "no"}),
        _ => json!({"x": x}),
    }
}

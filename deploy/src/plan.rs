//! What makes a registry hold what a directory says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hotbed_configs::PortableConfig;
use serde_json::{Map, Value, json};

use crate::collection::Collection;
use crate::deployment::{Deployment, Entry};
use crate::difference::{Difference, differences};
use crate::owner::{MANAGED_BY, Owner};

pub use crate::owner::Standing;

/// The word for the status of what is in service.
const IN_SERVICE: &str = "active";

/// The keys of the metadata that are about a write and not about what was written.
const NOTE: [&str; 3] = ["changed_by", "change_reason", "reload_mark"];

/// What is registered under an id, as it was when it was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Registered {
    /// The configuration, as it is stored.
    pub config: Map<String, Value>,
    /// The word for its status.
    pub status: String,
    /// What its owners noted of it.
    pub metadata: Map<String, Value>,
    /// The revision that it was at.
    pub revision: u64,
    /// Whether an instance of it is in memory where the plan is made for.
    pub is_live: bool,
}

/// On what terms a plan is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Whose directory it is.
    pub owner: Owner,
    /// What becomes of what the directory does not hold.
    pub prune: Prune,
    /// What becomes of what the directory holds and somebody else owns.
    pub take_over: TakeOver,
}

/// What becomes of the owner's registrations that the directory does not hold any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prune {
    /// They stay.
    Keep,
    /// They are deleted. What others own, and what nobody owns, stays.
    Delete,
}

/// What becomes of registrations that the directory holds and that are not the owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeOver {
    /// Those of others are refused. Those of nobody become the owner's when they are written.
    Refuse,
    /// They become the owner's, whether or not anything else of them is written.
    All,
}

/// Says what makes a registry hold what a directory says; nothing is done by making it.
///
/// It is a function of its arguments. Each step names the revision that it was planned for, so that it can be done under
/// the condition that nobody wrote meanwhile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What is to be done: bots first, each collection in the order of the ids.
    pub steps: Vec<Step>,
    /// What is as it should be, by [name](Step::name), and whose it is.
    pub unchanged: BTreeMap<String, Standing>,
}

/// What is to be done with one registration.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Of which collection.
    pub collection: Collection,
    /// Whose registration.
    pub id: String,
    /// What is to be done.
    pub action: Action,
    /// What becomes of its instance.
    pub effect: Effect,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Register it, if it is not registered still.
    Create {
        /// What it shall be.
        desired: Desired,
    },
    /// Replace it, if it is at this revision still.
    Update {
        /// What it shall be.
        desired: Desired,
        /// The revision that it was compared with.
        at: u64,
        /// What is not the same, field by field.
        differences: Vec<Difference>,
        /// Whose it was.
        was: Standing,
    },
    /// Delete it, if it is at this revision still.
    Delete {
        /// The revision that it was looked at.
        at: u64,
    },
    /// Nothing: it is not as the directory says, and somebody else owns it.
    Refuse {
        /// Where the directory says so.
        file: PathBuf,
        /// Who owns it.
        owner: String,
    },
}

/// What a registration shall be: in service, and this.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Where the directory says so.
    pub file: PathBuf,
    /// The configuration.
    pub config: PortableConfig,
    /// The metadata, with the owner's label.
    pub metadata: Map<String, Value>,
}

/// What becomes of the instance of a registration, on a node that has one in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// There is none, or it stays as it is.
    None,
    /// It serves until another one was built from the new revision.
    Rebuilt,
    /// It is taken out of service.
    Removed,
}

impl Plan {
    /// Compares what a directory says of its bots with what is registered.
    pub fn between(
        desired: &Deployment,
        existing: &BTreeMap<String, Registered>,
        terms: &Terms,
    ) -> Self {
        Self::default().and(Collection::Bots, desired, existing, terms)
    }

    /// The same plan, and what makes the registry hold what the directory says of another collection.
    #[must_use]
    pub fn and(
        mut self,
        collection: Collection,
        desired: &Deployment,
        existing: &BTreeMap<String, Registered>,
        terms: &Terms,
    ) -> Self {
        let desired = desired.of(collection);
        let mut plan = Comparison {
            collection,
            steps: Vec::new(),
            unchanged: &mut self.unchanged,
        };
        for (id, entry) in desired {
            plan.consider(id, entry, existing.get(id), terms);
        }
        if terms.prune == Prune::Delete {
            for (id, registered) in existing {
                let is_own = terms.owner.standing(&registered.metadata) == Standing::Own;
                if is_own && !desired.contains_key(id) {
                    let action = Action::Delete {
                        at: registered.revision,
                    };
                    plan.step(id, action, live(registered, Effect::Removed));
                }
            }
        }
        let mut steps = plan.steps;
        steps.sort_by(|one, other| one.id.cmp(&other.id));
        self.steps.extend(steps);
        self
    }

    /// Whether the registry holds what the directory says.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl Step {
    /// The [name](Collection::name) of what it is done with.
    pub fn name(&self) -> String {
        self.collection.name(&self.id)
    }
}

/// A plan of one collection in the making.
struct Comparison<'p> {
    collection: Collection,
    steps: Vec<Step>,
    unchanged: &'p mut BTreeMap<String, Standing>,
}

impl Comparison<'_> {
    fn consider(
        &mut self,
        id: &str,
        entry: &Entry,
        registered: Option<&Registered>,
        terms: &Terms,
    ) {
        let mut desired = Desired {
            file: entry.file.clone(),
            config: entry.config.clone(),
            metadata: entry.metadata.clone(),
        };
        let label = terms.owner.label();
        desired.metadata.insert(MANAGED_BY.to_owned(), label.into());
        let Some(registered) = registered else {
            return self.step(id, Action::Create { desired }, Effect::None);
        };
        let was = terms.owner.standing(&registered.metadata);
        let (before, after) = (registered.written(), desired.written());
        let found = differences(&before, &after);
        let label = format!("/metadata/{MANAGED_BY}");
        let is_same = found.iter().all(|difference| difference.pointer == label);
        match (is_same, terms.take_over, &was) {
            (true, TakeOver::Refuse, _) | (true, TakeOver::All, Standing::Own) => {
                self.unchanged.insert(self.collection.name(id), was);
            }
            (false, TakeOver::Refuse, Standing::Others(owner)) => {
                let refuse = Action::Refuse {
                    file: desired.file,
                    owner: owner.clone(),
                };
                self.step(id, refuse, Effect::None);
            }
            _ => {
                let update = Action::Update {
                    desired,
                    at: registered.revision,
                    differences: found,
                    was,
                };
                self.step(id, update, live(registered, Effect::Rebuilt));
            }
        }
    }

    fn step(&mut self, id: &str, action: Action, effect: Effect) {
        self.steps.push(Step {
            collection: self.collection,
            id: id.to_owned(),
            action,
            effect,
        });
    }
}

/// What happens to an instance, if there is one.
fn live(registered: &Registered, effect: Effect) -> Effect {
    if registered.is_live {
        effect
    } else {
        Effect::None
    }
}

impl Registered {
    fn written(&self) -> Value {
        written(&self.status, &self.config, &self.metadata)
    }
}

impl Desired {
    /// The word for its status.
    pub fn status(&self) -> &'static str {
        IN_SERVICE
    }

    fn written(&self) -> Value {
        written(self.status(), self.config.as_map(), &self.metadata)
    }
}

/// What a writer says of a registration, as one value to compare: neither when, nor how often, nor the note of the write.
pub fn written(status: &str, config: &Map<String, Value>, metadata: &Map<String, Value>) -> Value {
    let metadata: Map<_, _> = metadata
        .iter()
        .filter(|(key, _)| !NOTE.contains(&key.as_str()))
        .map(|(key, it)| (key.clone(), it.clone()))
        .collect();
    json!({"status": status, "config": config, "metadata": metadata})
}

#[cfg(test)]
mod tests;
